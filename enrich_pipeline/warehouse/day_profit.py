"""Queries of the profit mart: what was computed for a day, at a glance."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True, kw_only=True)
class DayProfit:
    """What the marts hold of a day: amounts are (sales, profit) by currency, exclusions are orders by reason."""

    components: int
    computed: int
    exclusions: dict[str, int]
    amounts: dict[str, tuple[Decimal, Decimal]]


def day_profit(connection: Connection, day: date) -> DayProfit:
    """Summarise the day's rows of both marts."""
    key = {"day": day}
    components = connection.execute(
        text("SELECT count(*) FROM enrich.order_costs WHERE order_day = :day"), key
    ).scalar_one()
    amounts = connection.execute(
        text("""
            SELECT currency, count(*) AS orders, sum(sales_amount) AS sales, sum(profit_amount) AS profit
            FROM enrich.order_profit WHERE order_day = :day AND exclusion IS NULL
            GROUP BY currency ORDER BY currency
        """),
        key,
    ).all()
    exclusions = connection.execute(
        text("""
            SELECT exclusion, count(*) AS orders FROM enrich.order_profit
            WHERE order_day = :day AND exclusion IS NOT NULL
            GROUP BY exclusion ORDER BY exclusion
        """),
        key,
    ).all()
    return DayProfit(
        components=components,
        computed=sum(row.orders for row in amounts),
        exclusions={row.exclusion: row.orders for row in exclusions},
        amounts={row.currency: (row.sales, row.profit) for row in amounts},
    )
