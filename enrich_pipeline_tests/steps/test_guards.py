"""Days that guards hold: nothing is sent, the receipt says why, a reason lifts them; and reviews of uploads."""

from __future__ import annotations

from decimal import Decimal

import pytest

from enrich_pipeline.domain.guards import GuardLimits
from enrich_pipeline.steps.guards import review_day
from enrich_pipeline_tests.support.small_store import SmallStore

STRICT = GuardLimits(fewest_orders=1, profit_share=Decimal("0.2"))


def test_a_day_without_costs_is_held_and_sends_nothing(store: SmallStore) -> None:
    store.execute("DELETE FROM raw.unit_costs")
    store.place("O1")

    receipt = store.run_day()

    assert receipt.upload_requests == 0
    assert "unit_costs is empty" in receipt.holds[0]
    assert receipt.unsettled[0].startswith("held by costs_are_missing")


def test_a_held_day_is_sent_once_its_cause_is_mended(store: SmallStore) -> None:
    store.execute("DELETE FROM raw.unit_costs")
    store.place("O1")
    store.run_day()
    store.cost("A", "4.00")

    receipt = store.run_day()

    assert (receipt.holds, receipt.unsettled, receipt.orders_in("verified")) == ((), (), 1)


def test_a_reason_lifts_the_guards_and_stands_in_the_receipt(store: SmallStore) -> None:
    store.place("O1")
    store.run_day()
    store.execute("UPDATE raw.unit_costs SET unit_cost = 9")

    held = store.run_day(guard_limits=STRICT)
    lifted = store.run_day(guard_limits=STRICT, override_guards="costs were corrected")

    assert (held.orders_in("ready"), held.unsettled[0].split(":")[0]) == (1, "held by profit_moves")
    assert lifted.orders_in("verified") == 1
    assert lifted.overrides == {"override_guards": "costs were corrected"}
    assert lifted.unsettled == ()


def test_a_dry_run_sends_nothing_and_says_what_would_change(store: SmallStore) -> None:
    store.place("O1")
    run = store.context()
    store.compute(run)

    summary = store.upload(run, dry_run=True)

    assert (summary.planned, summary.answered, summary.requests) == (1, 0, 0)
    assert summary.review is not None
    assert [(change.currency, change.new) for change in summary.review.preview.changes] == [("USD", 1)]
    assert store.states() == {"O1": ("ready", "new")}


def test_a_review_compares_with_what_the_vendor_holds(store: SmallStore) -> None:
    for order_id, price in (("SAME", "10.00"), ("UP", "20.00"), ("ZERO", "30.00")):
        store.place(order_id, lines=(("A", "1", price),))
    store.run_day()
    store.execute("UPDATE raw.order_lines SET unit_price = 21 WHERE order_id = 'UP'")
    store.execute("UPDATE raw.orders SET cancelled_at = now() WHERE order_id = 'ZERO'")
    store.place("NEW")
    run = store.context()
    store.compute(run)

    preview = review_day(run, store.day, limits=GuardLimits()).preview

    (change,) = preview.changes
    assert (change.held, change.new, change.changed, change.again, change.zeroed) == (3, 1, 2, 0, 1)
    assert (change.sales_before, change.sales_after) == (Decimal("60.00"), Decimal("41.00"))
    assert (change.profit_before, change.profit_after) == (Decimal("48.00"), Decimal("29.00"))
    assert (change.profit_moved, change.profit_held) == (Decimal("27.00"), Decimal("48.00"))
    assert [(mover.order_id, mover.profit_before, mover.profit_after) for mover in preview.movers] == [
        ("ZERO", Decimal("26.00"), Decimal("0.00")),
        ("UP", Decimal("16.00"), Decimal("17.00")),
    ]


def test_a_review_of_a_full_upload_counts_what_is_sent_again(store: SmallStore) -> None:
    store.place("O1")
    store.run_day()
    (change,) = review_day(store.context(), store.day, limits=GuardLimits(), full=True).preview.changes
    assert (change.changed, change.again) == (0, 1)


@pytest.mark.parametrize(("usual", "held"), [(20, ["source_is_empty"]), (19, [])])
def test_a_day_without_orders_is_held_where_each_of_seven_days_before_had_many(
    store: SmallStore, usual: int, held: list[str]
) -> None:
    store.execute(
        """
        INSERT INTO raw.orders (order_id, ordered_at)
        SELECT 'D' || back || '-' || n, CAST(:start AS timestamptz) - make_interval(days => back) + interval '9 hours'
        FROM generate_series(1, 7) AS back CROSS JOIN generate_series(1, :usual) AS n
        """,
        start=store.day.start,
        usual=usual,
    )
    run = store.context()
    store.compute(run)
    assert [hold.guard for hold in review_day(run, store.day, limits=GuardLimits()).holds] == held


def test_no_guard_stands_in_the_way_of_sending_again_what_the_vendor_zeroed(store: SmallStore) -> None:
    store.place("O1")
    store.run_day()
    for column in ("sales_amount", "profit_amount"):
        store.tamper(column, 0, "O1")
    found = store.context()
    store.verify(found)
    assert store.states() == {"O1": ("mismatched", "zeroed")}

    receipt = store.run_day(guard_limits=STRICT)

    assert (receipt.holds, receipt.orders_in("verified")) == ((), 1)


def test_a_store_whose_lines_bring_their_costs_is_not_held_for_one_that_lacks_its_cost(store: SmallStore) -> None:
    store.execute("DELETE FROM raw.unit_costs")
    store.place("O1")
    store.place("O2")
    store.execute("UPDATE raw.order_lines SET unit_cost = 4 WHERE order_id = 'O1'")

    receipt = store.run_day()

    assert (receipt.holds, receipt.orders_in("verified"), receipt.orders_in("excluded")) == ((), 1, 1)
