"""Days are replaced as a whole, stamped, and hold each raw order of theirs once, whatever moved and however long."""

from __future__ import annotations

import multiprocessing
from datetime import date, timedelta
from typing import Any

import pytest

from enrich_pipeline.domain.store import Store
from enrich_pipeline_tests.dbt_costs.small_store import (
    DAY,
    SmallStore,
    fee_rule,
    line,
    order,
    refund,
    refund_line,
    sold,
    transaction,
)

NEXT_DAY = DAY + timedelta(days=1)


def days_of(store: SmallStore, mart: str) -> list[tuple[str | None, date]]:
    rows = store.query(f"SELECT DISTINCT order_id, order_day FROM enrich.{mart} ORDER BY order_id, order_day")
    return [(row["order_id"], row["order_day"]) for row in rows]


def stamps(store: SmallStore) -> set[tuple[str, date, str]]:
    rows = store.query("SELECT * FROM enrich.computed_days")
    return {(row["mart"], row["order_day"], row["run_id"]) for row in rows}


def content(store: SmallStore) -> dict[str, list[dict[str, Any]]]:
    return {
        mart: [
            {column: value for column, value in row.items() if column != "run_id"}
            for row in store.query(f"SELECT * FROM enrich.{mart} AS mart ORDER BY to_jsonb(mart) - 'run_id'")
        ]
        for mart in ("order_costs", "order_profit")
    }


def test_every_day_is_stamped_in_both_marts_even_without_orders(store: SmallStore) -> None:
    store.load(*sold())

    store.compute(DAY, NEXT_DAY, run_id="first")
    store.compute(NEXT_DAY, run_id="second")

    assert stamps(store) == {
        ("order_costs", DAY, "first"),
        ("order_profit", DAY, "first"),
        ("order_costs", NEXT_DAY, "second"),
        ("order_profit", NEXT_DAY, "second"),
    }


def test_stamps_differ_while_profit_is_not_the_sum_of_the_present_costs(store: SmallStore) -> None:
    store.load(*sold())
    store.compute(run_id="first")

    store.compute(run_id="second", marts=["order_costs"])
    assert stamps(store) == {("order_costs", DAY, "second"), ("order_profit", DAY, "first")}

    store.compute(run_id="third", marts=["order_profit"])
    assert stamps(store) == {("order_costs", DAY, "second"), ("order_profit", DAY, "second")}


def test_a_stamp_becomes_visible_together_with_the_rows(store: SmallStore) -> None:
    store.load(*sold())
    store.compute()
    rows = store.query("""
        SELECT DISTINCT costs.xmin::text = stamp.xmin::text AS same_transaction
        FROM enrich.order_costs AS costs INNER JOIN enrich.computed_days AS stamp ON stamp.mart = 'order_costs'
    """)
    assert rows == [{"same_transaction": True}]


def test_computing_again_replaces_the_day_and_changes_nothing(store: SmallStore) -> None:
    store.load(*sold(refund(), refund_line(), transaction(), fee_rule(percent=3)))
    store.compute(run_id="first")
    before = content(store)

    store.compute(run_id="second")

    assert content(store) == before
    assert {row["run_id"] for row in store.profits()} == {"second"}


def test_a_row_that_the_source_lost_is_lost_here_too(store: SmallStore) -> None:
    store.load(*sold())
    store.compute()

    store.execute("DELETE FROM raw.orders")
    store.compute()

    assert content(store) == {"order_costs": [], "order_profit": []}


@pytest.mark.parametrize("days", [(DAY, DAY), (DAY, NEXT_DAY)])
def test_an_order_that_moved_is_on_its_new_day_only(store: SmallStore, days: tuple[date, date]) -> None:
    store.load(order("A", ordered_at="2026-03-11T12:00:00Z"), line("A"), order("B", ordered_at="2026-03-11T13:00:00Z"))
    store.compute(DAY, NEXT_DAY)

    store.execute("UPDATE raw.orders SET ordered_at = '2026-03-10T12:00:00Z' WHERE order_id = 'A'")
    store.compute(*days)

    for mart in ("order_costs", "order_profit"):
        assert days_of(store, mart) == [("A", DAY), ("B", NEXT_DAY)]


def test_the_copy_of_a_duplicate_on_another_day_stays_there(store: SmallStore) -> None:
    store.load(order("A"), order("A", ordered_at="2026-03-11T12:00:00Z"), line("A"))
    store.compute(DAY, NEXT_DAY)

    store.compute(DAY)

    for mart in ("order_costs", "order_profit"):
        assert days_of(store, mart) == [("A", DAY), ("A", NEXT_DAY)]


