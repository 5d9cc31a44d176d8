"""What is odd about a day's costs, by name: unit costs with gaps or overlaps, refunds and restocking above the sale.

It changes nothing of what is computed: the marts exclude what has no clear cost, and keep an over-refund as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal, NamedTuple

from sqlalchemy import Connection, text

_MOST_NAMED = 20

# No row holds on the day; two or more do; or the one that does has no amount.
CostProblem = Literal["gap", "overlap", "empty"]


class UnclearCost(NamedTuple):
    """A sku that was sold on the day without one clear unit cost.

    `since` and `until` are the first and the last store-local day of the gap or overlap; None where it is open. `money`
    is the unrounded quantity x unit price of the lines concerned.
    """

    sku: str | None
    problem: CostProblem
    since: date | None
    until: date | None
    orders: int
    currency: str
    money: Decimal


class UnclearTotal(NamedTuple):
    """All unclear costs of a day of one kind and currency; an order counts once, however many of its skus."""

    problem: CostProblem
    currency: str
    skus: int
    orders: int
    money: Decimal


class OverRefund(NamedTuple):
    """Orders of one currency that were refunded more than they charged, and by how much (both without tax)."""

    currency: str
    orders: int
    excess: Decimal


class OverRestock(NamedTuple):
    """A line that more came back to stock of than was sold."""

    order_id: str
    line_id: str
    sold: Decimal
    restocked: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class CostReview:
    """What is odd about a day's costs. `unclear` and `over_restocks` name the largest, `totals` counts all."""

    unclear: tuple[UnclearCost, ...]
    totals: tuple[UnclearTotal, ...]
    over_refunds: tuple[OverRefund, ...]
    over_restocks: tuple[OverRestock, ...]
    over_restocked_lines: int


# The marts say which lines have no clear cost; the raw tables say of which sku they are, and why. Two lines of an order
# may share an id: those with a cost of their own and gift cards needed none.
_UNCLEAR = """
    WITH concerned AS (
        SELECT DISTINCT order_id, line_id, currency FROM enrich.order_costs
        WHERE order_day = :day AND exclusion IN ('missing_cost', 'ambiguous_cost') AND source_table = 'order_lines'
    ),
    unclear_lines AS (
        SELECT concerned.order_id, concerned.currency, lines.sku, lines.quantity * lines.unit_price AS money
        FROM concerned
        INNER JOIN raw.order_lines AS lines
            ON concerned.order_id = lines.order_id AND concerned.line_id IS NOT DISTINCT FROM lines.line_id
        WHERE lines.unit_cost IS NULL AND NOT coalesce(lines.is_gift_card, false)
            AND lines.quantity NOT IN ('NaN', 'Infinity', '-Infinity')
            AND lines.unit_price NOT IN ('NaN', 'Infinity', '-Infinity')
    ),
    skus AS (
        SELECT DISTINCT sku FROM unclear_lines
    ),
    reasons AS (
        SELECT skus.sku,
            CASE found.costs WHEN 0 THEN 'gap' WHEN 1 THEN 'empty' ELSE 'overlap' END AS problem,
            CASE found.costs WHEN 0 THEN found.gap_from ELSE nullif(found.holds_from, '-infinity') END AS since,
            CASE found.costs WHEN 0 THEN found.gap_to ELSE nullif(found.holds_to, 'infinity') END AS until
        FROM skus
        CROSS JOIN LATERAL (
            SELECT count(*) FILTER (WHERE holds) AS costs,
                max(effective_from) FILTER (WHERE holds) AS holds_from,
                min(effective_to) FILTER (WHERE holds) AS holds_to,
                max(effective_to) FILTER (WHERE effective_to < :day) + 1 AS gap_from,
                min(effective_from) FILTER (WHERE effective_from > :day) - 1 AS gap_to
            FROM (
                SELECT coalesce(effective_from, '-infinity') AS effective_from,
                    coalesce(effective_to, 'infinity') AS effective_to,
                    CAST(:day AS date) BETWEEN coalesce(effective_from, '-infinity')
                        AND coalesce(effective_to, 'infinity') AS holds
                FROM raw.unit_costs WHERE unit_costs.sku = skus.sku
            ) AS costs
        ) AS found
    )
"""

