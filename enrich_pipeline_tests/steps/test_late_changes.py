"""The days that are run again are those whose inputs changed, and no others.

Five hundred random stores, against an oracle in plain Python, by

    ENRICH_LATE_CHANGE_STORES=500 .venv/bin/python -m pytest enrich_pipeline_tests/steps/test_late_changes.py
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from random import Random

import pytest
from sqlalchemy import Connection, insert, text

from enrich_pipeline.domain.contract import profile_named
from enrich_pipeline.domain.late_changes import plan
from enrich_pipeline.steps.late_changes import compare_days, find_late_changes
from enrich_pipeline.warehouse.day_inputs import current_inputs, record_inputs
from enrich_pipeline.warehouse.embedded import EmbeddedPostgres
from enrich_pipeline.warehouse.engine import warehouse_engine
from enrich_pipeline.warehouse.outside_changes import outside_changes
from enrich_pipeline.warehouse.raw_schema import create_raw_schema
from enrich_pipeline.warehouse.raw_tables import RAW_TABLES
from enrich_pipeline.warehouse.schema import ensure_schema
from enrich_pipeline_tests.steps.late_change_stores import (
    DAYS,
    FIRST,
    LAST,
    STORE,
    Rows,
    changed_store,
    days_concerned,
    random_store,
)
from enrich_pipeline_tests.support.databases import fresh_database
from enrich_pipeline_tests.support.oracle import judge
from enrich_pipeline_tests.support.small_store import SmallStore

STORES = int(os.environ.get("ENRICH_LATE_CHANGE_STORES", "20"))
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def connection(postgres: EmbeddedPostgres) -> Iterator[Connection]:
    """An empty warehouse of one store; what a test writes is rolled back."""
    with fresh_database(postgres) as url:
        engine = warehouse_engine(url)
        ensure_schema(engine, store=STORE, profile=profile_named("full"), business_now=None)
        with engine.begin() as setting_up:
            create_raw_schema(setting_up)
        with engine.connect() as opened:
            yield opened
        engine.dispose()


def fill(connection: Connection, rows: Rows) -> None:
    for table in RAW_TABLES:
        connection.execute(table.delete())
        if rows[table.name]:
            connection.execute(insert(table), rows[table.name])


def compute(connection: Connection) -> None:
    """As `compute_profit` does, without the marts."""
    record_inputs(connection, current_inputs(connection, STORE, FIRST, LAST), run_id="first", sales_basis="net")
    connection.execute(
        text("""
            INSERT INTO enrich.computed_days SELECT 'order_costs', day, 'first', now()
            FROM generate_series(CAST(:first AS date), CAST(:last AS date), interval '1 day') AS days (day)
        """),
        {"first": FIRST, "last": LAST},
    )


@pytest.mark.parametrize("seed", range(STORES))
def test_the_days_asked_for_are_those_that_the_oracle_names(connection: Connection, seed: int) -> None:
    random = Random(seed)
    before = random_store(random)
    after = changed_store(before, random)
    with connection.begin() as transaction:
        fill(connection, before)
        compute(connection)
        fill(connection, after)
        compared = compare_days(connection, STORE, FIRST, LAST)
        transaction.rollback()
    planned = plan(None, compared, window_start=FIRST, probe="", now=NOW)
    asked_for = {
        rerun.first + timedelta(days=offset)
        for rerun in planned.reruns
        for offset in range((rerun.last - rerun.first).days + 1)
    }
    assert asked_for == days_concerned(before, after)
    assert money_changed(before, after) <= asked_for


def money_changed(before: Rows, after: Rows) -> set[date]:
    """The days on which some order's amounts differ, by the oracle of the marts: none of them may be left out."""
    first, second = (
        judge(rows, timezone=STORE.timezone, currency=STORE.currency, first=FIRST, last=LAST)
        for rows in (before, after)
    )
    return {day for day in DAYS if by_content(first, day) != by_content(second, day)}


