"""Changes that came too late: days outside the window whose inputs are no longer those they were computed from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy import Connection, text

from enrich_pipeline.domain.days import StoreDay
from enrich_pipeline.domain.store import Store

_IDS_SHOWN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class OutsideChange:
    """A day that changed too late, and the sales and profit, as last computed, of its touched orders, by currency."""

    order_day: date
    fingerprint: str
    orders: int
    order_ids: tuple[str, ...]
    amounts: dict[str, tuple[Decimal, Decimal]]


# The orders that came, went, or bear a row that was touched since. Where the source keeps no `updated_at`, and for
# costs and rules, which belong to no order, none can be named: then every order of the day may be meant.
_TOUCHED = text("""
    WITH present AS (
        SELECT DISTINCT order_id FROM raw.orders
        WHERE ordered_at >= :start AND ordered_at < :end AND order_id IS NOT NULL
    ),
    computed AS (
        SELECT order_id, currency, sales_amount, profit_amount FROM enrich.order_profit WHERE order_day = :day
    ),
    stamp AS (
        SELECT coalesce(min(computed_at), '-infinity') AS computed_at FROM enrich.computed_days
        WHERE mart = 'order_costs' AND order_day = :day
    ),
    touched AS (
        SELECT order_id FROM present WHERE order_id NOT IN (SELECT order_id FROM computed WHERE order_id IS NOT NULL)
        UNION SELECT order_id FROM computed
        WHERE order_id IS NOT NULL AND NOT EXISTS (SELECT FROM present WHERE present.order_id = computed.order_id)
        UNION SELECT rows.order_id FROM (
            SELECT order_id, updated_at FROM raw.orders
            UNION ALL SELECT order_id, updated_at FROM raw.order_lines
            UNION ALL SELECT order_id, updated_at FROM raw.refunds
            UNION ALL SELECT order_id, updated_at FROM raw.order_transactions
        ) AS rows
        INNER JOIN present ON rows.order_id = present.order_id
        WHERE rows.updated_at > (SELECT computed_at FROM stamp)
    ),
    meant AS (
        SELECT order_id FROM touched
        UNION SELECT order_id FROM present WHERE NOT EXISTS (SELECT FROM touched)
    )
    SELECT meant.order_id, computed.currency, computed.sales_amount, computed.profit_amount
    FROM meant LEFT JOIN computed ON meant.order_id = computed.order_id
    ORDER BY meant.order_id
""")


def report_outside_changes(connection: Connection, store: Store, changed: Mapping[date, str]) -> None:
    """Make `enrich.outside_changes` hold exactly the days of `changed`, each with its fingerprint. May be repeated."""
    known = {change.order_day: change.fingerprint for change in outside_changes(connection)}
    for day in known.keys() - changed.keys():
        connection.execute(text("DELETE FROM enrich.outside_changes WHERE order_day = :day"), {"day": day})
    for day, fingerprint in changed.items():
        if known.get(day) != fingerprint:
            _write(connection, _described(connection, StoreDay(day, store.zone), fingerprint))


def outside_changes(connection: Connection) -> list[OutsideChange]:
    """The days outside the window that changed after they were computed."""
    rows = connection.execute(
        text("""
            SELECT order_day, fingerprint, orders, order_ids, amounts::text AS amounts
            FROM enrich.outside_changes ORDER BY order_day
        """)
    )
    return [
        OutsideChange(
            order_day=row.order_day,
            fingerprint=row.fingerprint,
            orders=row.orders,
            order_ids=tuple(row.order_ids),
            amounts={
                currency: (Decimal(sales), Decimal(profit))
                for currency, (sales, profit) in json.loads(row.amounts).items()
            },
        )
        for row in rows
    ]


def _described(connection: Connection, day: StoreDay, fingerprint: str) -> OutsideChange:
    rows = connection.execute(_TOUCHED, {"day": day.day, "start": day.start, "end": day.end}).all()
    ids = list(dict.fromkeys(row.order_id for row in rows))
    amounts: dict[str, tuple[Decimal, Decimal]] = {}
    for row in rows:
        if row.sales_amount is not None:
            sales, profit = amounts.get(row.currency, (Decimal(0), Decimal(0)))
            amounts[row.currency] = (sales + row.sales_amount, profit + row.profit_amount)
    return OutsideChange(
        order_day=day.day,
        fingerprint=fingerprint,
        orders=len(ids),
        order_ids=tuple(ids[:_IDS_SHOWN]),
        amounts=amounts,
    )


def _write(connection: Connection, change: OutsideChange) -> None:
    connection.execute(
        text("""
            INSERT INTO enrich.outside_changes (order_day, fingerprint, orders, order_ids, amounts)
            VALUES (:order_day, :fingerprint, :orders, :order_ids, :amounts)
            ON CONFLICT (order_day) DO UPDATE SET fingerprint = excluded.fingerprint, orders = excluded.orders,
                order_ids = excluded.order_ids, amounts = excluded.amounts, found_at = clock_timestamp()
        """),
        {
            "order_day": change.order_day,
            "fingerprint": change.fingerprint,
            "orders": change.orders,
            "order_ids": json.dumps(change.order_ids),
            "amounts": json.dumps(
                {currency: (f"{sales:f}", f"{profit:f}") for currency, (sales, profit) in change.amounts.items()}
            ),
        },
    )
