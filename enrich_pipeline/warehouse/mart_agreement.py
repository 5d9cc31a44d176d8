"""Whether the two marts of a day say the same: computed by one run, and each profit the sum of its costs."""

from __future__ import annotations

from datetime import date

from sqlalchemy import Connection, text

from enrich_pipeline.domain.errors import DayError
from enrich_pipeline.warehouse.computed_days import require_computed

# Rounded to what the mart itself rounded to: half of the last digit is what the two may differ by.
_UNEQUAL = text("""
    WITH summed AS (
        SELECT order_id, sum(amount) AS profit
        FROM enrich.order_costs
        WHERE order_day = :day
        GROUP BY order_id
    )
    SELECT count(*)
    FROM enrich.order_profit AS profit
    LEFT JOIN summed ON summed.order_id = profit.order_id
    WHERE profit.order_day = :day
        AND profit.exclusion IS NULL
        AND (summed.profit IS NULL
            OR abs(summed.profit - profit.profit_amount) > 0.5 * power(10::numeric, -scale(profit.profit_amount)))
""")


def mart_disagreement(connection: Connection, day: date) -> str | None:
    """What the marts of the day disagree on, and what to do; None when they agree."""
    try:
        require_computed(connection, day)
    except DayError as error:
        return str(error)
    unequal = connection.execute(_UNEQUAL, {"day": day}).scalar_one()
    if not unequal:
        return None
    return (
        f"{day}: the profit of {unequal} orders is not the sum of their rows in order_costs. Materialise order_costs "
        "and order_profit again, in one run; nothing of the day is sent until they agree."
    )


def require_agreement(connection: Connection, day: date) -> None:
    """Make sure that the day may be sent.

    Raises:
        DayError: when the marts disagree; says on what, and what to do.
    """
    problem = mart_disagreement(connection, day)
    if problem is not None:
        raise DayError(problem)
