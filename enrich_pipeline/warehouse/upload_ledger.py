"""Queries of the upload ledger and batch log: what is about to be sent, what was sent, what became of it.

Every batch is written as `sending` before its request and given an outcome after it, several in one transaction,
which the caller commits: whatever line a crash hits, the ledger never claims less than may have left this machine.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, text

from enrich_pipeline.warehouse.upload_plan import BODY_ORDER, PlanPiece

# to_json writes a timestamp in half of to_char's time, but of a fraction it drops the last zeros, which few have.
_TIMESTAMP = """
    CASE WHEN CAST(order_timestamp AS timestamptz(0)) = order_timestamp
        THEN btrim(to_json(order_timestamp AT TIME ZONE 'UTC')::text, '"')
        ELSE to_char(order_timestamp AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US') END
"""

# concat leaves a null out where `||` would turn the whole text into null: the ledger takes none, in the same statement.
PAYLOAD = f"""
    concat('{{"order_id":', to_json(order_id), ',"order_timestamp":"', {_TIMESTAMP},
        'Z","sales_amount":', sales_amount, ',"profit_amount":', profit_amount, ',"currency":', to_json(currency), '}}')
"""
_BODY = f"""'{{"orders":[' || string_agg({PAYLOAD}, ',' ORDER BY {BODY_ORDER}) || ']}}'"""


class Sending(NamedTuple):
    """A batch that is about to be sent: its body is UTF-8 JSON with the ledger's exact decimals."""

    batch_id: int
    orders: int
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a batch.

    `status` is `answered`; `refused` (its one order cannot be taken); `failed` (the vendor stored nothing of it); or
    `unknown` (the vendor may have stored it). Times are real and zone-aware: before the first attempt, and when the
    outcome was known or given up on. `rejections` are the rows that were refused: index in the body, code, message.
    """

    batch_id: int
    status: str
    attempts: int
    body_bytes: int
    latency_seconds: float
    sent_at: datetime
    answered_at: datetime
    http_status: int | None = None
    error_code: str | None = None
    request_id: str | None = None
    rejections: tuple[tuple[int, str, str], ...] = ()


def begin_upload(connection: Connection, day: date, *, run_id: str, overrides: Mapping[str, Any]) -> None:
    """Note that a run uploads the day, and what it was told to lift. May be repeated."""
    connection.execute(
        text("""
            INSERT INTO enrich.upload_runs (order_day, run_id, overrides) VALUES (:day, :run_id, :overrides)
            ON CONFLICT (order_day, run_id) DO UPDATE
            SET overrides = excluded.overrides, holds = excluded.holds, started_at = excluded.started_at
        """),
        {"day": day, "run_id": run_id, "overrides": json.dumps(dict(overrides))},
    )


def record_holds(connection: Connection, day: date, *, run_id: str, holds: Sequence[str]) -> None:
    """Note which guards hold the run's upload of the day, a sentence each; none when it may be sent."""
    connection.execute(
        text("UPDATE enrich.upload_runs SET holds = :holds WHERE order_day = :day AND run_id = :run_id"),
        {"day": day, "run_id": run_id, "holds": json.dumps(list(holds))},
    )


def holds_of_day(connection: Connection, day: date) -> tuple[str, ...]:
    """What holds the day since its last upload, a sentence a guard; empty when nothing does."""
    holds = connection.execute(
        text("SELECT holds FROM enrich.upload_runs WHERE order_day = :day ORDER BY started_at DESC LIMIT 1"),
        {"day": day},
    ).scalar()
    return tuple(holds or ())


def overrides_of_run(connection: Connection, day: date, run_id: str) -> dict[str, Any]:
    """What the run's upload of the day was told to lift; empty when it was told nothing, or did not upload."""
    return (
        connection.execute(
            text("SELECT overrides FROM enrich.upload_runs WHERE order_day = :day AND run_id = :run_id"),
            {"day": day, "run_id": run_id},
        ).scalar()
        or {}
    )


def begin_batches(
    connection: Connection, day: date, piece: PlanPiece, *, run_id: str, batch_size: int
) -> list[Sending]:
    """Write the intent to send a piece of the upload's plan in batches, and return them; the last may be smaller.

    The present payload of each order is copied into the ledger, so that what a request carried can be told later.
    It belongs into the transaction of `next_piece`, which has the plan read by its rows' addresses. Nothing may be
    sent before the caller has committed. Of a plan that is gone or another day's there is no batch.
    """
    rows = connection.execute(
        text(f"""
            WITH reserved AS MATERIALIZED (
                SELECT array_agg(nextval(pg_get_serial_sequence('enrich.upload_batches', 'batch_id'))) AS batch_ids
                FROM generate_series(1, :batches)
            ),
            chunk AS MATERIALIZED (
                SELECT order_id, order_timestamp, sales_amount, profit_amount, currency,
                    (SELECT batch_ids FROM reserved)[(row_number() OVER () - 1) / :batch_size + 1] AS batch_id
                FROM enrich.upload_plan
                WHERE ctid > CAST(:after AS tid) AND ctid <= CAST(:until AS tid) AND is_sent AND order_day = :day
            ),
            ledger AS (
                INSERT INTO enrich.upload_ledger
                    (order_id, batch_id, order_day, order_timestamp, sales_amount, profit_amount, currency)
                SELECT order_id, batch_id, :day, order_timestamp, sales_amount, profit_amount, currency FROM chunk
            ),
            bodies AS MATERIALIZED (
                SELECT batch_id, count(*) AS orders, {_BODY} AS body FROM chunk GROUP BY batch_id
            ),
            batches AS (
                INSERT INTO enrich.upload_batches (batch_id, order_day, run_id, orders, status, sent_at)
                OVERRIDING SYSTEM VALUE
                SELECT batch_id, :day, :run_id, orders, 'sending', clock_timestamp() FROM bodies
            )
            SELECT batch_id, orders, body FROM bodies ORDER BY batch_id
        """),
        {
            "day": day,
            "run_id": run_id,
            "batches": -(-piece.orders // batch_size),
            "batch_size": batch_size,
            "after": piece.after,
            "until": piece.until,
        },
    )
    return [Sending(row.batch_id, row.orders, row.body.encode()) for row in rows]


def begin_halves(connection: Connection, batch_id: int) -> list[Sending]:
    """Write the intent to send the two halves of a batch that was refused as a whole, and return them. It stays."""
    _summarise_ledger(connection)
    rows = connection.execute(
        text(f"""
            WITH whole AS (
                SELECT * FROM enrich.upload_batches WHERE batch_id = :batch_id
            ),
            halves AS MATERIALIZED (
                SELECT ledger.*, ntile(2) OVER (ORDER BY {BODY_ORDER}) AS half
                FROM enrich.upload_ledger AS ledger INNER JOIN whole USING (batch_id, order_day)
            ),
            numbered AS MATERIALIZED (
                SELECT half, count(*) AS orders, {_BODY} AS body,
                    nextval(pg_get_serial_sequence('enrich.upload_batches', 'batch_id')) AS new_batch_id
                FROM halves GROUP BY half ORDER BY half
            ),
            batches AS (
                INSERT INTO enrich.upload_batches (batch_id, order_day, run_id, orders, status, sent_at)
                OVERRIDING SYSTEM VALUE
                SELECT numbered.new_batch_id, whole.order_day, whole.run_id, numbered.orders, 'sending',
                    clock_timestamp()
                FROM numbered CROSS JOIN whole
            ),
            ledger AS (
                INSERT INTO enrich.upload_ledger
                    (order_id, batch_id, order_day, order_timestamp, sales_amount, profit_amount, currency)
                SELECT order_id, new_batch_id, order_day, order_timestamp, sales_amount, profit_amount, currency
                FROM halves INNER JOIN numbered USING (half)
            )
            SELECT new_batch_id, orders, body FROM numbered ORDER BY new_batch_id
        """),
        {"batch_id": batch_id},
    )
    return [Sending(row.new_batch_id, row.orders, row.body.encode()) for row in rows]


def record_outcomes(connection: Connection, outcomes: Sequence[Outcome]) -> None:
    """Write what became of batches. May be repeated; the last word counts."""
    connection.execute(
        text("""
            UPDATE enrich.upload_batches AS batch
            SET status = known.status, http_status = known.http_status, error_code = known.error_code,
                attempts = known.attempts, body_bytes = known.body_bytes, latency_seconds = known.latency_seconds,
                request_id = known.request_id, sent_at = known.sent_at, answered_at = known.answered_at
            FROM unnest(
                CAST(:batch_ids AS bigint[]), CAST(:statuses AS text[]), CAST(:http_statuses AS integer[]),
                CAST(:error_codes AS text[]), CAST(:attempts AS integer[]), CAST(:body_bytes AS bigint[]),
                CAST(:latencies AS numeric[]), CAST(:request_ids AS text[]), CAST(:sent_ats AS timestamptz[]),
                CAST(:answered_ats AS timestamptz[])
            ) AS known (
                batch_id, status, http_status, error_code, attempts, body_bytes, latency_seconds, request_id,
                sent_at, answered_at
            )
            WHERE batch.batch_id = known.batch_id
        """),
        {
            "batch_ids": [outcome.batch_id for outcome in outcomes],
            "statuses": [outcome.status for outcome in outcomes],
            "http_statuses": [outcome.http_status for outcome in outcomes],
            "error_codes": [outcome.error_code for outcome in outcomes],
            "attempts": [outcome.attempts for outcome in outcomes],
            "body_bytes": [outcome.body_bytes for outcome in outcomes],
            "latencies": [round(outcome.latency_seconds, 6) for outcome in outcomes],
            "request_ids": [outcome.request_id for outcome in outcomes],
            "sent_ats": [outcome.sent_at for outcome in outcomes],
            "answered_ats": [outcome.answered_at for outcome in outcomes],
        },
    )
    rejections = [(outcome.batch_id, *rejection) for outcome in outcomes for rejection in outcome.rejections]
    if rejections:
        _record_rejections(connection, rejections)


def forget_unsent(connection: Connection, day: date, batch_ids: Sequence[int]) -> None:
    """Take back the intent to send batches of which no request was begun. May be repeated."""
    for table in ("upload_ledger", "upload_batches"):
        connection.execute(
            text(f"""
                DELETE FROM enrich.{table} WHERE order_day = :day AND batch_id = ANY(CAST(:batch_ids AS bigint[]))
            """),
            {"day": day, "batch_ids": list(batch_ids)},
        )


def _record_rejections(connection: Connection, rejections: Sequence[tuple[int, int, str, str]]) -> None:
    """Write the rows that were refused, as (batch id, index in the body, code, message)."""
    _summarise_ledger(connection)
    connection.execute(
        text(f"""
            WITH refused AS MATERIALIZED (
                SELECT refused.*, batch.order_day
                FROM unnest(
                    CAST(:batch_ids AS bigint[]), CAST(:indexes AS bigint[]), CAST(:codes AS text[]),
                    CAST(:messages AS text[])
                ) AS refused (batch_id, index, code, message)
                INNER JOIN enrich.upload_batches AS batch USING (batch_id)
            ),
            numbered AS MATERIALIZED (
                SELECT ctid AS row_address, batch_id,
                    row_number() OVER (PARTITION BY batch_id ORDER BY {BODY_ORDER}) - 1 AS index
                FROM enrich.upload_ledger
                WHERE batch_id = ANY(CAST(:batch_ids AS bigint[])) AND order_day IN (SELECT order_day FROM refused)
            )
            UPDATE enrich.upload_ledger AS ledger
            SET rejection_code = refused.code, rejection_message = refused.message
            FROM refused INNER JOIN numbered USING (batch_id, index)
            WHERE ledger.ctid = numbered.row_address
        """),
        {
            "batch_ids": [batch_id for batch_id, _, _, _ in rejections],
            "indexes": [index for _, index, _, _ in rejections],
            "codes": [code for _, _, code, _ in rejections],
            "messages": [message for _, _, _, message in rejections],
        },
    )


def _summarise_ledger(connection: Connection) -> None:
    """Let the ledger's index know of the newest rows: until then every look for a batch reads all of those."""
    connection.execute(text("SELECT brin_summarize_new_values('enrich.upload_ledger_day')"))


def last_batch_id(connection: Connection) -> int:
    """The newest batch of the store, 0 when there is none: what a reading that starts now can know of."""
    return connection.execute(text("SELECT coalesce(max(batch_id), 0) FROM enrich.upload_batches")).scalar_one()


def requests_of_run(connection: Connection, day: date, run_id: str) -> tuple[int, int]:
    """Count the run's upload requests of the day, and how many further attempts they took."""
    row = connection.execute(
        text("""
            SELECT count(*) AS requests, coalesce(sum(greatest(attempts - 1, 0)), 0)::bigint AS retries
            FROM enrich.upload_batches WHERE order_day = :day AND run_id = :run_id
        """),
        {"day": day, "run_id": run_id},
    ).one()
    return row.requests, row.retries
