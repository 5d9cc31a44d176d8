"""What a unit costs, and since when: the rows of `unit_costs`, with periods that follow each other day after day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from enrich_pipeline.warehouse.demo_store.catalog import PRODUCTS
from enrich_pipeline.warehouse.demo_store.fx import to_second, unrated_currency
from enrich_pipeline.warehouse.demo_store.rows import NULL, Columns
from enrich_pipeline.warehouse.demo_store.shop import Shop

_IMPORTED_ONE_IN = 10  # products that are paid in the second currency
_PERIODS = (0.5, 0.35, 0.15)  # the share of products that have one, two, three cost periods
_ENDING_SHARE = 0.15  # products whose last period has an end, some time after the last day
_CHANGES_DAYS_BEFORE, _KNOWN_DAYS_BEFORE, _ENDS_DAYS_AFTER = 60, 400, 120


@dataclass(frozen=True, slots=True)
class _Period:
    sku: str
    effective_from: str
    effective_to: str
    unit_cost: str
    currency: str
    updated_at: str


def cost_columns(shop: Shop, first_day: date, last_day: date, random: np.random.Generator) -> Columns:
    """The rows of `unit_costs`: exactly one holds for each product on each day, apart from the skus made to lack it."""
    periods = [
        period
        for product in range(PRODUCTS)
        if not (shop.catalog.cost_on_line[product] and product % 4 == 1)  # some are costed on their lines alone
        for period in _product_periods(shop, product, first_day, last_day, random)
    ]
    periods += _purposeful_periods(shop, entered=first_day - timedelta(days=_KNOWN_DAYS_BEFORE))
    return {
        "sku": [period.sku for period in periods],
        "effective_from": [period.effective_from for period in periods],
        "effective_to": [period.effective_to for period in periods],
        "unit_cost": [period.unit_cost for period in periods],
        "currency": [period.currency for period in periods],
        "updated_at": [period.updated_at for period in periods],
    }


def _product_periods(
    shop: Shop, product: int, first_day: date, last_day: date, random: np.random.Generator
) -> list[_Period]:
    """The product's periods: the first without a beginning, the last nearly always without an end."""
    money, cost = shop.money, int(shop.catalog.costs[product])
    if product % _IMPORTED_ONE_IN == 0:
        money = shop.second
        cost = int(to_second(shop.money, money, shop.catalog.costs[product : product + 1])[0])
    offsets = np.arange(-_CHANGES_DAYS_BEFORE, (last_day - first_day).days + 1)
    changes = int(random.choice(len(_PERIODS), p=_PERIODS))
    starts = np.sort(random.choice(offsets, size=changes, replace=False)).tolist()
    begins = [first_day + timedelta(days=start) for start in starts]
    until = str(last_day + timedelta(days=_ENDS_DAYS_AFTER)) if random.random() < _ENDING_SHARE else NULL
    entered = [first_day - timedelta(days=_KNOWN_DAYS_BEFORE), *(begin - timedelta(days=1) for begin in begins)]
    bounds = zip([NULL, *map(str, begins)], [*(str(day) for day in entered[1:]), until], entered, strict=True)
    periods: list[_Period] = []
    for effective_from, effective_to, entered_on in bounds:
        currency = NULL if money is shop.money and product % 3 else money.currency
        periods.append(
            _Period(shop.catalog.skus[product], effective_from, effective_to, money.one_text(cost), currency,
                    f"{entered_on}T08:30:00Z")
        )  # fmt: skip
        cost = max(cost * int(random.integers(960, 1_090)) // 1_000, 1)
    return periods


def _purposeful_periods(shop: Shop, entered: date) -> list[_Period]:
    """Two costs that hold at once, and one in a currency without a rate."""
    catalog, at = shop.catalog, f"{entered}T08:30:00Z"
    cost = int(catalog.costs[catalog.ambiguous_cost])
    two_costs, no_rate = catalog.skus[catalog.ambiguous_cost], catalog.skus[catalog.missing_fx]
    unrated = unrated_currency(shop.money)
    return [
        _Period(two_costs, NULL, NULL, shop.money.one_text(cost), NULL, at),
        _Period(two_costs, NULL, NULL, shop.money.one_text(cost + 1), NULL, at),
        _Period(no_rate, NULL, NULL, unrated.one_text(unrated.amount(1_250)), unrated.currency, at),
    ]
