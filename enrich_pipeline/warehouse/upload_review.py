"""Queries behind the guards: what is known of a day, and what an upload of it would change at the vendor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import Connection, text

from enrich_pipeline.domain.days import StoreDay
from enrich_pipeline.domain.guards import CurrencyChange, DayFacts
from enrich_pipeline.warehouse.order_states import join_whole_days
from enrich_pipeline.warehouse.upload_plan import DECIDED_ORDERS

_DAYS_BEFORE = 7
_MOST_MOVERS = 10


class Mover(NamedTuple):
    """An order whose profit an upload would change: what the vendor holds, and what it would hold."""

    order_id: str
    currency: str
    sales_before: Decimal
    sales_after: Decimal
    profit_before: Decimal
    profit_after: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadPreview:
    """What an upload of a day would change, by currency, and the orders whose profit it would move most.

    Of `computed` orders that may be sent at all, `orders` are sent, and of `unread` of those only a read-back can tell
    what became of an earlier request.
    """

    changes: tuple[CurrencyChange, ...]
    movers: tuple[Mover, ...]
    computed: int
    orders: int
    unread: int


def day_facts(connection: Connection, day: StoreDay, *, computed: int, is_open: bool) -> DayFacts:
    """What the warehouse knows of the day: its source, its marts, its costs. `computed` orders are not excluded."""
    source = connection.execute(
        text("SELECT coalesce(sum(orders), 0)::bigint FROM enrich.source_totals WHERE order_day = :day"),
        {"day": day.day},
    ).scalar_one()
    excluded = connection.execute(
        text("""
            SELECT exclusion, count(*) AS orders FROM enrich.order_profit
            WHERE order_day = :day AND exclusion IS NOT NULL GROUP BY exclusion
        """),
        {"day": day.day},
    ).all()
    return DayFacts(
        source_orders=source,
        computed_orders=computed + sum(row.orders for row in excluded),
        exclusions={row.exclusion: row.orders for row in excluded},
        orders_before=() if source else _orders_before(connection, day),
        has_costs=connection.execute(_HAS_COSTS, {"day": day.day}).scalar_one(),
        is_open=is_open,
    )


def preview_plan(connection: Connection) -> UploadPreview:
    """Compare what the present plan sends with the last complete read-back of its day."""
    return _preview(connection, "SELECT * FROM enrich.upload_plan", {})


def preview_day(connection: Connection, day: date, *, full: bool, allow_outside_window: bool) -> UploadPreview:
    """Compare what an upload would send now with the last complete read-back of the day. Plans nothing."""
    join_whole_days(connection)
    values = {"day": day, "full": full, "allow_outside_window": allow_outside_window}
    return _preview(connection, DECIDED_ORDERS, values)


def _preview(connection: Connection, decided: str, values: Mapping[str, Any]) -> UploadPreview:
    """Preview the orders that the query `decided` gives; sums never mix currencies."""
    orders = _DAY_ORDERS.replace("{decided}", decided)
    rows = [dict(row) for row in connection.execute(text(f"{orders} {_BY_CURRENCY}"), values).mappings()]
    computed = sum(row.pop("computed") for row in rows)
    unread = sum(row.pop("unread") for row in rows)
    changes = tuple(CurrencyChange(**row) for row in rows)
    movers: tuple[Mover, ...] = ()
    if any(change.changed for change in changes):
        found = connection.execute(text(f"{orders} {_MOVERS}"), {**values, "movers": _MOST_MOVERS})
        movers = tuple(Mover(*row) for row in found)
    sent = sum(change.new + change.changed + change.again for change in changes)
    return UploadPreview(changes=changes, movers=movers, computed=computed, orders=sent, unread=unread)


# A store whose lines bring their costs with them needs no list of costs.
_HAS_COSTS = text("""
    SELECT EXISTS (SELECT FROM raw.unit_costs)
        OR EXISTS (SELECT FROM enrich.order_costs WHERE order_day = :day AND component = 'cogs')
""")

_DAY_ORDERS = """
    WITH day_orders AS (
        SELECT order_id, currency, sales_amount, profit_amount, held_sales_amount, held_profit_amount, is_sent,
            state = 'unknown' AND is_sent AS is_unread,
            held_order_timestamp IS NOT NULL AS is_held,
            coalesce(held_currency = currency, false) AS is_held_in_currency,
            -- Sent for the first time with these values. What is sent again because the vendor lost or mangled it
            -- differs as well, but that is a repair, and no guard may stand in its way.
            state IN ('ready', 'outside_window')
            AND (held_sales_amount, held_profit_amount, held_currency, held_order_timestamp)
                IS DISTINCT FROM (sales_amount, profit_amount, currency, order_timestamp) AS is_changed
        FROM ({decided}) AS decided
    )
"""

_BY_CURRENCY = """
    SELECT currency,
        count(*) AS computed,
        count(*) FILTER (WHERE is_unread) AS unread,
        count(*) FILTER (WHERE is_held) AS held,
        count(*) FILTER (WHERE is_sent AND NOT is_held) AS new,
        count(*) FILTER (WHERE is_sent AND is_held AND is_changed) AS changed,
        count(*) FILTER (WHERE is_sent AND is_held AND NOT is_changed) AS again,
        count(*) FILTER (
            WHERE is_sent AND is_held AND is_changed AND sales_amount = 0 AND profit_amount = 0
                AND (held_sales_amount <> 0 OR held_profit_amount <> 0)
        ) AS zeroed,
        coalesce(sum(held_sales_amount) FILTER (WHERE is_held_in_currency), 0) AS sales_before,
        coalesce(sum(CASE WHEN is_sent THEN sales_amount WHEN is_held_in_currency THEN held_sales_amount END), 0)
            AS sales_after,
        coalesce(sum(held_profit_amount) FILTER (WHERE is_held_in_currency), 0) AS profit_before,
        coalesce(sum(CASE WHEN is_sent THEN profit_amount WHEN is_held_in_currency THEN held_profit_amount END), 0)
            AS profit_after,
        coalesce(
            sum(abs(profit_amount - held_profit_amount))
                FILTER (WHERE is_sent AND is_held_in_currency AND is_changed),
            0
        ) AS profit_moved,
        coalesce(sum(abs(held_profit_amount)) FILTER (WHERE is_held_in_currency), 0) AS profit_held
    FROM day_orders
    GROUP BY currency
    ORDER BY currency
"""

_MOVERS = """
    SELECT order_id, currency, held_sales_amount, sales_amount, held_profit_amount, profit_amount
    FROM day_orders
    WHERE is_sent AND is_held_in_currency AND is_changed
    ORDER BY abs(profit_amount - held_profit_amount) DESC, order_id COLLATE "C"
    LIMIT :movers
"""


def _orders_before(connection: Connection, day: StoreDay) -> tuple[int, ...]:
    """Orders of the source on each of the days before, the nearest first."""
    before = [StoreDay(day.day - timedelta(days=back), day.zone) for back in range(1, _DAYS_BEFORE + 1)]
    return tuple(
        connection.execute(
            text("SELECT count(*) FROM raw.orders WHERE ordered_at >= :start AND ordered_at < :end"),
            {"start": each.start, "end": each.end},
        ).scalar_one()
        for each in before
    )
