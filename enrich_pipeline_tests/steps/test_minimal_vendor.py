"""The poorest vendor that fits the guide: it answers `{}`, keeps seconds, and shows rows only after its refresh."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from enrich_pipeline.warehouse.embedded import EmbeddedPostgres
from enrich_pipeline_tests.support.small_store import SmallStore, small_store


@pytest.fixture
def store(postgres: EmbeddedPostgres) -> Iterator[SmallStore]:
    """A store in New York with a cost for sku A and a vendor of the minimal profile."""
    with small_store(postgres, profile="minimal") as opened:
        opened.cost("A", "4.00")
        yield opened


def _let_the_deadline_pass(store: SmallStore) -> None:
    store.execute("UPDATE enrich.upload_batches SET sent_at = sent_at - interval '2 days'")


def test_orders_wait_for_the_refresh_and_are_verified_after_it_without_being_sent_again(store: SmallStore) -> None:
    # More than two pages of one hundred rows, with fractions of a second that this vendor cuts off.
    for number in range(230):
        store.place(f"O{number}", at=store.day.start + timedelta(minutes=6 * number, microseconds=123_456))
    waiting = store.run_day()
    assert waiting.orders_in("awaiting_refresh") == waiting.orders == 230
    assert (waiting.findings, waiting.is_accounted_for, waiting.applied) == (0, True, None)
    store.api.refresh()
    verified = store.run_day()
    assert verified.orders_in("verified") == 230
    assert (verified.upload_requests, verified.findings) == (0, 0)
    assert verified.computed_hash == verified.held_hash


def test_a_changed_order_waits_while_the_vendor_still_shows_the_old_amounts(store: SmallStore) -> None:
    store.place("O1")
    store.run_day()
    store.api.refresh()
    store.run_day()
    store.execute("UPDATE raw.unit_costs SET unit_cost = 5")
    assert store.run_day().orders_in("awaiting_refresh") == 1
    store.api.refresh()
    assert store.run_day().orders_in("verified") == 1


def test_an_order_the_vendor_refused_without_a_word_is_missing_once_the_deadline_has_passed(store: SmallStore) -> None:
    store.place("UNKNOWN", known=False)
    assert store.run_day().orders_in("awaiting_refresh") == 1
    store.api.refresh()
    _let_the_deadline_pass(store)
    receipt = store.verify(store.context()).receipt
    assert store.states() == {"UNKNOWN": ("mismatched", "missing")}
    assert receipt.findings == 1


def test_a_batch_without_an_answer_is_sent_again_since_nothing_shows_yet(store: SmallStore) -> None:
    store.place("O1")
    store.run_day()
    store.execute("UPDATE enrich.upload_batches SET status = 'sending', answered_at = NULL")
    assert store.states() == {"O1": ("unknown", "no_answer")}
    assert store.run_day().upload_requests == 1
    assert store.states() == {"O1": ("awaiting_refresh", None)}
