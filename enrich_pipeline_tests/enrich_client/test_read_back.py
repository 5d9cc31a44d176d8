import threading
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from enrich_pipeline.domain.contract import MINIMAL
from enrich_pipeline.domain.windows import Unverifiable, Window, plan_windows
from enrich_pipeline.enrich_client import BadRequest, RetryPolicy, read_back, read_day
from enrich_pipeline_tests.support.scripted_server import Reply, json_reply
from enrich_pipeline_tests.support.still_clock import StillClock

START = datetime(2025, 6, 10, tzinfo=UTC)
END = START + timedelta(days=1)
DAY = Window(START, END)


def held(order_id, instant):
    return {
        "order_id": order_id,
        "order_timestamp": instant.isoformat(),
        "sales_amount": 10.5,
        "profit_amount": 1,
        "currency": "USD",
    }


def vendor(rows, *, newest_first=False):
    """Answers GETs from `rows` as the minimal profile says."""

    def respond(request):
        start, end = (datetime.fromisoformat(request.query[name]) for name in ("start", "end"))
        found = [row for row in rows if start <= datetime.fromisoformat(row["order_timestamp"]) <= end]
        found.sort(key=lambda row: (row["order_timestamp"], row["order_id"]), reverse=newest_first)
        return json_reply({"orders": found[: int(request.query["limit"])]})

    return respond


def every_minute(count):
    return [held(f"A{number}", START + timedelta(minutes=number)) for number in range(count)]


def ids(reading):
    return Counter(order.order_id for orders in reading for order in orders)


@pytest.mark.parametrize("concurrency", [1, 4])
def test_a_planned_day_is_read_whole_with_no_split(talking, concurrency):
    rows = every_minute(1000)
    windows = plan_windows(
        [START + timedelta(minutes=number) for number in range(1000)], start=START, end=END, profile=MINIMAL
    )
    with talking(respond=vendor(rows), profile=MINIMAL) as (client, server):
        reading = read_day(client, windows, concurrency=concurrency)
        assert ids(reading) == Counter(row["order_id"] for row in rows)
        summary = reading.summary
        assert summary.requests == len(server.requests) == 11
    assert (summary.rows, summary.splits, summary.retries, summary.unverifiable) == (1000, 0, 0, [])


@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize("concurrency", [1, 4])
def test_an_unplanned_day_is_split_until_it_is_whole_however_the_vendor_sorts(talking, concurrency, newest_first):
    rows = every_minute(1000)
    with talking(respond=vendor(rows, newest_first=newest_first), profile=MINIMAL) as (client, _):
        reading = read_day(client, [DAY], concurrency=concurrency)
        assert ids(reading) == Counter(row["order_id"] for row in rows)
    assert reading.summary.splits > 0
    assert reading.summary.requests == 2 * reading.summary.splits + 1


def test_an_order_that_the_vendor_repeats_is_kept_as_often_as_it_came(talking):
    rows = [held("A", START), held("A", START), held("A", START + timedelta(hours=3))]
    with talking(respond=vendor(rows), profile=MINIMAL) as (client, _):
        assert ids(read_day(client, [DAY])) == {"A": 3}


def test_an_instant_that_holds_too_much_is_reported_with_what_was_seen(talking):
    noon = START + timedelta(hours=12)
    rows = [held(f"A{number:03}", noon) for number in range(150)] + [held("B", noon + timedelta(seconds=1))]
    with talking(respond=vendor(rows), profile=MINIMAL) as (client, _):
        reading = read_day(client, [DAY])
        assert ids(reading) == Counter([f"A{number:03}" for number in range(100)] + ["B"])
    assert reading.summary.unverifiable == [Unverifiable(noon, 100)]
    assert reading.summary.rows == 101


def test_a_smaller_limit_can_be_asked_for(talking):
    with talking(respond=vendor(every_minute(5)), profile=MINIMAL) as (client, server):
        assert ids(read_day(client, [DAY], limit=3)).total() == 5
        assert {request.query["limit"] for request in server.requests} == {"3"}


def test_retries_are_counted(talking):
    with talking(Reply(503), json_reply({"orders": []}), profile=MINIMAL) as (client, _):
        reading = read_day(client, [DAY])
        assert list(reading) == [[]]
    assert (reading.summary.requests, reading.summary.retries) == (2, 1)


def test_a_window_that_cannot_be_read_fails_the_reading_and_starts_no_further_one(talking):
    windows = [Window(START + timedelta(hours=hour), START + timedelta(hours=hour + 1)) for hour in range(24)]
    with talking(respond=lambda _: Reply(400), profile=MINIMAL) as (client, server):
        with pytest.raises(BadRequest):
            list(read_day(client, windows, concurrency=2))
        assert len(server.requests) <= 2


def test_a_window_that_waits_for_its_next_attempt_is_not_waited_for_when_another_cannot_be_read(talking):
    first, second = plan_windows([START, END - timedelta(hours=1)], start=START, end=END, profile=MINIMAL, limit=2)
    first_came = threading.Event()

    def respond(request):
        if datetime.fromisoformat(request.query["start"]) == first.start:
            first_came.set()
            return Reply(503)
        first_came.wait()
        return Reply(400)

    time = StillClock()
    time.clock = replace(time.clock, wait=threading.Event.wait)
    retry = RetryPolicy(wait_initial_seconds=20)
    with talking(respond=respond, profile=MINIMAL, time=time, retry=retry) as (client, server):
        with pytest.raises(BadRequest):
            list(read_day(client, [first, second], limit=2, concurrency=2))
        assert len(server.requests) == 2


def test_an_interrupted_reading_says_what_it_waits_for(talking, monkeypatch, caplog):
    def interrupted(*_args, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr(read_back, "wait", interrupted)
    with talking(respond=vendor([]), profile=MINIMAL) as (client, _), pytest.raises(KeyboardInterrupt):
        list(read_day(client, [DAY]))
    assert caplog.messages == ["stopping, once the requests in flight have ended"]


def test_a_caller_that_stops_early_leaves_no_request_behind(talking):
    windows = [Window(START + timedelta(hours=hour), START + timedelta(hours=hour + 1)) for hour in range(24)]
    with talking(respond=vendor([]), profile=MINIMAL) as (client, server):
        reading = iter(read_day(client, windows, concurrency=2))
        next(reading)
        reading.close()
        assert len(server.requests) <= 2
        assert not [thread for thread in threading.enumerate() if thread.name.startswith("read-back")]