_NAMED = """
    SELECT unclear_lines.sku, problem, since, until, count(DISTINCT order_id), currency, sum(money) AS money
    FROM unclear_lines INNER JOIN reasons ON unclear_lines.sku IS NOT DISTINCT FROM reasons.sku
    GROUP BY unclear_lines.sku, problem, since, until, currency
    ORDER BY abs(sum(money)) DESC, unclear_lines.sku COLLATE "C"
    LIMIT :most
"""

_TOTALS = """
    SELECT problem, currency, count(DISTINCT coalesce(unclear_lines.sku, '')), count(DISTINCT order_id), sum(money)
    FROM unclear_lines INNER JOIN reasons ON unclear_lines.sku IS NOT DISTINCT FROM reasons.sku
    GROUP BY problem, currency
    ORDER BY problem, currency
"""

_OVER_REFUNDS = text("""
    SELECT currency, count(*), -sum(net) FROM (
        SELECT order_id, currency, sum(amount) AS net
        FROM enrich.order_costs
        WHERE order_day = :day AND component IN (
            'items', 'line_discount', 'order_discount', 'shipping', 'refund', 'shipping_refund'
        )
        GROUP BY order_id, currency
        HAVING sum(amount) < 0 AND bool_or(component IN ('refund', 'shipping_refund'))
    ) AS over_refunded
    GROUP BY currency
    ORDER BY currency
""")

_OVER_RESTOCKS = text("""
    WITH restocked AS (
        SELECT counted.order_id, counted.line_id, sum(refund_lines.quantity) AS quantity
        FROM (
            SELECT DISTINCT order_id, source_id AS refund_id, line_id FROM enrich.order_costs
            WHERE order_day = :day AND component = 'restock'
        ) AS counted
        INNER JOIN raw.refund_lines ON counted.refund_id = refund_lines.refund_id
            AND counted.line_id = refund_lines.line_id AND refund_lines.restocked
        GROUP BY counted.order_id, counted.line_id
    ),
    sold AS (
        SELECT lines.order_id, lines.line_id, sum(lines.quantity) AS quantity
        FROM raw.order_lines AS lines
        WHERE lines.order_id IN (SELECT order_id FROM restocked)
        GROUP BY lines.order_id, lines.line_id
    )
    SELECT restocked.order_id, restocked.line_id, sold.quantity, restocked.quantity, count(*) OVER () AS every
    FROM restocked
    INNER JOIN sold ON restocked.order_id = sold.order_id AND restocked.line_id = sold.line_id
    WHERE restocked.quantity > sold.quantity
    ORDER BY restocked.quantity - sold.quantity DESC, restocked.order_id COLLATE "C", restocked.line_id COLLATE "C"
    LIMIT :most
""")


def review_costs(connection: Connection, day: date) -> CostReview:
    """Look at the day's computed costs beside the raw tables. Reads only."""
    keys = {"day": day, "most": _MOST_NAMED}
    restocks = connection.execute(_OVER_RESTOCKS, keys).all()
    return CostReview(
        unclear=tuple(UnclearCost(*row) for row in connection.execute(text(_UNCLEAR + _NAMED), keys)),
        totals=tuple(UnclearTotal(*row) for row in connection.execute(text(_UNCLEAR + _TOTALS), {"day": day})),
        over_refunds=tuple(OverRefund(*row) for row in connection.execute(_OVER_REFUNDS, {"day": day})),
        over_restocks=tuple(OverRestock(*row[:4]) for row in restocks),
        over_restocked_lines=restocks[0].every if restocks else 0,
    )