def test_day_by_day_equals_the_range(store: SmallStore) -> None:
    store.load(
        *sold(refund(), fee_rule(percent=3)),
        order("B", ordered_at="2026-03-11T23:59:59.999999Z"),
        line("B"),
        order("C", ordered_at="2026-03-12T00:00:00Z", currency="JPY"),
        line("C"),
    )
    store.compute(DAY, DAY + timedelta(days=2))
    in_one = content(store)
    store.execute("TRUNCATE enrich.order_costs, enrich.order_profit")

    for offset in range(3):
        store.compute(DAY + timedelta(days=offset))

    assert content(store) == in_one
    assert len(store.profits()) == 3


@pytest.mark.parametrize(
    ("zone", "day", "instants"),
    [
        # 23 and 25 hours.
        ("America/New_York", date(2026, 3, 8), ("2026-03-08T05:00:00Z", "2026-03-09T03:59:59.999999Z")),
        ("America/New_York", date(2026, 11, 1), ("2026-11-01T04:00:00Z", "2026-11-02T04:59:59.999999Z")),
        # Half an hour: Lord Howe Island's days have 23.5 and 24.5 hours.
        ("Australia/Lord_Howe", date(2026, 4, 5), ("2026-04-04T13:00:00Z", "2026-04-05T13:29:59.999999Z")),
        # Midnight comes twice in Havana, and not at all in Santiago.
        ("America/Havana", date(2026, 11, 1), ("2026-11-01T04:00:00Z", "2026-11-02T04:59:59.999999Z")),
        ("America/Santiago", date(2026, 9, 6), ("2026-09-06T04:00:00Z", "2026-09-07T02:59:59.999999Z")),
        ("Asia/Kathmandu", date(2026, 5, 5), ("2026-05-04T18:15:00Z", "2026-05-05T18:14:59.999999Z")),
    ],
)
def test_a_day_is_a_day_on_the_stores_wall_clock(
    store: SmallStore, zone: str, day: date, instants: tuple[str, str]
) -> None:
    store.store = Store(timezone=zone, currency="USD")
    store.load(order("first", ordered_at=instants[0]), order("last", ordered_at=instants[1]))
    store.execute(
        "INSERT INTO raw.orders (order_id, ordered_at) VALUES ('before', %s::timestamptz - interval '1 us')",
        instants[0],
    )
    store.execute(
        "INSERT INTO raw.orders (order_id, ordered_at) VALUES ('after', %s::timestamptz + interval '1 us')", instants[1]
    )

    store.compute(day)
    assert days_of(store, "order_profit") == [("first", day), ("last", day)]

    store.compute(day - timedelta(days=1), day + timedelta(days=1))
    assert days_of(store, "order_profit") == [
        ("after", day + timedelta(days=1)),
        ("before", day - timedelta(days=1)),
        ("first", day),
        ("last", day),
    ]


def test_an_order_without_a_time_belongs_to_no_day(store: SmallStore) -> None:
    store.load(order("A", ordered_at=None), order("B", ordered_at="infinity"), order("C"))
    store.compute()
    assert days_of(store, "order_profit") == [("C", DAY)]


def test_processes_may_compute_days_at_once(store: SmallStore) -> None:
    days = [DAY + timedelta(days=offset) for offset in range(2)]
    for day in days:
        store.load(order(f"{day}", ordered_at=f"{day}T12:00:00Z"), line(f"{day}"))
    ranges = [(days[0], days[0]), (days[1], days[1]), (days[0], days[1])]

    with multiprocessing.get_context("spawn").Pool(len(ranges)) as pool:
        pool.starmap(store.compute, ranges)

    assert [(row["order_day"], row["profit_amount"]) for row in store.profits()] == [(day, 60) for day in days]
    assert len(stamps(store)) == 4


def test_control_totals_are_those_of_a_join_of_the_raw_tables(store: SmallStore) -> None:
    store.load(
        order("sold"),
        line("sold", quantity="1.5", unit_price="0.333333"),
        line("sold", line_id="gift", is_gift_card=True),
        order("cancelled", cancelled_at="2026-03-11T00:00:00Z"),
        line("cancelled", quantity=-3),
        order("excluded"),
        line("excluded", unit_cost=None),
        line("excluded", quantity="NaN"),
        line("excluded", unit_price=None),
        order("twice"),
        order("twice"),
        line("twice"),
        order("empty"),
        line("nobody's"),
        order(None),
        line(None),
    )
    store.compute()

    (marts,) = store.query(
        "SELECT sum(control_total) AS total, sum(incomplete_lines) AS incomplete, count(*) AS orders"
        " FROM enrich.order_profit"
    )
    (costs,) = store.query("SELECT sum(control_amount) AS total FROM enrich.order_costs")
    (source,) = store.query("""
        SELECT sum(quantity * unit_price) FILTER (WHERE quantity <> 'NaN') AS total,
            count(*) FILTER (WHERE quantity = 'NaN' OR unit_price IS NULL) AS incomplete,
            (SELECT count(*) FROM raw.orders) AS orders
        FROM raw.orders INNER JOIN raw.order_lines USING (order_id)
    """)
    assert marts == source
    assert costs["total"] == source["total"]
