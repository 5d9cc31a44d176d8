"""The fault table: what is done to a day's run, in which place. Each trial disturbs, and asserts that it did."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import psycopg
import pytest
from sqlalchemy.exc import DBAPIError

from enrich_pipeline.domain.errors import DayError
from enrich_pipeline.enrich_client import AuthenticationError, ConnectionFailed, EnrichApiError, Timeouts
from enrich_pipeline_tests.faults.day_process import start_day
from enrich_pipeline_tests.faults.failpoints import (
    ALL_RECORDED,
    ANSWERED,
    COMPUTING,
    PLANNED,
    READING_BACK,
    RECORDED,
    UPLOADING,
    VERIFYING,
    Point,
    disk_full_at,
    stop_at,
    terminate,
    terminate_all,
    wait_until,
)
from enrich_pipeline_tests.faults.laboratory import Laboratory

Place = Literal["POST", "GET", "warehouse", "process"]

IMPATIENT = Timeouts(connect=5, write=5, read=0.3, pool=5)
_SOME_ARE_IN = Point(
    "answers come in", ANSWERED.table, ANSWERED.when, vendor="latency:0.15,method=POST"
)  # slow enough that batches are left when the first answers are written down
_SENDING = "EXISTS (SELECT FROM enrich.upload_batches WHERE status = 'sending')"


@dataclass(frozen=True, slots=True)
class Trial:
    """A fault in a place. `disturb` runs the day's steps under it, and fails when the day was not disturbed."""

    place: Place
    fault: str
    disturb: Callable[[Laboratory], object]


def all_trials() -> list[Trial]:
    """Every row of the table."""
    return [*_answer_trials(), *_data_trials(), *_connection_trials(), *_warehouse_trials(), *_process_trials()]


# What the vendor answers, by the fault's spec, and whether one such answer is healed by asking again.
_ANSWERS = {
    "429 with seconds": ("429:1", True),
    "429 with a date": ("429:date", True),
    "429 with none": ("429:none", True),
    "500": ("500", True),
    "502": ("502", True),
    "503": ("503", True),
    "reset before commit": ("reset-before-commit", True),
    "reset after commit": ("reset-after-commit", True),
    "answer cut short": ("cut-answer", True),
    "answer never comes": ("lost-answer", True),
    "latency over the timeout": ("latency:1", True),
    "not JSON": ("not-json", True),
    "JSON of another shape": ("other-shape", False),
}


def _answer_trials() -> Iterator[Trial]:
    for place in ("POST", "GET"):
        for name, (spec, heals) in _ANSWERS.items():
            slow = {"timeouts": IMPATIENT} if spec in {"lost-answer", "latency:1"} else {}
            yield Trial(place, name, partial(_fails, place, spec, slow))
            if heals:
                yield Trial(place, f"{name}, once", partial(_heals, place, f"{spec},count=1", slow))
        yield Trial(place, "latency", partial(_goes_unnoticed, place, "latency:0.05"))


def _step(laboratory: Laboratory, place: Place) -> Callable[..., Any]:
    """The step that uses the method; a GET's day was sent before, and shows."""
    if place == "POST":
        return laboratory.upload
    laboratory.upload()
    laboratory.show_rows()
    return laboratory.verify


def _fails(place: Place, spec: str, client_options: dict[str, Any], laboratory: Laboratory) -> None:
    step = _step(laboratory, place)
    # Where a POST answers `{}`, any object will do: nothing of it is ever read.
    unread = spec == "other-shape" and place == "POST" and not laboratory.store.profile.post_answers_row_errors
    with laboratory.faults(f"{spec},method={place}"), nullcontext() if unread else pytest.raises(EnrichApiError):
        step(**client_options)


def _heals(place: Place, spec: str, client_options: dict[str, Any], laboratory: Laboratory) -> None:
    step = _step(laboratory, place)
    with laboratory.faults(f"{spec},method={place}"):
        step(**client_options)


def _goes_unnoticed(place: Place, spec: str, laboratory: Laboratory) -> None:
    _heals(place, spec, {}, laboratory)


