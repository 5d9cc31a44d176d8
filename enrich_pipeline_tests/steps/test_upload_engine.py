"""How an upload ends early, and what then stands in the ledger: against a vendor that answers as each test says."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import chain
from typing import Any

import pytest
from pydantic import SecretStr

from enrich_pipeline.domain.errors import DayError
from enrich_pipeline.enrich_client import AuthenticationError, EnrichClient, RetryPolicy, ServerError
from enrich_pipeline.steps.context import RunContext
from enrich_pipeline.steps.upload import UploadOptions, upload_day
from enrich_pipeline.steps.upload_progress import ProgressReport, UploadSummary
from enrich_pipeline.warehouse.locks import vendor_lock
from enrich_pipeline_tests.support.scripted_server import Answer, Reply, SentRequest, json_reply, scripted_server
from enrich_pipeline_tests.support.small_store import SmallStore


def ids(request: SentRequest) -> list[str]:
    return [order["order_id"] for order in json.loads(request.body)["orders"]]


def accepted(request: SentRequest) -> Answer:
    if request.method == "GET":
        return json_reply({"orders": []})
    orders = len(ids(request))
    return json_reply({"request_id": "r", "received": orders, "accepted": orders, "rejected": 0, "errors": []})


@pytest.fixture
def computed(store: SmallStore) -> RunContext:
    """A run whose day has forty computed orders, O00 to O39 in the order of their time."""
    for number in range(40):
        store.place(f"O{number:02}", at=store.day.start + timedelta(minutes=30 * number), known=False)
    run = store.context()
    store.compute(run)
    return run


@contextmanager
def vendor(store: SmallStore, respond: Any, **options: Any) -> Iterator[EnrichClient]:
    """A client of a vendor that answers by `respond`; it does not wait long before it tries again."""
    retry = RetryPolicy(attempts=3, wait_initial_seconds=0.001)
    with (
        scripted_server(respond) as server,
        EnrichClient(server.url, SecretStr("key"), store.profile, retry=retry, **options) as client,
    ):
        yield client


def upload(store: SmallStore, run: RunContext, client: EnrichClient, **options: Any) -> UploadSummary:
    return upload_day(run, client, store.day, UploadOptions(**{"batch_size": 4, "concurrency": 3, **options}))


def statuses(store: SmallStore) -> dict[str, int]:
    return dict(store.fetch("SELECT status, count(*) FROM enrich.upload_batches GROUP BY status"))


def test_each_order_is_in_one_body_and_each_body_in_the_ledger(store: SmallStore, computed: RunContext) -> None:
    bodies: list[list[str]] = []

    def respond(request: SentRequest) -> Answer:
        bodies.append(ids(request))
        return accepted(request)

    with vendor(store, respond) as client:
        summary = upload(store, computed, client)
    assert sorted(chain(*bodies)) == [f"O{number:02}" for number in range(40)]
    ledger = store.fetch(
        "SELECT array_agg(order_id ORDER BY order_timestamp) FROM enrich.upload_ledger GROUP BY batch_id"
    )
    assert sorted(row[0] for row in ledger) == sorted(bodies)
    assert (summary.answered, summary.requests, statuses(store)) == (40, 10, {"answered": 10})


def test_a_row_that_no_body_may_hold_stands_alone_in_the_end_and_its_neighbours_are_in(
    store: SmallStore, computed: RunContext
) -> None:
    def respond(request: SentRequest) -> Answer:
        poison = "O17" in ids(request)
        return json_reply({"code": "bad_row"}, status=422) if poison else accepted(request)

    with vendor(store, respond) as client:
        summary = upload(store, computed, client, batch_size=40)
    assert summary.rejected == {"bad_row": 1}
    assert {key: state for key, state in store.states().items() if state[0] == "rejected"} == {
        "O17": ("rejected", "bad_row")
    }
    assert statuses(store)["refused"] == 1


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_vendor_that_refuses_every_order_is_to_blame_and_no_order_is(
    store: SmallStore, computed: RunContext, status: int
) -> None:
    with vendor(store, lambda _request: Reply(status)) as client, pytest.raises(DayError, match="took none"):
        upload(store, computed, client)
    assert set(statuses(store)) == {"failed"}
    assert set(store.states().values()) == {("ready", "new")}
    with vendor(store, accepted) as client:
        assert upload(store, store.context(), client).answered == 40


def test_orders_refused_after_one_was_taken_are_to_blame_however_many(store: SmallStore, computed: RunContext) -> None:
    taken: list[str] = []

    def respond(request: SentRequest) -> Answer:
        taken.extend([] if taken else ids(request))
        return accepted(request) if taken == ids(request) else Reply(422)

    with vendor(store, respond) as client:
        summary = upload(store, computed, client, batch_size=1, concurrency=1)
    assert summary.rejected.total() == 39
    assert [state for state, _ in store.states().values()].count("rejected") == 39


def test_a_refused_row_is_found_in_the_ledger_by_its_index_in_the_body(store: SmallStore, computed: RunContext) -> None:
    def respond(request: SentRequest) -> Answer:
        orders = ids(request)
        errors = [
            {"index": index, "order_id": key, "code": "unknown_order", "message": "not imported"}
            for index, key in enumerate(orders)
            if key in {"O03", "O21"}
        ]
        taken = len(orders) - len(errors)
        return json_reply(
            {"request_id": "r", "received": len(orders), "accepted": taken, "rejected": len(errors), "errors": errors}
        )

    with vendor(store, respond) as client:
        upload(store, computed, client, batch_size=8)
    rejected = store.fetch("SELECT order_id FROM enrich.upload_ledger WHERE rejection_code = 'unknown_order'")
    assert sorted(rejected) == [("O03",), ("O21",)]


def test_a_key_that_is_refused_stops_everything_at_once_and_nothing_counts_as_sent(
    store: SmallStore, computed: RunContext
) -> None:
    requests: list[SentRequest] = []

    def respond(request: SentRequest) -> Answer:
        requests.append(request)
        return Reply(401)

    with vendor(store, respond) as client, pytest.raises(AuthenticationError, match=r"WORKMAGIC_API_KEY.*Settings"):
        upload(store, computed, client)
    assert len(requests) <= 3
    assert set(statuses(store)) == {"failed"}
    assert set(store.states().values()) == {("ready", "new")}


def test_after_a_failure_no_batch_that_was_not_sent_is_in_the_ledger(store: SmallStore, computed: RunContext) -> None:
    with vendor(store, lambda _request: Reply(500)) as client, pytest.raises(ServerError):
        upload(store, computed, client, concurrency=1)
    assert statuses(store) == {"unknown": 1}
    assert store.fetch("SELECT count(*) FROM enrich.upload_ledger") == [(4,)]


def test_requests_that_fail_at_the_same_time_are_all_written_down(
    store: SmallStore, computed: RunContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_flight = threading.Barrier(3, timeout=30)
    may_answer = threading.Event()

    def respond(_request: SentRequest) -> Answer:
        in_flight.wait()
        may_answer.wait()
        return Reply(401)

    def let_both_fail(*_: object, **__: object) -> None:
        # The calling thread shows progress: whatever becomes of the requests meanwhile, it finds together afterwards.
        in_flight.wait()
        may_answer.set()
        for thread in threading.enumerate():
            if thread.name.startswith("upload-"):
                thread.join()

    monkeypatch.setattr(ProgressReport, "show", let_both_fail)
    with vendor(store, respond) as client, pytest.raises(AuthenticationError):
        upload(store, computed, client, batch_size=20)
    assert statuses(store) == {"failed": 2}


def test_a_terminated_run_lets_what_is_in_flight_end_and_writes_it_down(
    store: SmallStore, computed: RunContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered = threading.Event()

    def respond(request: SentRequest) -> Answer:
        answered.set()
        return accepted(request)

    def terminated(*_: object, **__: object) -> None:
        # What a signal does: it raises in the calling thread, wherever that is.
        answered.wait()
        raise KeyboardInterrupt

    monkeypatch.setattr(ProgressReport, "show", terminated)
    with vendor(store, respond) as client, pytest.raises(KeyboardInterrupt):
        upload(store, computed, client, batch_size=1)
    assert set(statuses(store)) == {"answered"}
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("upload")]


def test_a_run_terminated_while_its_threads_start_leaves_none_of_them_behind(
    store: SmallStore, computed: RunContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = threading.Thread.start

    def start_or_be_terminated(thread: threading.Thread) -> None:
        if thread.name == "upload-1":
            raise KeyboardInterrupt
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_or_be_terminated)
    with vendor(store, accepted) as client, pytest.raises(KeyboardInterrupt):
        upload(store, computed, client, batch_size=1)
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("upload")]


def test_the_time_of_a_day_is_limited_and_the_next_run_goes_on_from_there(
    store: SmallStore, computed: RunContext
) -> None:
    with vendor(store, accepted) as client:
        with pytest.raises(DayError, match=r"UPLOAD_BUDGET_SECONDS"):
            upload(store, computed, client, budget_seconds=0.0)
        assert upload(store, store.context(), client).requests <= 10
    assert store.fetch("SELECT count(DISTINCT order_id) FROM enrich.upload_ledger") == [(40,)]


def test_fewer_requests_are_in_flight_after_the_vendor_strained(store: SmallStore, computed: RunContext) -> None:
    limited = iter([True])

    def respond(request: SentRequest) -> Answer:
        return Reply(429) if next(limited, False) else accepted(request)

    with vendor(store, respond, max_connections=8) as client:
        summary = upload(store, computed, client, concurrency=8, batch_size=20)
        assert client.in_flight_limit < 8
    assert (summary.answered, summary.retries) == (40, 1)


def test_progress_is_told_now_and_then_and_not_with_every_batch() -> None:
    now = iter([0.0, 1.0, 5.0, 6.0, 10.5])
    told: list[str] = []
    report = ProgressReport("2025-06-10", told.append, every_seconds=5, monotonic=lambda: next(now))
    for answered in (1_000, 5_000, 6_000, 10_500):
        report.show(UploadSummary(planned=21_000, answered=answered), in_flight_limit=8)
    speed, end = "1,000 orders/s", "0 retries, up to 8 in flight"
    assert told == [
        f"2025-06-10: sent 5,000 of 21,000 orders, {speed}, 16,000 remaining (about 16 s), {end}",
        f"2025-06-10: sent 10,500 of 21,000 orders, {speed}, 10,500 remaining (about 10 s), {end}",
    ]


def test_a_second_run_waits_for_the_first_and_says_for_what(
    store: SmallStore, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    waiting, entered = threading.Event(), threading.Event()

    class Heard(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            waiting.set()

    def second() -> None:
        with vendor_lock(store.engine, "run two"):
            entered.set()

    logger = logging.getLogger("enrich_pipeline.warehouse.locks")
    logger.addHandler(handler := Heard())
    thread = threading.Thread(target=second)
    try:
        with vendor_lock(store.engine, "run one, uploading 2025-06-10"):
            thread.start()
            assert waiting.wait(30)
            assert not entered.is_set()
        thread.join()
    finally:
        logger.removeHandler(handler)
    assert entered.is_set()
    assert "waiting for run one, uploading 2025-06-10" in caplog.text


def test_what_a_day_sent_of_an_order_that_left_it_does_not_count_when_the_order_comes_back(
    store: SmallStore, computed: RunContext
) -> None:
    with vendor(store, accepted) as client:
        upload(store, computed, client)
        store.execute("DELETE FROM enrich.order_profit WHERE order_id = 'O07'")
        upload(store, computed, client)
        store.compute(store.context())
    assert store.states()["O07"] == ("ready", "new")
