"""What an upload sends, what it never sends, and what it knows after a failure."""

from __future__ import annotations

from datetime import timedelta

import pytest

from enrich_pipeline.domain.errors import DayError
from enrich_pipeline.enrich_client import EnrichApiError
from enrich_pipeline_tests.support.small_store import SmallStore


def test_a_day_ends_with_every_order_verified_and_a_receipt_that_adds_up(store: SmallStore) -> None:
    for number in range(25):
        store.place(f"O{number}", at=store.day.start + timedelta(minutes=57 * number))
    receipt = store.run_day(batch_size=10)
    assert receipt.orders_in("verified") == receipt.orders == 25
    assert receipt.differences == ()
    assert receipt.findings == 0
    assert receipt.computed_hash == receipt.held_hash
    assert receipt.upload_requests == 3


def test_a_day_already_verified_is_not_posted_again(store: SmallStore) -> None:
    store.place("O1")
    first = store.run_day()
    second = store.run_day()
    assert second.upload_requests == 0
    assert second.equals(first)


def test_full_posts_a_verified_day_again(store: SmallStore) -> None:
    store.place("O1")
    store.run_day()
    assert store.run_day(full=True).upload_requests == 1


def test_only_an_order_whose_amounts_changed_is_posted_again(store: SmallStore) -> None:
    store.place("O1")
    store.place("O2", lines=(("B", "1", "20.00"),))
    store.cost("B", "5.00")
    store.run_day()
    store.execute("UPDATE raw.unit_costs SET unit_cost = 6 WHERE sku = 'B'")
    run = store.context()
    store.compute(run)
    assert store.states() == {"O1": ("verified", None), "O2": ("ready", "changed")}
    assert store.upload(run).answered == 1
    store.verify(run)
    assert store.states() == {"O1": ("verified", None), "O2": ("verified", None)}


def test_an_order_the_vendor_does_not_know_is_rejected_and_tried_again_each_run(store: SmallStore) -> None:
    store.place("O1")
    store.place("NEW", known=False)
    assert store.run_day().orders_in("rejected") == 1
    assert store.states()["NEW"] == ("rejected", "unknown_order")
    store.api.import_orders([("NEW", store.day.start, "USD", 0, 0)])
    assert store.run_day().orders_in("verified") == 2


def test_an_excluded_order_is_not_posted(store: SmallStore) -> None:
    store.place("O1")
    store.place("NOCOST", lines=(("unknown sku", "1", "9.99"),))
    receipt = store.run_day()
    assert store.states()["NOCOST"] == ("excluded", "missing_cost")
    assert (receipt.orders, receipt.orders_in("verified"), receipt.orders_in("excluded")) == (2, 1, 1)
    assert receipt.differences == ()


def test_marts_of_two_different_runs_are_refused_and_nothing_is_sent(store: SmallStore) -> None:
    store.place("O1")
    store.compute(store.context("one"))
    store.execute("UPDATE enrich.computed_days SET run_id = 'another' WHERE mart = 'order_costs'")
    with pytest.raises(DayError, match=r"another.*one.*nothing was sent"):
        store.upload(store.context("one"))
    assert store.fetch("SELECT count(*) FROM enrich.upload_batches") == [(0,)]


def test_a_day_that_was_never_computed_is_refused_by_name(store: SmallStore) -> None:
    with pytest.raises(DayError, match=f"{store.day.key}.*order_costs and order_profit"):
        store.upload(store.context())


def test_orders_stay_ready_when_the_vendor_cannot_be_reached(store: SmallStore) -> None:
    store.place("O1")
    run = store.context()
    store.compute(run)
    store.api.stop()
    with pytest.raises(EnrichApiError):
        store.upload(run)
    assert store.states() == {"O1": ("ready", "new")}


def test_a_batch_that_was_being_sent_when_the_run_died_is_settled_by_reading_back(store: SmallStore) -> None:
    store.place("O1")
    undisturbed = store.run_day()
    # What a kill between the request and its answer leaves: the vendor has the rows, the ledger does not know.
    store.execute("DELETE FROM enrich.read_backs")
    store.execute("UPDATE enrich.upload_batches SET status = 'sending', http_status = NULL, answered_at = NULL")
    assert store.states() == {"O1": ("unknown", "no_answer")}
    again = store.run_day()
    assert again.upload_requests == 0
    assert again.equals(undisturbed)


def test_a_batch_that_never_left_before_the_run_died_is_sent_by_the_next(store: SmallStore) -> None:
    store.place("O1")
    run = store.context()
    store.compute(run)
    # What a kill between the intent and the request leaves: the ledger says sending, the vendor has nothing.
    store.upload(run)
    store.tamper("created_at", None, "O1")
    store.execute("UPDATE enrich.upload_batches SET status = 'sending', http_status = NULL, answered_at = NULL")
    receipt = store.run_day()
    assert (receipt.upload_requests, receipt.orders_in("verified")) == (1, 1)


def test_a_day_outside_the_four_weeks_is_not_sent(store: SmallStore) -> None:
    old = store.day.start - timedelta(days=40)
    store.place("OLD", at=old)
    store.day = type(store.day)(old.astimezone(store.day.zone).date(), store.day.zone)
    receipt = store.run_day()
    assert store.states() == {"OLD": ("outside_window", None)}
    assert receipt.upload_requests == 0
    assert receipt.is_accounted_for


def test_lifting_the_four_weeks_sends_the_day_and_stands_in_the_receipt(store: SmallStore) -> None:
    old = store.day.start - timedelta(days=40)
    store.place("OLD", at=old)
    store.day = type(store.day)(old.astimezone(store.day.zone).date(), store.day.zone)
    receipt = store.run_day(allow_outside_window=True)
    assert receipt.upload_requests == 1
    assert receipt.overrides == {"allow_outside_window": True}