def _data_trials() -> Iterator[Trial]:
    for name, spec in {
        "200 that stored nothing": "stores-nothing",
        "200 that stored half": "stores-half",
        "zeroed values": "zeroed",
        "clock skew, a zone": "shifted:America/New_York",
        "clock skew, two hours": "shifted:-2",
    }.items():
        yield Trial("POST", name, partial(_stores_wrongly, spec))
    for name, spec in {"silent truncation": "truncated", "duplicates": "duplicates,rate=0.3"}.items():
        yield Trial("GET", name, partial(_lists_wrongly, spec))
    yield Trial("POST", "duplicates: the whole day posted twice", _posts_twice)


def _stores_wrongly(spec: str, laboratory: Laboratory) -> None:
    with laboratory.faults(spec):
        laboratory.upload()
    laboratory.show_rows()
    verified = laboratory.verify().receipt.orders_in("verified")
    assert verified < laboratory.receipt.orders_in("verified"), "nothing was stored wrongly"


def _lists_wrongly(spec: str, laboratory: Laboratory) -> None:
    laboratory.upload()
    laboratory.show_rows()
    with laboratory.faults(spec):
        receipt = laboratory.verify().receipt
    assert not receipt.equals(laboratory.receipt)


def _posts_twice(laboratory: Laboratory) -> None:
    laboratory.upload()
    laboratory.store.execute("UPDATE enrich.upload_batches SET status = 'sending', answered_at = NULL")
    laboratory.store.execute("UPDATE enrich.read_backs SET completed_at = NULL")
    laboratory.upload()


def _connection_trials() -> Iterator[Trial]:
    for place in ("POST", "GET"):
        yield Trial(place, "connection refused", partial(_refused, place))
        yield Trial(place, "DNS failure", partial(_no_such_host, place))
    yield Trial("POST", "key revoked in the middle", _revoked_while_sending)
    yield Trial("GET", "key revoked in the middle", _revoked_while_reading)


def _refused(place: Place, laboratory: Laboratory) -> None:
    step = _step(laboratory, place)
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(ConnectionFailed):
        step(base_url=f"http://127.0.0.1:{port}")


def _no_such_host(place: Place, laboratory: Laboratory) -> None:
    step = _step(laboratory, place)
    with pytest.raises(ConnectionFailed):
        step(base_url="https://vendor.invalid")


def _revoked_while_sending(laboratory: Laboratory) -> None:
    _revoked_at(laboratory, _SOME_ARE_IN, partial(laboratory.upload, concurrency=1))


def _revoked_while_reading(laboratory: Laboratory) -> None:
    step = _step(laboratory, "GET")
    _revoked_at(laboratory, ALL_RECORDED, step)


def _revoked_at(laboratory: Laboratory, point: Point, step: Callable[[], object]) -> None:
    with stop_at(laboratory, point) as stop, running(step) as run:
        stop.wait_until_reached()
        new_key = laboratory.store.api.replace_key()
        stop.let_go()
        with pytest.raises(AuthenticationError, match="WORKMAGIC_API_KEY"):
            run.result(timeout=60)
        laboratory.store.api.key = new_key


def _warehouse_trials() -> Iterator[Trial]:
    for point in (*UPLOADING, *VERIFYING):
        yield Trial("warehouse", f"connection lost: {point.name}", partial(_connection_lost, point))
        yield Trial("warehouse", f"disk full: {point.name}", partial(_disk_full, point))
    yield Trial("warehouse", "every connection lost while a request is out", _every_connection_lost)
    yield Trial("warehouse", f"connection lost: {COMPUTING.name}", _connection_lost_computing)
    yield Trial("warehouse", f"disk full: {COMPUTING.name}", _disk_full_computing)


def _step_at(laboratory: Laboratory, point: Point) -> Callable[[], object]:
    return _step(laboratory, "GET" if point in VERIFYING else "POST")


def _connection_lost(point: Point, laboratory: Laboratory) -> None:
    step = _step_at(laboratory, point)
    with stop_at(laboratory, point) as stop, running(step) as run:
        terminate(laboratory, stop.wait_until_reached())
        stop.let_go()
        with pytest.raises((DBAPIError, DayError)):
            run.result(timeout=60)


def _disk_full(point: Point, laboratory: Laboratory) -> None:
    step = _step_at(laboratory, point)
    with disk_full_at(laboratory, point), pytest.raises((DBAPIError, DayError)) as raised:
        step()
    if isinstance(raised.value, DBAPIError):
        assert isinstance(raised.value.orig, psycopg.errors.DiskFull)
    else:
        assert "(DiskFull, 53100)" in str(raised.value)


