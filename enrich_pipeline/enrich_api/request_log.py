"""The request log: every API request, its body for a while, the rows it was refused, and counts by day.

Requests are written a few times a second, many at once, so that the log costs a request next to nothing. A power cut
can lose the last fraction of a second of the log; it never loses an order, which is committed before it is answered.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterable, Sequence
from typing import Any, LiteralString

import psycopg
from isal import isal_zlib

from enrich_pipeline.enrich_api.config import DEFAULT_STORE_ID
from enrich_pipeline.enrich_api.database import Connection, Database
from enrich_pipeline.enrich_api.errors import DatabaseUnavailableError
from enrich_pipeline.enrich_api.request_records import RequestRecord

_log = logging.getLogger(__name__)

_PAUSE_SECONDS = 0.25
# What waits for a database that is out of reach: then the oldest requests are forgotten, and bodies before requests.
_MOST_WAITING = 20_000
_MOST_WAITING_BODY_BYTES = 64 * 1024 * 1024
_LONGEST_ANSWER = 64 * 1024
# JSON of one shape shrinks ninefold at this level, at more than 1 GB/s.
_COMPRESSION_LEVEL = 1

_COPY_REQUESTS: LiteralString = """
COPY enrich_api.requests (
    request_id, store_id, key_label, received_at, method, path, query, status, latency_us, request_bytes,
    response_bytes, order_rows, accepted, rejected, problem
) FROM STDIN
"""
_COPY_BODIES: LiteralString = (
    "COPY enrich_api.request_bodies (request_id, received_at, body, answer) FROM STDIN (FORMAT BINARY)"
)
_COPY_REJECTED: LiteralString = (
    "COPY enrich_api.rejected_rows (request_id, store_id, place, order_id, code, message) FROM STDIN"
)

_WRITTEN: LiteralString = "SELECT request_id FROM enrich_api.requests WHERE request_id = ANY(%s)"

_COUNT_LOCK: LiteralString = "SELECT pg_advisory_xact_lock(hashtext('enrich_api request log'))"

# A day is the store's own.
_COUNT_DAYS: LiteralString = """
INSERT INTO enrich_api.request_days AS d (
    store_id, day, method, status, requests, order_rows, accepted, rejected, request_bytes, latency_us
)
SELECT
    r.store_id, (r.received_at AT TIME ZONE s.timezone)::date AS day, r.method, r.status,
    count(*), sum(r.order_rows), sum(r.accepted), sum(r.rejected), sum(r.request_bytes), sum(r.latency_us)
FROM enrich_api.requests AS r
INNER JOIN enrich_api.stores AS s ON s.store_id = r.store_id
WHERE r.request_id = ANY(%s)
GROUP BY r.store_id, day, r.method, r.status
ON CONFLICT (store_id, day, method, status) DO UPDATE
SET
    requests = d.requests + excluded.requests,
    order_rows = d.order_rows + excluded.order_rows,
    accepted = d.accepted + excluded.accepted,
    rejected = d.rejected + excluded.rejected,
    request_bytes = d.request_bytes + excluded.request_bytes,
    latency_us = d.latency_us + excluded.latency_us
