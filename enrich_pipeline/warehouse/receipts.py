"""Receipts: one row a day and run that says what became of every order, and proves it by what was read back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, text

from enrich_pipeline.domain.receipts import Receipt, StateLine, TotalLine
from enrich_pipeline.warehouse.order_states import StateTotal
from enrich_pipeline.warehouse.source_totals import SourceTotal

# Order-independent, so that no sort of a day is needed: two differently seeded 64-bit hashes of each row, summed.
_HASH = """
    md5(count(*) || ':' || coalesce(sum(hashtextextended(line, 0)::numeric), 0)
        || ':' || coalesce(sum(hashtextextended(line, 1)::numeric), 0))
"""
_LINE = """
    concat_ws('|', order_id, extract(epoch FROM order_timestamp), trim_scale(sales_amount), trim_scale(profit_amount),
        currency)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprints:
    """Content hashes of a day, equal when the vendor holds exactly what the warehouse computes; and two counts."""

    computed: str
    held: str
    applied: int | None
    verified_sums_agree: bool


def fingerprints(connection: Connection, day: date, *, read_back_id: int) -> Fingerprints:
    """Hash what the warehouse computes and what was read back, and sum both sides of verified orders.

    The day's states are decided before, in the same transaction.
    """
    computed = connection.execute(
        text(f"""
            SELECT {_HASH} FROM (
                SELECT {_LINE} AS line FROM day_states WHERE state <> 'excluded'
            ) AS lines
        """)
    ).scalar_one()
    held = connection.execute(
        text(f"""
            SELECT {_HASH} FROM (
                SELECT {_LINE} AS line FROM enrich.held_orders WHERE read_back_id = :read_back_id
            ) AS lines
        """),
        {"read_back_id": read_back_id},
    ).scalar_one()
    row = connection.execute(
        text("""
            WITH verified AS (
                SELECT states.order_id, states.currency, states.sales_amount, states.profit_amount
                FROM day_states AS states WHERE state = 'verified'
            ),
            computed AS (
                SELECT verified.currency, sum(profit.sales_amount) AS sales, sum(profit.profit_amount) AS profit
                FROM verified INNER JOIN enrich.order_profit AS profit
                    ON verified.order_id = profit.order_id AND profit.order_day = :day
                GROUP BY verified.currency
            ),
            held AS (
                SELECT held.currency, sum(held.sales_amount) AS sales, sum(held.profit_amount) AS profit,
                    count(*) FILTER (WHERE held.status = 'applied') AS applied, count(held.status) AS told
                FROM verified INNER JOIN enrich.held_orders AS held
                    ON verified.order_id = held.order_id
                    AND held.read_back_id = :read_back_id AND held.occurrence = 1
                GROUP BY held.currency
            )
            SELECT sum(applied)::bigint AS applied, sum(told)::bigint AS told,
                coalesce(bool_and(
                    coalesce(computed.sales = held.sales AND computed.profit = held.profit, false)
                ), true) AS agree
            FROM computed FULL JOIN held ON computed.currency = held.currency
        """),
        {"day": day, "read_back_id": read_back_id},
    ).one()
    return Fingerprints(
        computed=computed, held=held, applied=row.applied if row.told else None, verified_sums_agree=row.agree
    )


def write_receipt(connection: Connection, receipt: Receipt) -> None:
    """Write the receipt of a day and run. May be repeated: the run's last word counts."""
    values: dict[str, Any] = {
        "order_day": receipt.order_day,
        "run_id": receipt.run_id,
        "partial": receipt.partial,
        "sales_basis": receipt.sales_basis,
        "orders": receipt.orders,
        "verified": receipt.orders_in("verified"),
        "applied": receipt.applied,
        "findings": receipt.findings,
        "source": json.dumps([line.as_dict() for line in receipt.source]),
        "states": json.dumps([line.as_dict() for line in receipt.states]),
        "computed_hash": receipt.computed_hash,
        "held_hash": receipt.held_hash,
        "verified_sums_agree": receipt.verified_sums_agree,
        "accounted_for": receipt.is_accounted_for,
        "overrides": json.dumps(receipt.overrides),
        "holds": json.dumps(receipt.holds),
        "upload_requests": receipt.upload_requests,
        "upload_retries": receipt.upload_retries,
        "read_requests": receipt.read_requests,
    }
    columns = ", ".join(values)
    bound = ", ".join(f":{name}" for name in values)
    updates = ", ".join(f"{name} = excluded.{name}" for name in values if name not in {"order_day", "run_id"})
    connection.execute(
        text(f"""
            INSERT INTO enrich.receipts ({columns}) VALUES ({bound})
            ON CONFLICT (order_day, run_id) DO UPDATE SET {updates}, created_at = clock_timestamp()
        """),
        values,
    )


def latest_receipts(connection: Connection, first: date | None = None, last: date | None = None) -> list[Receipt]:
    """The newest receipt of each day from `first` to `last`, both included; None means no bound."""
    rows = connection.execute(
        text("""
            SELECT DISTINCT ON (order_day) receipts.*, source::text AS source_text, states::text AS states_text
            FROM enrich.receipts
            WHERE order_day >= coalesce(:first, '-infinity'::date) AND order_day <= coalesce(:last, 'infinity'::date)
            ORDER BY order_day, created_at DESC, receipt_id DESC
        """),
        {"first": first, "last": last},
    )
    return [receipt_of_row(row) for row in rows.mappings()]


def receipt_of_row(row: RowMapping) -> Receipt:
    """A row of `enrich.receipts` that also has `source_text` and `states_text`, its two JSON columns as text."""
    created_at: datetime = row["created_at"]
    return Receipt(
        order_day=row["order_day"],
        run_id=row["run_id"],
        created_at=created_at,
        partial=row["partial"],
        sales_basis=row["sales_basis"],
        source=tuple(TotalLine.from_dict(line) for line in json.loads(row["source_text"])),
        states=tuple(StateLine.from_dict(line) for line in json.loads(row["states_text"])),
        findings=row["findings"],
        applied=row["applied"],
        computed_hash=row["computed_hash"],
        held_hash=row["held_hash"],
        verified_sums_agree=row["verified_sums_agree"],
        overrides=row["overrides"],
        holds=tuple(row["holds"]),
        upload_requests=row["upload_requests"],
        upload_retries=row["upload_retries"],
        read_requests=row["read_requests"],
    )


def total_lines(totals: Sequence[SourceTotal]) -> tuple[TotalLine, ...]:
    """The source's totals as a receipt says them."""
    return tuple(TotalLine(**total._asdict()) for total in totals)


def state_lines(totals: Sequence[StateTotal]) -> tuple[StateLine, ...]:
    """The states' totals as a receipt says them."""
    return tuple(StateLine(**total._asdict()) for total in totals)
