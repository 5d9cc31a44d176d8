"""Queries of the upload ledger and batch log: what is about to be sent, what was sent, what became of it.

Every batch is planned, marked `sending` before its request and given an outcome after it, each step committed by
the caller: whatever line a crash hits, the ledger never claims less than what may have left this machine.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY, INTEGER, TEXT

from enrich_pipeline.warehouse.order_states import SENDABLE

# The order of the rows in a batch's body: row errors name a row by its index in it.
_BODY_ORDER = 'order_timestamp, order_id COLLATE "C"'

# The ledger's columns are NOT NULL: one null part would turn the whole JSON text into null.
_PAYLOAD = """
    '{"order_id":' || to_json(order_id)::text
    || ',"order_timestamp":"' || to_char(order_timestamp AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS')
    || CASE WHEN date_trunc('second', order_timestamp) = order_timestamp THEN ''
        ELSE '.' || to_char(order_timestamp AT TIME ZONE 'UTC', 'US') END
    || 'Z","sales_amount":' || sales_amount::text
    || ',"profit_amount":' || profit_amount::text
    || ',"currency":' || to_json(currency)::text || '}'
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a batch.

    `status` is `answered`; `refused` (its one order cannot be taken); `failed` (the vendor stored nothing of it); or
    `unknown` (the vendor may have stored it).
    """

    status: str
    attempts: int
    body_bytes: int
    latency_seconds: float
    http_status: int | None = None
    error_code: str | None = None
    request_id: str | None = None


def begin_upload(connection: Connection, day: date, *, run_id: str, overrides: Mapping[str, Any]) -> None:
    """Note that a run uploads the day, and what it was told to lift. May be repeated."""
    connection.execute(
        text("""
            INSERT INTO enrich.upload_runs (order_day, run_id, overrides) VALUES (:day, :run_id, :overrides)
            ON CONFLICT (order_day, run_id) DO UPDATE SET overrides = excluded.overrides
        """),
        {"day": day, "run_id": run_id, "overrides": json.dumps(dict(overrides))},
    )


def overrides_of_run(connection: Connection, day: date, run_id: str) -> dict[str, Any]:
    """What the run's upload of the day was told to lift; empty when it was told nothing, or did not upload."""
    return (
        connection.execute(
            text("SELECT overrides FROM enrich.upload_runs WHERE order_day = :day AND run_id = :run_id"),
            {"day": day, "run_id": run_id},
        ).scalar()
        or {}
    )


def forget_planned_batches(connection: Connection, day: date) -> None:
    """Remove the day's batches that were planned and never sent: a run that ended early leaves them."""
    connection.execute(
        text("""
            WITH planned AS (
                DELETE FROM enrich.upload_batches WHERE order_day = :day AND status = 'planned' RETURNING batch_id
            )
            DELETE FROM enrich.upload_ledger WHERE batch_id IN (SELECT batch_id FROM planned)
        """),
        {"day": day},
    )


def plan_batches(
    connection: Connection, day: date, *, run_id: str, batch_size: int, full: bool, allow_outside_window: bool
) -> list[tuple[int, int]]:
    """Write the intent to send what must be sent, in batches of `batch_size`; return (batch id, orders) in order.

    The present payload of each order is copied into the ledger, so that what a request carried can be told later.
    """
    rows = connection.execute(
        text(f"""
            WITH sendable AS MATERIALIZED (
                SELECT order_id, order_day, order_timestamp, sales_amount, profit_amount, currency,
                    (row_number() OVER (ORDER BY {_BODY_ORDER}) - 1) / :batch_size AS batch_number
                FROM enrich.order_states
                WHERE order_day = :day AND {SENDABLE}
            ),
            numbered AS MATERIALIZED (
                SELECT batch_number, count(*) AS orders,
                    nextval(pg_get_serial_sequence('enrich.upload_batches', 'batch_id')) AS batch_id
                FROM sendable GROUP BY batch_number ORDER BY batch_number
            ),
            batches AS (
                INSERT INTO enrich.upload_batches (batch_id, order_day, run_id, orders, status)
                OVERRIDING SYSTEM VALUE
                SELECT batch_id, :day, :run_id, orders, 'planned' FROM numbered
            ),
            ledger AS (
                INSERT INTO enrich.upload_ledger
                    (order_id, batch_id, order_day, order_timestamp, sales_amount, profit_amount, currency)
                SELECT order_id, batch_id, order_day, order_timestamp, sales_amount, profit_amount, currency
                FROM sendable INNER JOIN numbered USING (batch_number)
            )
            SELECT batch_id, orders FROM numbered ORDER BY batch_id
        """),
        {
            "day": day,
            "run_id": run_id,
            "batch_size": batch_size,
            "full": full,
            "allow_outside_window": allow_outside_window,
        },
    )
    return [(row.batch_id, row.orders) for row in rows]


def begin_sending(connection: Connection, batch_id: int) -> bytes:
    """Mark the batch as sending and return its request body: UTF-8 JSON with the ledger's exact decimals."""
    body = connection.execute(
        text(f"""
            WITH begun AS (
                UPDATE enrich.upload_batches SET status = 'sending', sent_at = clock_timestamp()
                WHERE batch_id = :batch_id
            )
            SELECT '{{"orders":[' || string_agg({_PAYLOAD}, ',' ORDER BY {_BODY_ORDER}) || ']}}'
            FROM enrich.upload_ledger WHERE batch_id = :batch_id
        """),
        {"batch_id": batch_id},
    ).scalar_one()
    return body.encode()


def record_outcome(connection: Connection, batch_id: int, outcome: Outcome) -> None:
    """Write what became of the batch. May be repeated; the last word counts."""
    connection.execute(
        text("""
            UPDATE enrich.upload_batches
            SET status = :status, http_status = :http_status, error_code = :error_code, attempts = :attempts,
                body_bytes = :body_bytes, latency_seconds = :latency_seconds, request_id = :request_id,
                answered_at = clock_timestamp()
            WHERE batch_id = :batch_id
        """),
        {
            "batch_id": batch_id,
            "status": outcome.status,
            "http_status": outcome.http_status,
            "error_code": outcome.error_code,
            "attempts": outcome.attempts,
            "body_bytes": outcome.body_bytes,
            "latency_seconds": outcome.latency_seconds,
            "request_id": outcome.request_id,
        },
    )


def record_rejections(connection: Connection, batch_id: int, rejections: Sequence[tuple[int, str, str]]) -> None:
    """Write the rows of a batch that were refused, as (index in the body, code, message)."""
    connection.execute(
        text(f"""
            WITH numbered AS (
                SELECT order_id, row_number() OVER (ORDER BY {_BODY_ORDER}) - 1 AS index
                FROM enrich.upload_ledger WHERE batch_id = :batch_id
            )
            UPDATE enrich.upload_ledger AS ledger
            SET rejection_code = refused.code, rejection_message = refused.message
            FROM unnest(:indexes, :codes, :messages) AS refused (index, code, message)
            INNER JOIN numbered ON refused.index = numbered.index
            WHERE ledger.batch_id = :batch_id AND ledger.order_id = numbered.order_id
        """).bindparams(
            bindparam("indexes", type_=ARRAY(INTEGER)),
            bindparam("codes", type_=ARRAY(TEXT)),
            bindparam("messages", type_=ARRAY(TEXT)),
        ),
        {
            "batch_id": batch_id,
            "indexes": [index for index, _, _ in rejections],
            "codes": [code for _, code, _ in rejections],
            "messages": [message for _, _, message in rejections],
        },
    )


def halve_batch(connection: Connection, batch_id: int) -> list[tuple[int, int]]:
    """Plan the two halves of a batch that was refused as a whole; return (batch id, orders). The refused one stays."""
    rows = connection.execute(
        text(f"""
            WITH halves AS MATERIALIZED (
                SELECT *, ntile(2) OVER (ORDER BY {_BODY_ORDER}) AS half
                FROM enrich.upload_ledger WHERE batch_id = :batch_id
            ),
            numbered AS MATERIALIZED (
                SELECT half, count(*) AS orders,
                    nextval(pg_get_serial_sequence('enrich.upload_batches', 'batch_id')) AS new_batch_id
                FROM halves GROUP BY half ORDER BY half
            ),
            batches AS (
                INSERT INTO enrich.upload_batches (batch_id, order_day, run_id, orders, status)
                OVERRIDING SYSTEM VALUE
                SELECT numbered.new_batch_id, whole.order_day, whole.run_id, numbered.orders, 'planned'
                FROM numbered CROSS JOIN enrich.upload_batches AS whole WHERE whole.batch_id = :batch_id
            ),
            ledger AS (
                INSERT INTO enrich.upload_ledger
                    (order_id, batch_id, order_day, order_timestamp, sales_amount, profit_amount, currency)
                SELECT order_id, new_batch_id, order_day, order_timestamp, sales_amount, profit_amount, currency
                FROM halves INNER JOIN numbered USING (half)
            )
            SELECT new_batch_id, orders FROM numbered ORDER BY new_batch_id
        """),
        {"batch_id": batch_id},
    )
    return [(row.new_batch_id, row.orders) for row in rows]


def last_batch_id(connection: Connection) -> int:
    """The newest batch of the store, 0 when there is none: what a reading that starts now can know of."""
    return connection.execute(text("SELECT coalesce(max(batch_id), 0) FROM enrich.upload_batches")).scalar_one()


def requests_of_run(connection: Connection, day: date, run_id: str) -> tuple[int, int]:
    """Count the run's upload requests of the day, and how many further attempts they took."""
    row = connection.execute(
        text("""
            SELECT count(*) AS requests, coalesce(sum(greatest(attempts - 1, 0)), 0)::bigint AS retries
            FROM enrich.upload_batches WHERE order_day = :day AND run_id = :run_id AND status <> 'planned'
        """),
        {"day": day, "run_id": run_id},
    ).one()
    return row.requests, row.retries
