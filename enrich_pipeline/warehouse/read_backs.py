"""Queries of the read-backs: what the vendor holds of a day, stored as it was read, and the findings about it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple

from sqlalchemy import Connection, text

from enrich_pipeline.warehouse.driver import driver_connection, quoting_no_row
from enrich_pipeline.warehouse.upload_ledger import last_batch_id


class HeldRow(NamedTuple):
    """One row of a read-back, exactly as the vendor answered it."""

    order_id: str
    order_timestamp: datetime
    sales_amount: Decimal
    profit_amount: Decimal
    currency: str
    status: str | None


class Mismatch(NamedTuple):
    """One finding of a verification, with both sides as text."""

    order_id: str
    kind: str
    expected: str | None
    held: str | None
    diagnosis: str | None


def expected_timestamps(connection: Connection, day: date) -> Iterator[datetime]:
    """The instants at which the vendor should hold the day's orders, ascending, repeats included: to plan windows by.

    Streamed: reading on needs the connection.
    """
    rows = connection.execution_options(stream_results=True, yield_per=10_000).execute(
        text("""
            SELECT ordered_at FROM enrich.order_profit
            WHERE order_day = :day AND exclusion IS NULL ORDER BY ordered_at
        """),
        {"day": day},
    )
    for row in rows:
        yield row.ordered_at


def begin_read_back(connection: Connection, day: date, *, run_id: str) -> int:
    """Open a read-back of the day and return its id; readings of it that were broken off are removed."""
    connection.execute(
        text("""
            WITH broken_off AS (
                DELETE FROM enrich.read_backs WHERE order_day = :day AND completed_at IS NULL RETURNING read_back_id
            )
            DELETE FROM enrich.held_orders WHERE read_back_id IN (SELECT read_back_id FROM broken_off)
        """),
        {"day": day},
    )
    return connection.execute(
        text("""
            INSERT INTO enrich.read_backs (order_day, run_id, last_batch_id) VALUES (:day, :run_id, :last_batch_id)
            RETURNING read_back_id
        """),
        {"day": day, "run_id": run_id, "last_batch_id": last_batch_id(connection)},
    ).scalar_one()


def store_held_rows(connection: Connection, read_back_id: int, rows: Iterable[HeldRow]) -> int:
    """Append rows to an open read-back by COPY; return how many.

    Raises:
        DayError: when the warehouse does not take them.
    """
    count = 0
    with (
        quoting_no_row("storing what was read back"),
        driver_connection(connection).cursor() as cursor,
        cursor.copy("""
            COPY enrich.held_orders
                (read_back_id, order_id, order_timestamp, sales_amount, profit_amount, currency, status)
            FROM STDIN
        """) as copy,
    ):
        for row in rows:
            copy.write_row((read_back_id, *row))
            count += 1
    return count


def complete_read_back(
    connection: Connection, read_back_id: int, *, requests: int, unverifiable: list[datetime]
) -> None:
    """Let the read-back count: number ids that came again, and drop the rows of the day's earlier readings."""
    connection.execute(
        text("""
            UPDATE enrich.held_orders AS held SET occurrence = numbered.occurrence
            FROM (
                SELECT ctid AS row_address, row_number() OVER (PARTITION BY order_id ORDER BY ctid) AS occurrence
                FROM enrich.held_orders WHERE read_back_id = :read_back_id
            ) AS numbered
            WHERE held.ctid = numbered.row_address AND numbered.occurrence > 1
        """),
        {"read_back_id": read_back_id},
    )
    connection.execute(
        text("""
            UPDATE enrich.read_backs
            SET completed_at = clock_timestamp(), requests = :requests, unverifiable = :unverifiable
            WHERE read_back_id = :read_back_id
        """),
        {
            "read_back_id": read_back_id,
            "requests": requests,
            "unverifiable": json.dumps([instant.isoformat() for instant in unverifiable]),
        },
    )
    connection.execute(
        text("""
            DELETE FROM enrich.held_orders AS held USING enrich.read_backs AS earlier, enrich.read_backs AS present
            WHERE present.read_back_id = :read_back_id AND earlier.order_day = present.order_day
            AND earlier.read_back_id < present.read_back_id AND held.read_back_id = earlier.read_back_id
        """),
        {"read_back_id": read_back_id},
    )


def record_mismatches(connection: Connection, day: date, *, read_back_id: int, run_id: str) -> int:
    """Replace the day's findings by what the present read-back shows; return how many. States are decided before."""
    connection.execute(text("DELETE FROM enrich.mismatches WHERE order_day = :day"), {"day": day})
    result = connection.execute(
        text("""
            INSERT INTO enrich.mismatches (order_day, run_id, order_id, kind, expected, held)
            SELECT order_day, :run_id, order_id, kind,
                CASE kind
                    WHEN 'sales_amount' THEN sales_amount::text
                    WHEN 'profit_amount' THEN profit_amount::text
                    WHEN 'currency' THEN currency
                    WHEN 'order_timestamp' THEN order_timestamp::text
                    ELSE sales_amount || ' / ' || profit_amount || ' ' || currency
                END,
                CASE kind
                    WHEN 'sales_amount' THEN held_sales_amount::text
                    WHEN 'profit_amount' THEN held_profit_amount::text
                    WHEN 'currency' THEN held_currency
                    WHEN 'order_timestamp' THEN held_order_timestamp::text
                    WHEN 'not_applied' THEN held_status
                    ELSE held_sales_amount || ' / ' || held_profit_amount || ' ' || held_currency
                END
            FROM day_states CROSS JOIN LATERAL unnest(mismatch_kinds) AS kind
            WHERE state = 'mismatched'
            UNION ALL
            SELECT :day, :run_id, order_id, 'duplicate', 'once', count(*) || ' times'
            FROM enrich.held_orders
            WHERE read_back_id = :read_back_id AND order_id IN (
                SELECT order_id FROM enrich.held_orders WHERE read_back_id = :read_back_id AND occurrence > 1
            )
            GROUP BY order_id
            UNION ALL
            SELECT :day, :run_id, held.order_id,
                CASE WHEN known.order_id IS NULL THEN 'unexpected' ELSE 'held_but_excluded' END,
                known.exclusion,
                held.sales_amount || ' / ' || held.profit_amount || ' ' || held.currency
            FROM enrich.held_orders AS held
            LEFT JOIN (
                SELECT order_id, exclusion FROM enrich.order_profit
                WHERE order_day = :day AND copy_number = 1
            ) AS known ON held.order_id = known.order_id
            WHERE held.read_back_id = :read_back_id AND held.occurrence = 1
            AND (known.order_id IS NULL OR known.exclusion IS NOT NULL)
        """),
        {"day": day, "run_id": run_id, "read_back_id": read_back_id},
    )
    return result.rowcount


def first_mismatches(connection: Connection, day: date, *, limit: int) -> list[Mismatch]:
    """The first findings of the day, for a person to look at."""
    rows = connection.execute(
        text("""
            SELECT order_id, kind, expected, held, diagnosis FROM enrich.mismatches
            WHERE order_day = :day ORDER BY kind, order_id LIMIT :limit
        """),
        {"day": day, "limit": limit},
    )
    return [Mismatch(*row) for row in rows]
