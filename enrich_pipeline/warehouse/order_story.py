"""Everything the warehouse knows of one order, from its raw rows to what the vendor holds, to explain it to a person.

All of it is looked up, nothing computed anew: an explanation by a second implementation would explain something else.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, text

Row = dict[str, Any]
"""One row, by column. Amounts are exact decimals, times ISO 8601 in UTC."""

_RAW = {
    "orders": "SELECT * FROM raw.orders WHERE order_id = :order_id",
    "order_lines": "SELECT * FROM raw.order_lines WHERE order_id = :order_id ORDER BY line_id",
    "refunds": "SELECT * FROM raw.refunds WHERE order_id = :order_id ORDER BY refunded_at, refund_id",
    "refund_lines": """
        SELECT line.* FROM raw.refund_lines AS line
        WHERE line.refund_id IN (SELECT refund_id FROM raw.refunds WHERE order_id = :order_id)
        ORDER BY line.refund_id, line.line_id
    """,
    "order_transactions": """
        SELECT * FROM raw.order_transactions WHERE order_id = :order_id ORDER BY processed_at, transaction_id
    """,
}

_STATES = """
    SELECT order_day, copy_number, state, reason, mismatch_kinds, currency, ordered_at, order_timestamp, sales_amount,
        profit_amount, inside_window
    FROM enrich.order_states WHERE order_day = ANY(:days) AND order_id = :order_id ORDER BY order_day, copy_number
"""
_COSTS = """
    SELECT cost.order_day, cost.component, cost.line_id, cost.source_table, cost.source_id, cost.rule_id,
        cost.is_estimate, cost.amount, cost.currency, cost.exclusion,
        CASE WHEN rule.fee_rule_id IS NOT NULL THEN concat_ws(' ', rule.kind, rule.percent || ' %', 'of ' || rule.base,
            '+ ' || rule.fixed, 'at least ' || rule.minimum, 'at most ' || rule.maximum, rule.currency) END AS rule
    FROM enrich.order_costs AS cost
    LEFT JOIN LATERAL (
        SELECT * FROM raw.fee_rules WHERE fee_rules.fee_rule_id = cost.rule_id LIMIT 1
    ) AS rule ON true
    WHERE cost.order_id = :order_id
    ORDER BY cost.order_day, cost.copy_number, cost.component, cost.line_id, cost.source_id
"""
_ATTEMPTS = """
    SELECT ledger.order_day, ledger.batch_id, batch.run_id, batch.status, batch.http_status, batch.error_code,
        batch.attempts, batch.request_id, batch.sent_at, batch.answered_at, ledger.order_timestamp,
        ledger.sales_amount, ledger.profit_amount, ledger.currency, ledger.rejection_code, ledger.rejection_message
    FROM enrich.upload_ledger AS ledger INNER JOIN enrich.upload_batches AS batch USING (batch_id)
    WHERE ledger.order_id = :order_id ORDER BY ledger.batch_id
"""
_HELD = """
    SELECT reading.order_day, reading.completed_at AS read_at, held.order_timestamp, held.sales_amount,
        held.profit_amount, held.currency, held.status
    FROM enrich.held_orders AS held INNER JOIN enrich.read_backs AS reading USING (read_back_id)
    WHERE held.order_id = :order_id AND reading.completed_at IS NOT NULL
    ORDER BY reading.read_back_id, held.occurrence
"""
_FINDINGS = """
    SELECT order_day, kind, expected, held, diagnosis, found_at FROM enrich.mismatches
    WHERE order_id = :order_id ORDER BY order_day, kind
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderStory:
    """An order's rows, from its source to the vendor.

    Attributes:
        raw: the source's rows, by raw table.
        states: the state of each copy of the order, with the payload that the warehouse computes.
        costs: each component of its sales and profit with the source row and the rule that it comes from.
        attempts: each request that carried it, oldest first.
        held: what the vendor holds of it, as last read back.
        findings: what the last verification found, with the likely cause.
    """

    order_id: str
    raw: dict[str, list[Row]]
    states: list[Row]
    costs: list[Row]
    attempts: list[Row]
    held: list[Row]
    findings: list[Row]

    @property
    def is_known(self) -> bool:
        """Whether anything of ours or the vendor's has heard of the order."""
        return bool(self.raw["orders"] or self.states or self.attempts or self.held or self.findings)


def order_story(connection: Connection, order_id: str) -> OrderStory:
    """Look up everything about an order; an unknown one has no rows."""
    # By an index, while the states' view compares whole days: it must be told which.
    days = connection.execute(
        text("SELECT DISTINCT order_day FROM enrich.order_profit WHERE order_id = :order_id"), {"order_id": order_id}
    )
    values = {"order_id": order_id, "days": list(days.scalars())}

    def rows(query: str) -> list[Row]:
        # As JSON, whose numbers are read as decimals again: NaN and any column of the source's arrive as they are.
        found = connection.execute(text(f"SELECT to_jsonb(wanted)::text FROM ({query}) AS wanted"), values)
        return [json.loads(line, parse_float=Decimal, parse_int=Decimal) for line in found.scalars()]

    return OrderStory(
        order_id=order_id,
        raw={table: rows(query) for table, query in _RAW.items()},
        states=rows(_STATES),
        costs=rows(_COSTS),
        attempts=rows(_ATTEMPTS),
        held=rows(_HELD),
        findings=rows(_FINDINGS),
    )
