"""The raw tables a brand's warehouse holds: what its systems recorded, unconstrained, as design section 3 lists them.

Amounts are `numeric` without a limit, times `timestamptz`. There are no keys: a warehouse repeats, forgets and
corrects, and the pipeline's job is to say so, not to refuse.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Boolean, Column, Date, Index, MetaData, Numeric, Table, Text
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.types import TypeEngine

RAW_SCHEMA = "raw"

raw_metadata = MetaData(schema=RAW_SCHEMA)

_TYPES: dict[str, TypeEngine[Any]] = {
    "text": Text(),
    "numeric": Numeric(),
    "date": Date(),
    "boolean": Boolean(),
    "timestamptz": TIMESTAMP(timezone=True),
}


def _table(name: str, columns: str, *, indexed: tuple[str, ...]) -> Table:
    """Build a raw table from `name type` pairs; `indexed` names the columns that the day's work looks rows up by."""
    pairs = [column.split() for column in columns.split(",")]
    table = Table(
        name,
        raw_metadata,
        *(Column(column, _TYPES[kind]) for column, kind in pairs),
    )
    for column in indexed:
        # A hash index takes ids of any length; a btree refuses what exceeds a third of a page.
        method = "hash" if isinstance(table.c[column].type, Text) else "btree"
        Index(f"{name}_{column}", table.c[column], postgresql_using=method)
    return table


orders = _table(
    "orders",
    "order_id text, ordered_at timestamptz, document_type text, channel text, payment_gateway text, currency text,"
    "order_discount numeric, shipping_charged numeric, tax_total numeric, cancelled_at timestamptz, is_test boolean,"
    "updated_at timestamptz",
    indexed=("ordered_at", "order_id"),
)
order_lines = _table(
    "order_lines",
    "order_id text, line_id text, sku text, quantity numeric, unit_price numeric, discount numeric, unit_cost numeric,"
    "is_gift_card boolean, updated_at timestamptz",
    indexed=("order_id",),
)
refunds = _table(
    "refunds",
    "refund_id text, order_id text, refunded_at timestamptz, kind text, amount numeric, tax numeric,"
    "updated_at timestamptz",
    indexed=("order_id",),
)
refund_lines = _table(
    "refund_lines",
    "refund_id text, line_id text, quantity numeric, restocked boolean, updated_at timestamptz",
    indexed=("refund_id",),
)
unit_costs = _table(
    "unit_costs",
    "sku text, effective_from date, effective_to date, unit_cost numeric, currency text, updated_at timestamptz",
    indexed=("sku",),
)
fee_rules = _table(
    "fee_rules",
    "fee_rule_id text, kind text, channel text, payment_gateway text, effective_from date, effective_to date,"
    "percent numeric, fixed numeric, minimum numeric, maximum numeric, base text, base_from numeric, base_to numeric,"
    "refunded text, refund_fee_percent numeric, refund_fee_maximum numeric, currency text, updated_at timestamptz",
    indexed=(),
)
order_transactions = _table(
    "order_transactions",
    "transaction_id text, order_id text, kind text, amount numeric, currency text, processed_at timestamptz,"
    "updated_at timestamptz",
    indexed=("order_id",),
)
fx_rates = _table(
    "fx_rates",
    "rate_date date, from_currency text, to_currency text, rate numeric, updated_at timestamptz",
    indexed=("rate_date",),
)

RAW_TABLES: tuple[Table, ...] = (
    orders,
    order_lines,
    refunds,
    refund_lines,
    unit_costs,
    fee_rules,
    order_transactions,
    fx_rates,
)
