"""The likely cause of what a verification found, as `enrich.mismatches` says it."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from enrich_pipeline.enrich_client import ConnectionFailed
from enrich_pipeline.steps.verify import verify_day
from enrich_pipeline_tests.support.small_store import SmallStore


def _diagnoses(store: SmallStore) -> dict[str, str | None]:
    return dict(store.fetch("SELECT order_id, diagnosis FROM enrich.mismatches"))


def _verify_tampered(store: SmallStore, **values: object) -> str:
    for column, value in values.items():
        store.tamper(column, value, "O1")
    store.verify(store.context())
    return _diagnoses(store)["O1"] or ""


@pytest.mark.parametrize(
    ("sales", "profit", "cause"),
    [
        ("0", "0", "Both amounts were set to 0."),
        ("6", "10", "Sales and profit were swapped."),
        ("1000", "600", "Cents were taken for units: it is 100 times ours."),
        ("10.000000000000002", "6", "The difference is the noise of a binary float."),
    ],
)
def test_amounts_that_differ_in_a_known_way_are_named(store: SmallStore, sales: str, profit: str, cause: str) -> None:
    store.place("O1")
    store.run_day()
    assert _verify_tampered(store, sales_amount=Decimal(sales), profit_amount=Decimal(profit)) == cause


def test_a_shift_within_the_day_is_named_with_its_hours_and_zone(store: SmallStore) -> None:
    store.place("O1", at=store.day.start + timedelta(hours=12))
    store.run_day()
    cause = _verify_tampered(store, order_timestamp=store.day.start + timedelta(hours=12) - _offset(store))
    assert "UTC was read as the store's wall clock (America/New_York)" in cause


def test_an_order_shifted_out_of_its_day_is_found_in_the_neighbouring_one(store: SmallStore) -> None:
    at = store.day.end - timedelta(hours=1)
    store.place("O1", at=at)
    store.run_day()
    cause = _verify_tampered(store, order_timestamp=at - _offset(store))
    assert store.states() == {"O1": ("mismatched", "missing")}
    hours = -_offset(store) // timedelta(hours=1)
    assert cause == (
        f"The vendor holds it outside its day. It is held {hours} h later: UTC was read as the store's wall clock "
        "(America/New_York)."
    )


def test_an_order_shifted_into_a_day_is_told_whose_it_is(store: SmallStore) -> None:
    at = store.day.end - timedelta(hours=1)
    store.place("O1", at=at)
    store.run_day()
    store.tamper("order_timestamp", at - _offset(store), "O1")
    home = store.day
    store.day = type(home)(home.day + timedelta(days=1), home.zone)
    store.run_day()
    assert (_diagnoses(store)["O1"] or "").startswith(f"It is an order of {home.key}. It is held ")


def test_a_payload_that_was_replaced_since_is_named_as_stale(store: SmallStore) -> None:
    store.place("O1")
    store.run_day()
    store.execute("UPDATE raw.unit_costs SET unit_cost = 5")
    store.run_day()
    cause = _verify_tampered(store, profit_amount=Decimal(6))
    assert cause == "It holds a payload that we sent earlier, not the last one."


def test_a_day_that_is_missing_as_a_whole_hints_at_another_stores_key(store: SmallStore) -> None:
    for number in range(10):
        store.place(f"O{number}")
    store.run_day()
    for number in range(10):
        store.tamper("created_at", None, f"O{number}")
    store.verify(store.context())
    assert len(_diagnoses(store)) == 10
    assert all("WORKMAGIC_API_KEY may be another store's" in (cause or "") for cause in _diagnoses(store).values())


def test_a_vendor_that_fails_while_neighbours_are_looked_for_costs_no_receipt(store: SmallStore) -> None:
    store.place("O1")
    store.run_day()
    store.tamper("created_at", None, "O1")
    run = store.context()
    with store.client() as client:
        get_orders, calls = client.get_orders, []

        def fail_after_the_day(*arguments: object) -> object:
            calls.append(arguments)
            if len(calls) > 1:
                raise ConnectionFailed("gone")
            return get_orders(*arguments)  # type: ignore[arg-type]  # passed on as they came

        client.get_orders = fail_after_the_day  # type: ignore[method-assign]  # a vendor that goes away
        receipt = verify_day(run, client, store.day).receipt
    assert (receipt.findings, len(calls)) == (1, 2)


def _offset(store: SmallStore) -> timedelta:
    """The zone's offset at the end of the day, negative: New York is behind UTC."""
    return store.day.end.astimezone(store.day.zone).utcoffset() or timedelta()
