"""Whether the two marts say the same: each order's profit is the sum of its rows in `order_costs`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from sqlalchemy import Connection, text

from enrich_pipeline.warehouse.order_states import join_whole_days

# Rounded to what the mart itself rounded to: half of the last digit is what the two may differ by.
_UNEQUAL = text("""
    WITH summed AS (
        SELECT order_day, order_id, sum(amount) AS profit
        FROM enrich.order_costs
        WHERE order_day BETWEEN :first AND :last
        GROUP BY order_day, order_id
    )
    SELECT profit.order_day, count(*) AS orders
    FROM enrich.order_profit AS profit
    LEFT JOIN summed USING (order_day, order_id)
    WHERE profit.order_day BETWEEN :first AND :last
        AND profit.exclusion IS NULL
        AND (summed.profit IS NULL
            OR abs(summed.profit - profit.profit_amount) > 0.5 * power(10::numeric, -scale(profit.profit_amount)))
    GROUP BY profit.order_day
""")


def withdraw_disagreeing(connection: Connection, first: date, last: date) -> Mapping[date, str]:
    """Take the stamp off `order_profit` of each day that disagrees with its costs, so that nothing of it is sent.

    Returns what is wrong with each such day, and what to do; nothing where every day agrees. May be repeated.
    """
    join_whole_days(connection)
    unequal = {row.order_day: row.orders for row in connection.execute(_UNEQUAL, {"first": first, "last": last})}
    connection.execute(
        text("""
            DELETE FROM enrich.computed_days
            WHERE mart = 'order_profit' AND order_day = ANY(CAST(:days AS date[]))
        """),
        {"days": list(unequal)},
    )
    return {
        day: (
            f"{day}: the profit of {orders} orders is not the sum of their rows in order_costs. Materialise "
            "order_costs and order_profit again, in one run; nothing of the day is sent until they agree."
        )
        for day, orders in unequal.items()
    }
