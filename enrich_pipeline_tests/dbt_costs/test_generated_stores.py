"""Generated stores: the marts agree with the oracle on every order, and with themselves however they are computed.

Thousands of stores, on the SQL that dbt compiles (see `compiled_marts.py`), by

    ENRICH_GENERATED_STORES=2000 .venv/bin/python -m pytest enrich_pipeline_tests/dbt_costs/test_generated_stores.py
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from enrich_pipeline.domain.store import Store
from enrich_pipeline_tests.dbt_costs.compiled_marts import MartStatements
from enrich_pipeline_tests.dbt_costs.generated_stores import CALENDARS, RawRows, raw_stores
from enrich_pipeline_tests.dbt_costs.small_store import SmallStore
from enrich_pipeline_tests.support.oracle import Judgement, judge, rounded

STORES = int(os.environ.get("ENRICH_GENERATED_STORES", "150"))
EACH = settings(
    max_examples=max(STORES // len(CALENDARS), 1),
    deadline=None,
    derandomize="ENRICH_GENERATED_STORES" not in os.environ,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
FEW = settings(EACH, max_examples=max(STORES // 10, 1))

calendars = pytest.mark.parametrize(
    ("shop", "first", "last"), CALENDARS, ids=[store.timezone for store, _, _ in CALENDARS]
)


@pytest.fixture(scope="module")
def connection(database_of_stores: SmallStore) -> Iterator[psycopg.Connection[dict[str, Any]]]:
    """One connection for all stores: each is rolled back, and the statements are planned once."""
    database_of_stores.clear()
    with database_of_stores.connect() as connection:
        yield connection


def load(connection: psycopg.Connection[Any], rows: RawRows) -> None:
    for table, content in rows.items():
        if content:
            columns = list(content[0])
            statement = f"INSERT INTO raw.{table} ({', '.join(columns)}) VALUES ({', '.join(['%s'] * len(columns))})"
            with connection.cursor() as cursor:
                cursor.executemany(statement, [list(row.values()) for row in content])  # type: ignore[arg-type]  # ours


def compute(connection: psycopg.Connection[Any], rows: RawRows, *statements: MartStatements) -> None:
    """Begin a transaction that holds the store and its marts; the caller rolls it back."""
    load(connection, rows)
    for each in statements:
        each.execute(connection)


def judged_by_sql(connection: psycopg.Connection[dict[str, Any]]) -> list[Judgement]:
    return [
        Judgement(
            order_id=row["order_id"],
            order_day=row["order_day"],
            sales=row["sales_amount"],
            profit=row["profit_amount"],
            exclusion=row["exclusion"],
            control_total=row["control_total"],
            incomplete_lines=row["incomplete_lines"],
        )
        for row in connection.execute("SELECT * FROM enrich.order_profit").fetchall()
    ]


def by_content(order: Judgement) -> tuple[Any, ...]:
    return (order.order_id is None, order.order_id, order.order_day, str(order.exclusion), order.control_total)


def content(connection: psycopg.Connection[dict[str, Any]]) -> list[str]:
    rows: list[str] = []
    for mart in ("order_costs", "order_profit"):
        found = connection.execute(f"SELECT to_jsonb(mart)::text AS row FROM enrich.{mart} AS mart")  # type: ignore[arg-type]  # ours
        rows += [row["row"] for row in found]
    return sorted(rows)


@calendars
def test_every_order_of_any_store_is_as_the_oracle_says(
    connection: psycopg.Connection[dict[str, Any]], database_of_stores: SmallStore, shop: Store, first: date, last: date
) -> None:
    statements = database_of_stores.compiler.statements(shop, first, last)

    @EACH
    @given(raw_stores(shop, first, last))
    def check(rows: RawRows) -> None:
        expected = judge(rows, timezone=shop.timezone, currency=shop.currency, first=first, last=last)
        try:
            compute(connection, rows, statements)
            note(str(connection.execute("SELECT * FROM enrich.order_costs").fetchall()))
            assert sorted(judged_by_sql(connection), key=by_content) == sorted(expected, key=by_content)
        finally:
            connection.rollback()

    check()


@pytest.mark.parametrize("sales_basis", ["net_without_shipping", "gross", "with_tax"])
def test_every_order_of_any_store_is_as_the_oracle_says_on_each_basis(
    connection: psycopg.Connection[dict[str, Any]], database_of_stores: SmallStore, sales_basis: str
) -> None:
    shop, first, last = CALENDARS[0]
    statements = database_of_stores.compiler.statements(shop, first, last, sales_basis)

    @FEW
    @given(raw_stores(shop, first, last))
    def check(rows: RawRows) -> None:
        expected = judge(
            rows, timezone=shop.timezone, currency=shop.currency, first=first, last=last, sales_basis=sales_basis
        )
        try:
            compute(connection, rows, statements)
            assert sorted(judged_by_sql(connection), key=by_content) == sorted(expected, key=by_content)
        finally:
            connection.rollback()

    check()


@calendars
def test_the_parts_of_any_store_sum_up(
    connection: psycopg.Connection[dict[str, Any]], database_of_stores: SmallStore, shop: Store, first: date, last: date
) -> None:
    statements = database_of_stores.compiler.statements(shop, first, last)

    @FEW
    @given(raw_stores(shop, first, last))
    def check(rows: RawRows) -> None:
        try:
            compute(connection, rows, statements)
            broken = connection.execute("""
                SELECT profit.order_id, profit.profit_amount, sum(costs.amount) AS components
                FROM enrich.order_profit AS profit INNER JOIN enrich.order_costs AS costs
                    ON profit.order_id IS NOT DISTINCT FROM costs.order_id
                    AND profit.order_day = costs.order_day AND profit.copy_number = costs.copy_number
                LEFT JOIN enrich.currencies ON currencies.currency = profit.currency
                GROUP BY profit.order_id, profit.order_day, profit.copy_number, profit.profit_amount, profit.exclusion,
                    profit.sales_amount, currencies.exponent
                HAVING profit.profit_amount IS DISTINCT FROM round(sum(costs.amount), currencies.exponent)
                    OR (profit.exclusion IS NULL) <> (profit.profit_amount IS NOT NULL)
                    OR (profit.exclusion IS NULL) <> (profit.sales_amount IS NOT NULL)
                    OR (profit.exclusion IS NULL) <> bool_and(costs.exclusion IS NULL)
            """).fetchall()
            assert broken == []
            (totals,) = connection.execute("""
                SELECT
                    (SELECT sum(control_total) FROM enrich.order_profit) AS of_profit,
                    (SELECT sum(control_amount) FROM enrich.order_costs) AS of_costs,
                    (SELECT sum(incomplete_lines) FROM enrich.order_profit) AS incomplete_of_profit,
                    (SELECT count(*) FROM enrich.order_costs WHERE is_incomplete_line) AS incomplete_of_costs
            """).fetchall()
            assert (totals["of_profit"] or 0) == (totals["of_costs"] or 0)
            assert (totals["incomplete_of_profit"] or 0) == totals["incomplete_of_costs"]
        finally:
            connection.rollback()

    check()


@calendars
def test_day_by_day_and_loaded_backwards_any_store_is_the_same(
    connection: psycopg.Connection[dict[str, Any]], database_of_stores: SmallStore, shop: Store, first: date, last: date
) -> None:
    compiler = database_of_stores.compiler
    whole = compiler.statements(shop, first, last)
    days = [
        compiler.statements(shop, date.fromordinal(day), date.fromordinal(day))
        for day in range(first.toordinal(), last.toordinal() + 1)
    ]

    @FEW
    @given(raw_stores(shop, first, last), st.randoms(use_true_random=False))
    def check(rows: RawRows, random: Any) -> None:
        shuffled = {table: random.sample(content, len(content)) for table, content in rows.items()}
        try:
            compute(connection, rows, whole)
            in_one = content(connection)
            connection.rollback()
            load(connection, shuffled)
            for statements in days:
                statements.execute(connection)
            assert content(connection) == in_one
        finally:
            connection.rollback()

    check()


@pytest.mark.parametrize(
    ("amount", "exponent", "expected"),
    [("0.005", 2, "0.01"), ("-0.005", 2, "-0.01"), ("0.00499", 2, "0.00"), ("2.5", 0, "3"), ("-0.0005", 3, "-0.001")],
)
def test_the_oracle_rounds_half_away_from_zero(amount: str, exponent: int, expected: str) -> None:
    assert rounded(Fraction(amount), exponent) == Decimal(expected)
