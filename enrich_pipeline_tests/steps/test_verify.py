"""What a verification finds, and what it says in the receipt."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from enrich_pipeline.domain.errors import DayError
from enrich_pipeline.warehouse.receipts import latest_receipts
from enrich_pipeline_tests.support.small_store import SmallStore


def _findings(store: SmallStore) -> list[tuple[str, str]]:
    return [(row[0], row[1]) for row in store.fetch("SELECT order_id, kind FROM enrich.mismatches ORDER BY 1, 2")]


@pytest.mark.parametrize(
    ("column", "value", "kind"),
    [
        ("sales_amount", Decimal("10.01"), "sales_amount"),
        ("profit_amount", Decimal("6.001"), "profit_amount"),
        ("currency", "EUR", "currency"),
        ("created_at", None, "missing"),
    ],
)
def test_a_value_that_differs_is_a_mismatch_and_is_sent_again(
    store: SmallStore, column: str, value: Any, kind: str
) -> None:
    store.place("O1")
    store.place("O2")
    store.run_day()
    store.tamper(column, value, "O1")
    receipt = store.verify(store.context()).receipt
    assert store.states() == {"O1": ("mismatched", kind), "O2": ("verified", None)}
    assert _findings(store) == [("O1", kind)]
    assert receipt.findings == 1
    assert receipt.is_accounted_for
    assert receipt.computed_hash != receipt.held_hash
    assert store.run_day().orders_in("verified") == 2
    assert _findings(store) == []


def test_a_shifted_timestamp_is_a_mismatch(store: SmallStore) -> None:
    store.place("O1", at=store.day.start + timedelta(hours=12))
    store.run_day()
    store.tamper("order_timestamp", store.day.start + timedelta(hours=16), "O1")
    store.verify(store.context())
    assert store.states() == {"O1": ("mismatched", "order_timestamp")}


def test_zeroed_values_are_named_as_such(store: SmallStore) -> None:
    store.place("O1")
    store.run_day()
    store.tamper("sales_amount", 0, "O1")
    store.tamper("profit_amount", 0, "O1")
    store.verify(store.context())
    assert store.states() == {"O1": ("mismatched", "zeroed")}


def test_an_order_that_truly_is_zero_is_not_called_zeroed(store: SmallStore) -> None:
    store.cost("FREE", "0")
    store.place("O1", lines=(("FREE", "1", "0"),))
    assert store.run_day().orders_in("verified") == 1


def test_an_order_the_vendor_holds_and_the_warehouse_excludes_is_found(store: SmallStore) -> None:
    store.place("O1")
    store.run_day()
    store.execute("UPDATE raw.orders SET is_test = true WHERE order_id = 'O1'")
    receipt = store.run_day()
    assert store.states() == {"O1": ("excluded", "test_order")}
    assert _findings(store) == [("O1", "held_but_excluded")]
    assert receipt.findings == 1


def test_an_order_the_warehouse_does_not_have_is_unexpected(store: SmallStore) -> None:
    store.place("O1")
    store.place("GONE")
    store.run_day()
    store.execute("DELETE FROM raw.orders WHERE order_id = 'GONE'")
    store.run_day()
    assert _findings(store) == [("GONE", "unexpected")]


def test_an_order_that_moved_to_another_day_is_verified_there_and_left_nowhere_else(store: SmallStore) -> None:
    store.place("O1")
    store.run_day()
    store.execute("UPDATE raw.orders SET ordered_at = ordered_at - interval '24 hours'")
    moved_from = store.day
    store.day = type(moved_from)(moved_from.day - timedelta(days=1), moved_from.zone)
    assert store.run_day().orders_in("verified") == 1
    store.day = moved_from
    receipt = store.run_day()
    assert (receipt.orders, receipt.findings) == (0, 0)


def test_orders_that_arrive_between_counting_and_computing_break_the_account(store: SmallStore) -> None:
    store.place("O1")
    run = store.context()
    store.compute(run)
    store.execute("UPDATE enrich.source_totals SET orders = orders + 1")
    store.upload(run)
    receipt = store.verify(run).receipt
    assert not receipt.is_accounted_for
    assert "the source has 2 orders" in receipt.differences[0]


def test_control_totals_of_nasty_lines_still_add_up(store: SmallStore) -> None:
    store.place("NAN", lines=(("A", "NaN", "5"), ("A", "1", "5")))
    store.place("HUGE", lines=(("A", "1", "1234567890123456789012345678901234567890.12"),))
    store.place("TWICE")
    store.place("TWICE")
    receipt = store.run_day()
    assert receipt.differences == ()
    assert receipt.orders == 4
    assert receipt.orders_in("excluded") == 3


def test_a_day_without_orders_has_a_receipt_too(store: SmallStore) -> None:
    receipt = store.run_day()
    assert (receipt.orders, receipt.is_accounted_for, receipt.read_requests) == (0, True, 1)


def test_a_day_that_is_still_open_is_partial(store: SmallStore) -> None:
    store.place("O1")
    assert not store.run_day().partial
    store.business_now = store.day.start + timedelta(hours=13)
    assert store.run_day().partial


def test_a_receipt_read_back_names_the_difference_it_was_written_with_and_no_other(store: SmallStore) -> None:
    store.place("O1")
    run = store.context()
    store.compute(run)
    store.execute("UPDATE enrich.source_totals SET orders = orders + 1")
    store.upload(run)
    written = store.verify(run).receipt
    with store.engine.connect() as connection:
        (read,) = latest_receipts(connection)
    assert len(read.differences) == 1
    assert read.differences == written.differences


def test_an_error_of_the_warehouse_while_reading_back_quotes_no_row(store: SmallStore) -> None:
    store.place("O1")
    run = store.context()
    store.compute(run)
    store.upload(run)
    store.execute("ALTER TABLE enrich.held_orders ADD CHECK (sales_amount < 0)")
    with pytest.raises(DayError) as caught:
        store.verify(run)
    assert "failed while storing what was read back (CheckViolation, 23514)" in str(caught.value)
    assert "O1" not in str(caught.value)
    assert caught.value.__suppress_context__