"""

_NOTE_USE: LiteralString = """
UPDATE enrich_api.api_keys AS k
SET last_used_at = greatest(k.last_used_at, u.used_at)
FROM unnest(%(key_ids)s::integer[], %(used_at)s::timestamptz[]) AS u (key_id, used_at)
WHERE k.key_id = u.key_id
"""


class RequestLog:
    """Collects finished requests and writes them in the background."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: list[RequestRecord] = []
        self._waiting_bytes = 0
        self._closing = asyncio.Event()

    def append(self, record: RequestRecord) -> None:
        """Take a finished request; it is in the database within a second."""
        self._waiting_bytes += len(record.body)
        if self._waiting_bytes > _MOST_WAITING_BODY_BYTES:
            self._waiting_bytes -= len(record.body)
            record.body = b""
        if len(record.answer) > _LONGEST_ANSWER:
            record.answer = b""
        self._waiting.append(record)
        if len(self._waiting) > _MOST_WAITING:
            _log.warning("The request log forgot a request: the database has been out of reach for too long.")
            self._waiting_bytes -= len(self._waiting.pop(0).body)

    async def write_until_closed(self) -> None:
        """Write what has come, several times a second; return when it is closed and the last has been written.

        It is not to be cancelled: requests that are on their way into the database would be lost.
        """
        while not self._closing.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), _PAUSE_SECONDS)
            await self.flush()

    def close(self) -> None:
        """Say that nothing more comes."""
        self._closing.set()

    async def flush(self) -> None:
        """Write what waits. When the database is out of reach, it goes on waiting."""
        records, self._waiting = self._waiting, []
        waiting_bytes, self._waiting_bytes = self._waiting_bytes, 0
        if not records:
            return
        bodies = await asyncio.to_thread(_compressed, records)
        try:
            await self._database.run(lambda connection: _write(connection, records, bodies))
        except DatabaseUnavailableError:
            # They may be there all the same, when the answer to the commit is what got lost; writing finds that out.
            self._waiting = records + self._waiting
            self._waiting_bytes += waiting_bytes
        except psycopg.Error:
            _log.exception("The request log could not write %d requests.", len(records))


def _compressed(records: Iterable[RequestRecord]) -> list[tuple[Any, ...]]:
    return [
        (record.request_id, record.received_at, _deflate(record.body), _deflate(record.answer))
        for record in records
        if record.body or record.answer
    ]


def _deflate(content: bytes) -> bytes:
    return isal_zlib.compress(content, _COMPRESSION_LEVEL) if content else b""


async def _write(connection: Connection, records: Sequence[RequestRecord], bodies: Sequence[tuple[Any, ...]]) -> None:
    """Write what an earlier try has not written."""
    async with connection.transaction(), connection.cursor() as cursor:
        # The log may trail a crash by a moment; waiting for the disk here would make the orders' commits wait too.
        await cursor.execute("SET LOCAL synchronous_commit TO off")
        await cursor.execute(_WRITTEN, ([record.request_id for record in records],))
        written = {request_id for (request_id,) in await cursor.fetchall()}
        records = [record for record in records if record.request_id not in written]
        bodies = [body for body in bodies if body[0] not in written]
        async with cursor.copy(_COPY_REQUESTS) as copy:
            for record in records:
                await copy.write_row(_request_row(record))
        if bodies:
            async with cursor.copy(_COPY_BODIES) as copy:
                copy.set_types(["text", "timestamptz", "bytea", "bytea"])
                for body in bodies:
                    await copy.write_row(body)
        if any(record.errors for record in records):
            async with cursor.copy(_COPY_REJECTED) as copy:
                for record in records:
                    for row in _rejected_rows(record):
                        await copy.write_row(row)
        # One process at a time from here on: what follows changes rows that others' logs change too.
        await cursor.execute(_COUNT_LOCK)
        await cursor.execute(_COUNT_DAYS, ([record.request_id for record in records],))
        used = {record.key.key_id: record.received_at for record in records if record.key}
        await cursor.execute(_NOTE_USE, {"key_ids": sorted(used), "used_at": [used[key_id] for key_id in sorted(used)]})


def _request_row(record: RequestRecord) -> tuple[Any, ...]:
    return (
        record.request_id,
        _store_id(record),
        record.key.label if record.key else None,
        record.received_at,
        record.method,
        _text(record.path),
        _text(record.query),
        record.status,
        record.latency_us,
        record.request_bytes,
        record.response_bytes,
        record.rows,
        record.accepted,
        len(record.errors),
        record.problem,
    )


def _rejected_rows(record: RequestRecord) -> Iterable[tuple[Any, ...]]:
    for error in record.errors:
        order_id = None if error.order_id is None else _text(error.order_id)
        yield record.request_id, _store_id(record), error.index, order_id, error.code, error.message


def _store_id(record: RequestRecord) -> int:
    """Whose log it belongs to; what bore no good key is shown with the default store."""
    return record.key.store_id if record.key else DEFAULT_STORE_ID


def _text(value: str) -> str:
    """What PostgreSQL can keep of any text that a client sent."""
    return value.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()
