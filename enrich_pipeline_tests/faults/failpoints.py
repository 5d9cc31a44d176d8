"""Moments in a run at which a trial strikes, made certain from outside: the warehouse itself stops the run there.

A trigger on the table that is about to be written waits for an advisory lock that the trial holds, or raises what a
full disk raises. The run's code knows nothing of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass

import psycopg

from enrich_pipeline.warehouse.embedded import libpq_url
from enrich_pipeline_tests.faults.laboratory import Laboratory

_LOCK = 7_001_001
_WAIT_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Point:
    """A write that a run is about to make.

    Attributes:
        name: what has happened by then.
        table: that is written.
        when: a condition on NEW, in PL/pgSQL.
        vendor: a fault that the vendor needs for a run to come by.
    """

    name: str
    table: str
    when: str = "true"
    vendor: str | None = None


PLANNING = Point("about to plan", "enrich.upload_runs")
PLANNED = Point("planned, intent not committed", "enrich.upload_batches", "TG_OP = 'INSERT'")
ANSWERED = Point("answered, not recorded", "enrich.upload_batches", "TG_OP = 'UPDATE' AND NEW.status = 'answered'")
RECORDED = Point(
    "some answers recorded",
    "enrich.upload_batches",
    "TG_OP = 'UPDATE' AND NEW.status = 'answered' AND EXISTS"
    " (SELECT FROM enrich.upload_batches WHERE status = 'answered' AND xmin <> pg_current_xact_id()::xid)",
    # Outcomes are written a few at a time: only a slow vendor brings more than one such write.
    vendor="latency:0.15,method=POST",
)
ALL_RECORDED = Point("everything recorded, reading not begun", "enrich.read_backs", "TG_OP = 'INSERT'")
READING_BACK = Point("reading back", "enrich.held_orders", "TG_OP = 'INSERT'")
READ_BACK = Point("read back, not complete", "enrich.read_backs", "TG_OP = 'UPDATE' AND NEW.completed_at IS NOT NULL")
RECEIPT_UNWRITTEN = Point("receipt unwritten", "enrich.receipts")
COMPUTING = Point("computing", "enrich.order_profit")

UPLOADING = (PLANNING, PLANNED, ANSWERED, RECORDED)
VERIFYING = (ALL_RECORDED, READING_BACK, READ_BACK, RECEIPT_UNWRITTEN)


class Stop:
    """A point at which runs wait until they are let go."""

    def __init__(self, laboratory: Laboratory, holder: psycopg.Connection) -> None:
        self._url = libpq_url(laboratory.store.url)
        self._holder = holder

    def wait_until_reached(self) -> int:
        """The process id of the warehouse's backend that stands there.

        Raises:
            TimeoutError: when no run comes by.
        """
        pid = self.reached_unless(lambda: False)
        if pid is None:
            raise TimeoutError("no run reached the point")
        return pid

    def reached_unless(self, ended: Callable[[], bool]) -> int | None:
        """The same, or None once `ended` says that no run will come by any more."""
        with psycopg.connect(self._url, autocommit=True) as connection:
            for _ in _until_timeout():
                found = connection.execute(
                    "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objid = %s AND NOT granted", (_LOCK,)
                ).fetchone()
                if found:
                    return found[0]
                if ended():
                    return None
        return None

    def let_go(self) -> None:
        """Let every run pass from now on."""
        self._holder.execute("SELECT pg_advisory_unlock(%s)", (_LOCK,))


@contextmanager
def stop_at(laboratory: Laboratory, point: Point) -> Generator[Stop]:
    """Make runs wait at `point`; they are let go at the end at the latest."""
    with (
        psycopg.connect(libpq_url(laboratory.store.url), autocommit=True) as holder,
        _vendor_of(laboratory, point),
        _trigger(laboratory, point, f"PERFORM pg_advisory_xact_lock_shared({_LOCK});"),
    ):
        holder.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
        try:
            yield Stop(laboratory, holder)
        finally:
            holder.execute("SELECT pg_advisory_unlock_all()")


@contextmanager
def disk_full_at(laboratory: Laboratory, point: Point) -> Generator[None]:
    """Fail each write at `point` as a full disk would."""
    with (
        _vendor_of(laboratory, point),
        _trigger(laboratory, point, "RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full';"),
    ):
        yield


def terminate(laboratory: Laboratory, pid: int) -> None:
    """End the connection of one backend."""
    with psycopg.connect(libpq_url(laboratory.store.url), autocommit=True) as connection:
        connection.execute("SELECT pg_terminate_backend(%s)", (pid,))


def terminate_all(laboratory: Laboratory) -> int:
    """End every connection to the warehouse; return how many there were."""
    with psycopg.connect(libpq_url(laboratory.store.url), autocommit=True) as connection:
        ended = connection.execute("""
            SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
        """)
        return len(ended.fetchall())


def wait_until(laboratory: Laboratory, condition: str) -> None:
    """Return once a condition on the warehouse's tables holds.

    Raises:
        TimeoutError: when it never does.
    """
    with psycopg.connect(libpq_url(laboratory.store.url), autocommit=True) as connection:
        for _ in _until_timeout():
            row = connection.execute(f"SELECT {condition}").fetchone()  # type: ignore[arg-type]  # the trials' own
            if row and row[0]:
                return
    raise TimeoutError(f"this never became true: {condition}")


def _until_timeout() -> Generator[None]:
    deadline = time.monotonic() + _WAIT_SECONDS
    while time.monotonic() < deadline:
        yield
        time.sleep(0.005)


def _vendor_of(laboratory: Laboratory, point: Point) -> AbstractContextManager[None]:
    return laboratory.faults(point.vendor) if point.vendor else nullcontext()


@contextmanager
def _trigger(laboratory: Laboratory, point: Point, action: str) -> Generator[None]:
    laboratory.store.execute(f"""
        CREATE FUNCTION public.strike() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF {point.when} THEN {action} END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER strike BEFORE INSERT OR UPDATE ON {point.table} FOR EACH ROW EXECUTE FUNCTION public.strike()
    """)
    try:
        yield
    finally:
        laboratory.store.execute("DROP FUNCTION public.strike CASCADE")
