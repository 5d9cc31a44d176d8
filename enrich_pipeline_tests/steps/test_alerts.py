"""Watching a real warehouse: each change of state is told once, kept until it was told, and told when it is over."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from enrich_pipeline.messaging.webhook import WebhookError
from enrich_pipeline.steps.alerts import watch
from enrich_pipeline_tests.support.small_store import SmallStore


def look(store: SmallStore, tell: Callable[[str], object] | None) -> str:
    return watch(store.context(), runs=[], receipt_due_hour=23, tell=tell)


def test_a_finding_is_told_once_and_so_is_its_end(store: SmallStore) -> None:
    told: list[str] = []
    store.place("1")
    store.run_day()
    look(store, told.append)
    assert told == []

    store.tamper("sales_amount", 99, "1")
    store.verify(store.context())
    look(store, told.append)
    look(store, told.append)
    assert [text.splitlines()[0] for text in told] == ["[ALERT findings] What the vendor holds differs"]

    store.run_day()
    look(store, told.append)
    look(store, told.append)
    assert [text.splitlines()[0] for text in told[1:]] == [
        "[RECOVERED findings] What the vendor holds differs: no longer"
    ]


def test_what_a_webhook_did_not_take_is_told_the_next_time(store: SmallStore) -> None:
    store.place("1", lines=(("no cost", "1", "10.00"),))
    store.run_day()

    def broken(_: str) -> None:
        raise WebhookError("The alert webhook answered 500.")

    with pytest.raises(WebhookError):
        look(store, broken)
    told: list[str] = []
    look(store, told.append)
    assert len(told) == 1
    assert "not at the vendor: 1 order of 10.00 USD" in told[0]


def test_without_a_webhook_alerts_are_in_the_log(store: SmallStore, caplog: pytest.LogCaptureFixture) -> None:
    store.place("1", lines=(("no cost", "1", "10.00"),))
    store.run_day()
    look(store, None)
    look(store, None)
    assert [record.levelname for record in caplog.records if "ALERT stranded_money" in record.message] == ["WARNING"]