def _every_connection_lost(laboratory: Laboratory) -> None:
    with laboratory.faults("latency:0.5,method=POST"), running(laboratory.upload) as run:
        laboratory.wait_until_struck()
        assert terminate_all(laboratory) >= 1
        # The run may mend itself by connecting anew, or end; what counts is what comes of the day.
        with suppress(DBAPIError):
            run.result(timeout=60)


def _connection_lost_computing(laboratory: Laboratory) -> None:
    with stop_at(laboratory, COMPUTING) as stop, running(partial(_compute, laboratory)) as run:
        terminate(laboratory, stop.wait_until_reached())
        stop.let_go()
        with pytest.raises(DayError):
            run.result(timeout=60)
    _compute(laboratory)


def _disk_full_computing(laboratory: Laboratory) -> None:
    with disk_full_at(laboratory, COMPUTING), pytest.raises(DayError, match="could not extend file"):
        _compute(laboratory)
    _compute(laboratory)


def _compute(laboratory: Laboratory) -> None:
    laboratory.store.compute(laboratory.store.context())


def _process_trials() -> Iterator[Trial]:
    for point in (*UPLOADING, *VERIFYING):
        yield Trial("process", f"kill -9: {point.name}", partial(_killed_at, point))
    yield Trial("process", "kill -9: sending, nothing arrived", _killed_before_anything_arrived)
    yield Trial("process", "kill -9: sending, request under way", _killed_with_a_request_under_way)
    yield Trial("process", "kill -9 of the vendor while it stores", _vendor_killed)
    for point in (PLANNED, ANSWERED, RECORDED, READING_BACK):
        yield Trial("process", f"two runs at once: the first {point.name}", partial(_two_runs, point))


def _killed_at(point: Point, laboratory: Laboratory) -> None:
    _step_at(laboratory, point)
    with stop_at(laboratory, point) as stop:
        process = start_day(laboratory.store)
        stop.wait_until_reached()
        _kill(process)


def _killed_before_anything_arrived(laboratory: Laboratory) -> None:
    # A vendor that takes connections and never reads from them: the request has left, and nothing was stored.
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        process = start_day(laboratory.store, base_url=f"http://127.0.0.1:{deaf.getsockname()[1]}")
        wait_until(laboratory, _SENDING)
        _kill(process)
    assert not laboratory.held_by_vendor()


def _killed_with_a_request_under_way(laboratory: Laboratory) -> None:
    with laboratory.faults("latency:0.3,method=POST"):
        process = start_day(laboratory.store)
        laboratory.wait_until_struck()
        _kill(process)


def _kill(process: subprocess.Popen[bytes]) -> None:
    assert process.poll() is None, "the run ended before it could be killed"
    process.kill()
    process.wait()


def _vendor_killed(laboratory: Laboratory) -> None:
    laboratory.begin_faults("latency:0.15,method=POST,after=1")
    with running(partial(laboratory.upload, concurrency=1)) as run:
        laboratory.wait_until_struck()
        laboratory.store.api.kill()
        with pytest.raises(EnrichApiError):
            run.result(timeout=60)
    laboratory.store.api.restart()


def _two_runs(point: Point, laboratory: Laboratory) -> None:
    waiting = """
        EXISTS (SELECT FROM pg_locks AS waiting WHERE waiting.locktype = 'advisory' AND NOT waiting.granted
            AND waiting.objid <> 7001001)
    """
    _step_at(laboratory, point)
    with stop_at(laboratory, point) as stop, running(partial(_whole_day, laboratory)) as first:
        stop.wait_until_reached()
        with running(partial(_whole_day, laboratory)) as second:
            wait_until(laboratory, waiting)
            stop.let_go()
            first.result(timeout=60)
            second.result(timeout=60)


def _whole_day(laboratory: Laboratory) -> None:
    laboratory.upload()
    laboratory.verify()


@contextmanager
def running(step: Callable[[], object]) -> Iterator[Future[object]]:
    """Run a step in a thread of its own."""
    with ThreadPoolExecutor(1, thread_name_prefix="trial") as pool:
        yield pool.submit(step)
