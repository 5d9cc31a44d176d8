"""`enrich seed`: replace what the raw tables hold with a generated store, the same for the same seed, byte for byte.

Orders are made up in chunks of one day and copied at once, so memory does not grow with the store. Each part has a
random generator of its own, seeded by what it makes: how much one draws does not change the others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import psycopg
from sqlalchemy import Engine

from enrich_pipeline.domain.days import StoreDay, days_between
from enrich_pipeline.domain.states import Exclusion
from enrich_pipeline.domain.store import Store
from enrich_pipeline.warehouse import raw_tables
from enrich_pipeline.warehouse.demo_store.aftermath import (
    make_refunds,
    refund_columns,
    refund_line_columns,
    transaction_columns,
)
from enrich_pipeline.warehouse.demo_store.catalog import make_catalog
from enrich_pipeline.warehouse.demo_store.channels import fee_rule_columns
from enrich_pipeline.warehouse.demo_store.costs import cost_columns
from enrich_pipeline.warehouse.demo_store.exclusions import planted_by_reason
from enrich_pipeline.warehouse.demo_store.fx import rate_columns, second_currency
from enrich_pipeline.warehouse.demo_store.money import Integers, Money
from enrich_pipeline.warehouse.demo_store.order_rows import line_columns, order_columns
from enrich_pipeline.warehouse.demo_store.orders import Orders, make_orders
from enrich_pipeline.warehouse.demo_store.rhythm import orders_a_day
from enrich_pipeline.warehouse.demo_store.rows import copy_rows
from enrich_pipeline.warehouse.demo_store.shop import Shop
from enrich_pipeline.warehouse.driver import driver_connection
from enrich_pipeline.warehouse.progress import OnProgress
from enrich_pipeline.warehouse.raw_schema import replaced_raw_content

_CHUNK_ORDERS = 20_000

# One stream of random numbers for each part of the store.
_CATALOG, _COSTS, _RATES, _ORDERS, _REFUNDS, _TRANSACTIONS = range(6)


@dataclass(frozen=True, slots=True)
class SeedSummary:
    """What was generated.

    Attributes:
        rows: rows written, by raw table.
        planted: orders that were made to be excluded, by reason. Of a duplicated order both copies count as rows of
            `orders`, but only the second is planted.
    """

    first_day: date
    last_day: date
    rows: Mapping[str, int]
    planted: Mapping[Exclusion, int]


def seed_store(
    engine: Engine,
    *,
    store: Store,
    days: int,
    orders_per_day: int,
    seed: int,
    last_day: date,
    on_progress: OnProgress | None = None,
) -> SeedSummary:
    """Replace the raw tables' content with `days * orders_per_day` generated orders, in one transaction.

    Args:
        engine: the warehouse.
        store: the zone whose wall clock bounds the days, and the currency that everything is sold in.
        days: how many days, at least 1; the last is `last_day`.
        orders_per_day: orders a day on average; weekends have more.
        seed: not negative; the same seed and arguments give the same rows.
        last_day: a store-local day that is over, so that nothing lies in the future.
        on_progress: told after each day.

    Raises:
        ForeignRawSchemaError: when schema `raw` is not ours; nothing was changed.
        SettingsError: when the store's currency has no minor unit.
    """
    first_day = last_day - timedelta(days=days - 1)
    money = Money.of(store.currency)
    shop = Shop(
        money=money,
        second=second_currency(money),
        catalog=make_catalog(money, _random(seed, _CATALOG)),
        now=int(StoreDay(last_day, store.zone).end.timestamp()) - 1,
    )
    every_day = list(days_between(first_day, last_day))
    rows, planted = Counter(dict.fromkeys((table.name for table in raw_tables.RAW_TABLES), 0)), Counter[Exclusion]()
    number = 0
    with (
        engine.begin() as connection,
        replaced_raw_content(connection),
        driver_connection(connection).cursor() as cursor,
    ):
        rows.update(_copy_terms(cursor, shop, first_day, last_day, seed))
        for done, (day, count) in enumerate(zip(every_day, orders_a_day(every_day, orders_per_day), strict=True)):
            for numbers in _chunks(number, count):
                orders = make_orders(shop, StoreDay(day, store.zone), numbers, _random(seed, _ORDERS, numbers))
                rows.update(_copy_orders(cursor, shop, orders, seed))
                planted.update(planted_by_reason(orders.reason))
            number += count
            if on_progress:
                on_progress(done + 1, days, str(day))
    return SeedSummary(first_day, last_day, dict(rows), dict(planted))


def _copy_terms(cursor: psycopg.Cursor, shop: Shop, first_day: date, last_day: date, seed: int) -> dict[str, int]:
    """Write what holds for many orders: costs, fee rules and rates."""
    costs = cost_columns(shop, first_day, last_day, _random(seed, _COSTS))
    rates = rate_columns(shop.money, shop.second, first_day, last_day, _random(seed, _RATES))
    return {
        "unit_costs": copy_rows(cursor, raw_tables.unit_costs, costs),
        "fee_rules": copy_rows(cursor, raw_tables.fee_rules, fee_rule_columns(shop.money, first_day)),
        "fx_rates": copy_rows(cursor, raw_tables.fx_rates, rates),
    }


def _copy_orders(cursor: psycopg.Cursor, shop: Shop, orders: Orders, seed: int) -> dict[str, int]:
    """Write a chunk of orders and what belongs to them."""
    refunds = make_refunds(orders, shop, _random(seed, _REFUNDS, orders.numbers))
    transactions = transaction_columns(orders, shop, _random(seed, _TRANSACTIONS, orders.numbers))
    return {
        "orders": copy_rows(cursor, raw_tables.orders, order_columns(orders, shop)),
        "order_lines": copy_rows(cursor, raw_tables.order_lines, line_columns(orders, shop)),
        "refunds": copy_rows(cursor, raw_tables.refunds, refund_columns(orders, refunds, shop)),
        "refund_lines": copy_rows(cursor, raw_tables.refund_lines, refund_line_columns(orders, refunds)),
        "order_transactions": sum(
            copy_rows(cursor, raw_tables.order_transactions, columns) for columns in transactions
        ),
    }


def _chunks(first: int, count: int) -> Iterator[Integers]:
    """The numbers of `count` orders, `first` and up, in chunks that fit into memory."""
    for start in range(first, first + count, _CHUNK_ORDERS):
        yield np.arange(start, min(start + _CHUNK_ORDERS, first + count), dtype=np.int64)


def _random(seed: int, stream: int, numbers: Integers | None = None) -> np.random.Generator:
    return np.random.default_rng((seed, stream, 0 if numbers is None else int(numbers[0])))
