"""Each day's last receipt and last run, in one query: what `enrich status`, the alerts and the doctor look at."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import Connection, text

from enrich_pipeline.domain.day_status import DayStatus
from enrich_pipeline.domain.refresh_watch import WaitingDay
from enrich_pipeline.warehouse.receipts import receipt_of_row


def day_statuses(connection: Connection, first: date, last: date) -> list[DayStatus]:
    """Every day from `first` to `last`, both included, whether or not anything was done for it; ascending."""
    rows = connection.execute(
        text("""
            SELECT receipt.*, receipt.source::text AS source_text, receipt.states::text AS states_text,
                days.day::date AS day, totals.source_orders, stamp.computed_at,
                upload.run_id AS last_run_id, upload.started_at AS last_run_at
            FROM generate_series(CAST(:first AS date), CAST(:last AS date), interval '1 day') AS days (day)
            LEFT JOIN LATERAL (
                SELECT * FROM enrich.receipts WHERE order_day = days.day
                ORDER BY created_at DESC, receipt_id DESC LIMIT 1
            ) AS receipt ON true
            LEFT JOIN LATERAL (
                SELECT run_id, started_at FROM enrich.upload_runs WHERE order_day = days.day
                ORDER BY started_at DESC LIMIT 1
            ) AS upload ON true
            LEFT JOIN LATERAL (
                SELECT coalesce(sum(orders), 0)::bigint AS source_orders
                FROM enrich.checked_days INNER JOIN enrich.source_totals USING (order_day) WHERE order_day = days.day
                HAVING count(*) > 0
            ) AS totals ON true
            LEFT JOIN enrich.computed_days AS stamp ON stamp.order_day = days.day AND stamp.mart = 'order_profit'
            ORDER BY days.day
        """),
        {"first": first, "last": last},
    )
    return [
        DayStatus(
            order_day=row["day"],
            receipt=None if row["receipt_id"] is None else receipt_of_row(row),
            source_orders=row["source_orders"],
            computed_at=row["computed_at"],
            last_run_id=row["last_run_id"],
            last_run_at=row["last_run_at"],
        )
        for row in rows.mappings()
    ]


def waiting_days(connection: Connection, first: date, last: date) -> list[WaitingDay]:
    """The days whose last receipt has orders that the vendor had not shown, or had not applied, when they were read."""
    rows = connection.execute(
        text("""
            SELECT receipt.order_day, receipt.waiting, sent.sent_at, coalesce(read.read_at, sent.sent_at) AS read_at
            FROM (
                SELECT DISTINCT ON (order_day) order_day, coalesce(verified - applied, 0) + coalesce((
                    SELECT sum((line ->> 'orders')::bigint) FROM jsonb_array_elements(states) AS line
                    WHERE line ->> 'state' = 'awaiting_refresh'
                ), 0) AS waiting
                FROM enrich.receipts WHERE order_day BETWEEN :first AND :last
                ORDER BY order_day, created_at DESC, receipt_id DESC
            ) AS receipt
            CROSS JOIN LATERAL (
                SELECT max(sent_at) AS sent_at FROM enrich.upload_batches WHERE order_day = receipt.order_day
            ) AS sent
            CROSS JOIN LATERAL (
                SELECT max(started_at) AS read_at FROM enrich.read_backs
                WHERE order_day = receipt.order_day AND completed_at IS NOT NULL
            ) AS read
            WHERE receipt.waiting > 0 AND sent.sent_at IS NOT NULL
            ORDER BY receipt.order_day
        """),
        {"first": first, "last": last},
    )
    return [
        WaitingDay(order_day=row.order_day, orders=int(row.waiting), sent_at=row.sent_at, read_at=row.read_at)
        for row in rows
    ]


def last_receipt_at(connection: Connection) -> datetime | None:
    """When the newest receipt of any day was written."""
    return connection.execute(text("SELECT max(created_at) FROM enrich.receipts")).scalar()
