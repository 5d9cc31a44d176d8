"""What a diagnosis looks at: findings with both sides as values, what was sent earlier, and where an order belongs.

Sets of orders at a time, and never more than the caller asks for: a person reads the first causes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY, TEXT


class Payload(NamedTuple):
    """The values of an order as they were sent, computed, or held."""

    order_timestamp: datetime
    sales_amount: Decimal
    profit_amount: Decimal
    currency: str


class Suspect(NamedTuple):
    """An order with a finding: what the warehouse computes of it, and what the vendor holds (None: nothing)."""

    order_id: str
    computed: Payload
    held: Payload | None


def mismatched_orders(connection: Connection, day: date, *, limit: int) -> list[Suspect]:
    """The first mismatched orders of the day."""
    rows = connection.execute(
        text("""
            SELECT order_id, order_timestamp, sales_amount, profit_amount, currency,
                held_order_timestamp, held_sales_amount, held_profit_amount, held_currency
            FROM enrich.order_states WHERE order_day = :day AND state = 'mismatched'
            ORDER BY order_timestamp, order_id LIMIT :limit
        """),
        {"day": day, "limit": limit},
    )
    return [Suspect(row[0], Payload(*row[1:5]), None if row[5] is None else Payload(*row[5:9])) for row in rows]


def strayed_orders(connection: Connection, day: date, *, limit: int) -> list[tuple[Suspect, date]]:
    """The first unexpected rows of the day's reading that are orders of another day, with that day."""
    rows = connection.execute(
        text("""
            SELECT profit.order_id, date_trunc(store.timestamp_precision, profit.ordered_at, 'UTC'),
                profit.sales_amount, profit.profit_amount, profit.currency,
                held.order_timestamp, held.sales_amount, held.profit_amount, held.currency, profit.order_day
            FROM enrich.mismatches AS found
            INNER JOIN enrich.order_profit AS profit ON found.order_id = profit.order_id AND profit.exclusion IS NULL
            INNER JOIN enrich.held_orders AS held ON found.order_id = held.order_id AND held.occurrence = 1
                AND held.read_back_id = (
                    SELECT max(read_back_id) FROM enrich.read_backs
                    WHERE order_day = :day AND completed_at IS NOT NULL
                )
            CROSS JOIN enrich.store
            WHERE found.order_day = :day AND found.kind = 'unexpected'
            ORDER BY held.order_timestamp, found.order_id LIMIT :limit
        """),
        {"day": day, "limit": limit},
    )
    return [(Suspect(row[0], Payload(*row[1:5]), Payload(*row[5:9])), row[9]) for row in rows]


def earlier_payloads(connection: Connection, day: date, order_ids: Collection[str]) -> dict[str, list[Payload]]:
    """Every payload that was sent for these orders of the day."""
    rows = connection.execute(
        text("""
            SELECT DISTINCT order_id, order_timestamp, sales_amount, profit_amount, currency
            FROM enrich.upload_ledger WHERE order_day = :day AND order_id = ANY(:order_ids)
        """).bindparams(bindparam("order_ids", type_=ARRAY(TEXT))),
        {"day": day, "order_ids": list(order_ids)},
    )
    earlier: dict[str, list[Payload]] = defaultdict(list)
    for row in rows:
        earlier[row[0]].append(Payload(*row[1:]))
    return earlier


def count_missing(connection: Connection, day: date) -> int:
    """How many orders of the day the last verification found missing."""
    return connection.execute(
        text("SELECT count(*) FROM enrich.mismatches WHERE order_day = :day AND kind = 'missing'"), {"day": day}
    ).scalar_one()


def record_diagnoses(connection: Connection, day: date, diagnoses: dict[str, str]) -> None:
    """Write the likely cause beside each finding of an order."""
    connection.execute(
        text("""
            UPDATE enrich.mismatches AS found SET diagnosis = named.diagnosis
            FROM unnest(:order_ids, :diagnoses) AS named (order_id, diagnosis)
            WHERE found.order_day = :day AND found.order_id = named.order_id
        """).bindparams(bindparam("order_ids", type_=ARRAY(TEXT)), bindparam("diagnoses", type_=ARRAY(TEXT))),
        {"day": day, "order_ids": list(diagnoses), "diagnoses": list(diagnoses.values())},
    )


def record_missing_hint(connection: Connection, day: date, hint: str) -> None:
    """Write one likely cause beside every missing order that has none of its own."""
    connection.execute(
        text("""
            UPDATE enrich.mismatches SET diagnosis = :hint
            WHERE order_day = :day AND kind = 'missing' AND diagnosis IS NULL
        """),
        {"day": day, "hint": hint},
    )