def by_content(judged: list, day: date) -> list[str]:  # type: ignore[type-arg]  # of judgements
    return sorted(str(order) for order in judged if order.order_day == day)


def test_a_cost_that_changes_reruns_only_days_that_sold_the_sku(store: SmallStore) -> None:
    store.cost("B", "1.00")
    store.place("1", lines=(("A", "1", "10.00"),))
    store.compute(store.context())
    store.execute("UPDATE raw.unit_costs SET unit_cost = 2 WHERE sku = 'B'")
    assert look(store).reruns == ()
    store.execute("UPDATE raw.unit_costs SET unit_cost = 2 WHERE sku = 'A'")
    (rerun,) = look(store).reruns
    assert (rerun.first, rerun.last) == (store.day.day, store.day.day)


def test_a_day_computed_again_is_settled(store: SmallStore) -> None:
    store.place("1")
    store.compute(store.context())
    store.execute("DELETE FROM raw.order_lines")
    assert look(store).reruns
    store.compute(store.context())
    assert look(store).reruns == ()


def test_a_change_that_only_a_dry_run_looked_at_is_still_to_be_sent(store: SmallStore) -> None:
    store.place("1")
    store.run_day()
    store.execute("UPDATE raw.order_lines SET unit_price = 11")
    run = store.context()
    store.compute(run)
    store.upload(run, dry_run=True)
    assert len(look(store).reruns) == 1
    store.run_day()
    assert look(store).reruns == ()


def test_a_dry_run_of_a_day_that_was_never_delivered_has_it_sent_by_nobody(store: SmallStore) -> None:
    store.place("1")
    run = store.context()
    store.compute(run)
    store.upload(run, dry_run=True)
    assert look(store).reruns == ()


def test_a_change_that_is_taken_back_and_made_again_is_a_run_of_its_own(store: SmallStore) -> None:
    store.place("1")
    keys: list[str] = []
    for price in (10, 11, 10, 11):
        store.execute("UPDATE raw.order_lines SET unit_price = :price", price=price)
        keys += [rerun.run_key for rerun in look(store).reruns]
        store.compute(store.context())
    assert (len(keys), len(set(keys))) == (3, 3)


def test_nothing_is_compared_while_no_table_was_touched(store: SmallStore) -> None:
    store.place("1")
    store.compute(store.context())
    cursor = look(store).cursor
    again = find_late_changes(store.context(), cursor, now=NOW + timedelta(minutes=5))
    assert isinstance(again, str)
    assert "touched" in again


def test_a_change_without_updated_at_is_found_within_the_hour(store: SmallStore) -> None:
    store.place("1")
    store.compute(store.context())
    cursor = look(store).cursor
    store.execute("UPDATE raw.order_lines SET unit_price = 11")
    later = find_late_changes(store.context(), cursor, now=NOW + timedelta(hours=1))
    assert not isinstance(later, str)
    assert len(later.reruns) == 1


def test_a_change_outside_the_window_is_told_with_its_orders_and_money_and_not_run(store: SmallStore) -> None:
    store.place("early")
    store.place("late")
    store.compute(store.context())
    store.execute("UPDATE raw.order_lines SET quantity = 2, updated_at = now() WHERE order_id = 'late'")
    run = store.context()
    # Thirty days on, as if nobody had looked.
    old = type(run)(
        **{name: getattr(run, name) for name in run.__slots__ if name != "business_now"},
        business_now=run.business_now + timedelta(days=30),
    )
    planned = find_late_changes(old, None, now=NOW)
    assert not isinstance(planned, str)
    assert (planned.reruns, [day.order_day for day in planned.outside]) == ((), [store.day.day])
    with store.engine.connect() as connection:
        (change,) = outside_changes(connection)
    assert (change.orders, change.order_ids) == (1, ("late",))
    assert change.amounts["USD"][0] == 10


def look(store: SmallStore):  # type: ignore[no-untyped-def]  # a plan
    planned = find_late_changes(store.context(), None, now=NOW)
    assert not isinstance(planned, str)
    return planned
