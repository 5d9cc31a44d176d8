"""A second currency that some costs come in, with a rate for each working day, as central banks publish them."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import repeat

import numpy as np

from enrich_pipeline.domain.days import days_between
from enrich_pipeline.warehouse.demo_store.money import Integers, Money, decimal_text
from enrich_pipeline.warehouse.demo_store.rows import Columns

_RATE_DECIMALS = 6
_DAYS_BEFORE = 10  # a rate may be up to seven days old


def second_currency(store: Money) -> Money:
    """The currency that imported goods are paid in."""
    return Money.of("EUR" if store.currency != "EUR" else "USD")


def unrated_currency(store: Money) -> Money:
    """A currency for which there is no rate: a cost in it is `missing_fx`."""
    return Money.of("CHF" if store.currency != "CHF" else "SEK")


def to_second(store: Money, second: Money, minor: Integers) -> Integers:
    """About the same value in the second currency's minor units; at least one."""
    numerator = second.per_10_000_dollars * 10**second.exponent
    denominator = store.per_10_000_dollars * 10**store.exponent
    return np.maximum(minor * numerator // denominator, 1)


def rate_columns(store: Money, second: Money, first_day: date, last_day: date, random: np.random.Generator) -> Columns:
    """The rows of `fx_rates`: none at weekends, when the last working day's rate still holds."""
    every_day = list(days_between(first_day - timedelta(days=_DAYS_BEFORE), last_day))
    days = [day for day in every_day if day.weekday() < 5]
    parity = store.per_10_000_dollars * 10**_RATE_DECIMALS // second.per_10_000_dollars
    drift = np.cumsum(random.integers(-4_000, 4_001, size=len(days), dtype=np.int64))  # up to 0.4 % a day
    rates = np.maximum(parity + parity * drift // 1_000_000, 1)
    return {
        "rate_date": [day.isoformat() for day in days],
        "from_currency": repeat(second.currency),
        "to_currency": repeat(store.currency),
        "rate": decimal_text(rates, _RATE_DECIMALS),
        "updated_at": [f"{day}T15:05:00Z" for day in days],
    }
