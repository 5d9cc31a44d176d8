"""Column lineage of the marts, down to the raw columns: for each column, the (table, column) pairs it comes from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

Lineage = Mapping[str, Sequence[tuple[str, str]]]

_AMOUNT_SOURCES = [
    ("order_lines", "quantity"),
    ("order_lines", "unit_price"),
    ("order_lines", "discount"),
    ("order_lines", "unit_cost"),
    ("orders", "order_discount"),
    ("orders", "shipping_charged"),
    ("refunds", "amount"),
    ("refund_lines", "quantity"),
    ("unit_costs", "unit_cost"),
    ("fee_rules", "percent"),
    ("fee_rules", "fixed"),
    ("order_transactions", "amount"),
    ("fx_rates", "rate"),
]

COLUMN_LINEAGE: Mapping[str, Lineage] = {
    "order_costs": {
        "order_id": [("orders", "order_id")],
        "order_day": [("orders", "ordered_at")],
        "ordered_at": [("orders", "ordered_at")],
        "currency": [("orders", "currency")],
        "line_id": [("order_lines", "line_id")],
        "amount": _AMOUNT_SOURCES,
        "control_amount": [("order_lines", "quantity"), ("order_lines", "unit_price")],
        "rule_id": [("fee_rules", "fee_rule_id")],
    },
    "order_profit": {
        "order_id": [("order_costs", "order_id")],
        "order_day": [("order_costs", "order_day")],
        "ordered_at": [("order_costs", "ordered_at")],
        "currency": [("order_costs", "currency")],
        "sales_amount": [("order_costs", "amount"), ("order_costs", "component")],
        "profit_amount": [("order_costs", "amount")],
        "exclusion": [("order_costs", "exclusion")],
        "control_total": [("order_costs", "control_amount")],
    },
}
