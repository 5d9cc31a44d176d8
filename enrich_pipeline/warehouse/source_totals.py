"""The source's control totals of a day: its own query on `raw`, which everything after it must add up to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from sqlalchemy import Connection, text

from enrich_pipeline.domain.days import StoreDay


class SourceTotal(NamedTuple):
    """What the source holds of a day in one currency; the control total is unrounded."""

    currency: str
    orders: int
    control_total: Decimal
    incomplete_lines: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceCheck:
    """What the day's raw orders look like, beside their totals.

    `refunds_without_order_amount` sums their readable amounts. A refund's currency is its order's: theirs is unknown.
    """

    totals: tuple[SourceTotal, ...]
    repeated_ids: int
    refunds_without_order: int
    refunds_without_order_amount: Decimal

    @property
    def orders(self) -> int:
        """The number of rows that the source has for the day."""
        return sum(total.orders for total in self.totals)


# Written apart from the marts on purpose: it is the yardstick they are measured by. NaN and infinities would swallow
# a sum, so lines that carry them, or nothing, are counted apart.
_TOTALS = text("""
    WITH day_orders AS (
        SELECT order_id, coalesce(currency, '') AS currency FROM raw.orders
        WHERE ordered_at >= :start AND ordered_at < :end
    ),
    line_totals AS (
        SELECT day_orders.currency,
            sum(lines.quantity * lines.unit_price) FILTER (WHERE complete) AS control_total,
            count(*) FILTER (WHERE NOT complete) AS incomplete_lines
        FROM day_orders
        INNER JOIN raw.order_lines AS lines ON lines.order_id = day_orders.order_id
        CROSS JOIN LATERAL (
            SELECT coalesce(
                lines.quantity NOT IN ('NaN', 'Infinity', '-Infinity')
                AND lines.unit_price NOT IN ('NaN', 'Infinity', '-Infinity'), false
            ) AS complete
        ) AS judged
        GROUP BY day_orders.currency
    )
    SELECT day_orders.currency, count(*) AS orders,
        coalesce(max(line_totals.control_total), 0) AS control_total,
        coalesce(max(line_totals.incomplete_lines), 0) AS incomplete_lines
    FROM day_orders LEFT JOIN line_totals ON line_totals.currency = day_orders.currency
    GROUP BY day_orders.currency
    ORDER BY day_orders.currency
""")

_REPEATED_IDS = text("""
    SELECT count(*) FROM (
        SELECT day_orders.order_id
        FROM (
            SELECT DISTINCT order_id FROM raw.orders WHERE ordered_at >= :start AND ordered_at < :end
        ) AS day_orders
        INNER JOIN raw.orders AS every ON every.order_id = day_orders.order_id
        GROUP BY day_orders.order_id
        HAVING count(*) > 1
    ) AS repeated
""")

_REFUNDS_WITHOUT_ORDER = text("""
    SELECT count(*) AS refunds,
        coalesce(sum(amount) FILTER (WHERE amount NOT IN ('NaN', 'Infinity', '-Infinity')), 0) AS amount
    FROM raw.refunds
    WHERE refunded_at >= :start AND refunded_at < :end
    AND NOT EXISTS (SELECT FROM raw.orders WHERE orders.order_id = refunds.order_id)
""")


def check_source(connection: Connection, day: StoreDay) -> SourceCheck:
    """Count and sum what `raw` holds of the day, by currency."""
    bounds = {"start": day.start, "end": day.end}
    stray = connection.execute(_REFUNDS_WITHOUT_ORDER, bounds).one()
    return SourceCheck(
        totals=tuple(SourceTotal(*row) for row in connection.execute(_TOTALS, bounds)),
        repeated_ids=connection.execute(_REPEATED_IDS, bounds).scalar_one(),
        refunds_without_order=stray.refunds,
        refunds_without_order_amount=stray.amount,
    )


def record_source_totals(connection: Connection, day: date, totals: tuple[SourceTotal, ...], *, run_id: str) -> None:
    """Replace the day's recorded totals. May be repeated."""
    connection.execute(text("DELETE FROM enrich.source_totals WHERE order_day = :day"), {"day": day})
    if totals:
        connection.execute(
            text("""
                INSERT INTO enrich.source_totals
                    (order_day, currency, orders, control_total, incomplete_lines, run_id)
                VALUES (:day, :currency, :orders, :control_total, :incomplete_lines, :run_id)
            """),
            [{"day": day, "run_id": run_id, **total._asdict()} for total in totals],
        )
    connection.execute(
        text("""
            INSERT INTO enrich.checked_days (order_day, run_id) VALUES (:day, :run_id)
            ON CONFLICT (order_day) DO UPDATE SET run_id = excluded.run_id, checked_at = clock_timestamp()
        """),
        {"day": day, "run_id": run_id},
    )


def recorded_totals(connection: Connection, day: date) -> tuple[SourceTotal, ...] | None:
    """The totals last recorded for the day; None when the day was never checked."""
    checked = connection.execute(text("SELECT FROM enrich.checked_days WHERE order_day = :day"), {"day": day}).first()
    if checked is None:
        return None
    rows = connection.execute(
        text("""
            SELECT currency, orders, control_total, incomplete_lines FROM enrich.source_totals
            WHERE order_day = :day ORDER BY currency
        """),
        {"day": day},
    )
    return tuple(SourceTotal(*row) for row in rows)
