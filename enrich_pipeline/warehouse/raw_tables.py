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


_UPDATED_AT = """
    updated_at timestamptz: when the row was last changed; may be empty
"""


def _table(name: str, columns: str, *, indexed: tuple[str, ...]) -> Table:
    """Build a raw table from lines `name type: what it holds`; the day's work looks rows up by `indexed` columns."""
    described = (line.split(": ", 1) for line in (columns + _UPDATED_AT).splitlines() if line.strip())
    table = Table(
        name,
        raw_metadata,
        *(
            Column(column, _TYPES[kind], comment=comment)
            for (column, kind), comment in ((column.split(), comment) for column, comment in described)
        ),
    )
    for column in indexed:
        # A hash index takes ids of any length; a btree refuses what exceeds a third of a page.
        method = "hash" if isinstance(table.c[column].type, Text) else "btree"
        Index(f"{name}_{column}", table.c[column], postgresql_using=method)
    return table


orders = _table(
    "orders",
    """
    order_id text: the sales channel's id, as the vendor knows it
    ordered_at timestamptz: when the order was placed; its store-local day is the order's day
    document_type text: sale, or what is no sale and is not sent: credit, adjustment, fee
    channel text: where it was sold; picks fee rules
    payment_gateway text: how it was paid; picks fee rules
    currency text: ISO 4217, of every amount of the order
    order_discount numeric: taken off the whole order, without tax
    shipping_charged numeric: what the customer paid for shipping, without tax
    tax_total numeric: tax on the order; in sales on the basis with tax alone, and in the fee base with tax
    cancelled_at timestamptz: when it was cancelled; a cancelled order sells nothing
    is_test boolean: no real order; not sent
    """,
    indexed=("ordered_at", "order_id"),
)
order_lines = _table(
    "order_lines",
    """
    order_id text: the order
    line_id text: the line's id within its order
    sku text: what was sold, case-sensitive; may stand on several lines
    quantity numeric: how many
    unit_price numeric: of one, before discounts, without tax
    discount numeric: an amount off the line
    unit_cost numeric: of one when it was sold, in the order's currency; wins over unit_costs
    is_gift_card boolean: a liability: neither sales nor costs
    """,
    indexed=("order_id",),
)
refunds = _table(
    "refunds",
    """
    refund_id text: the refund's id
    order_id text: the order; a refund without one counts for no order and is shown
    refunded_at timestamptz: when; it counts on the order's day nevertheless
    kind text: goods, shipping, discount, manual, or gift_card, which counts for nothing
    amount numeric: given back, without tax, in the order's currency
    tax numeric: given back of the tax
    """,
    indexed=("order_id",),
)
refund_lines = _table(
    "refund_lines",
    """
    refund_id text: the refund
    line_id text: the line of the refund's order
    quantity numeric: how many came back
    restocked boolean: whether they went into stock again, with their cost
    """,
    indexed=("refund_id",),
)
unit_costs = _table(
    "unit_costs",
    """
    sku text: what costs it, case-sensitive
    effective_from date: the first store-local day; empty for always until then
    effective_to date: the last store-local day, inclusive; empty for ever after
    unit_cost numeric: of one
    currency text: ISO 4217; empty for the store's
    """,
    indexed=("sku",),
)
fee_rules = _table(
    "fee_rules",
    """
    fee_rule_id text: the rule's id
    kind text: payment, marketplace, shipping or handling
    channel text: orders of this channel; empty for any
    payment_gateway text: orders paid by this gateway; empty for any
    effective_from date: the first store-local day; empty for always until then
    effective_to date: the last store-local day, inclusive; empty for ever after
    percent numeric: of the base; 2.9 means 2.9 %
    fixed numeric: on top, an order
    minimum numeric: the least fee
    maximum numeric: the highest fee
    base text: items, items_shipping or items_shipping_tax, after discounts, before refunds
    base_from numeric: the rule's tier begins here; tiers add up
    base_to numeric: the rule's tier ends here
    refunded text: none, proportional or all of the fee comes back with a refund
    refund_fee_percent numeric: what a refund costs, of the fee
    refund_fee_maximum numeric: the highest refund fee
    currency text: ISO 4217, of the rule's amounts; empty for the store's
    """,
    indexed=(),
)
order_transactions = _table(
    "order_transactions",
    """
    transaction_id text: the transaction's id
    order_id text: the order that it was charged for
    kind text: payment_fee, marketplace_fee, shipping_cost, handling_cost replace a rule's estimate; others add
    amount numeric: what it cost; a reversal is negative
    currency text: ISO 4217; empty for the store's
    processed_at timestamptz: when it was charged
    """,
    indexed=("order_id",),
)
fx_rates = _table(
    "fx_rates",
    """
    rate_date date: the day that it holds on, and up to seven days after where none is newer
    from_currency text: ISO 4217, of the amount that is converted
    to_currency text: ISO 4217, of the result
    rate numeric: units of the result for one
    """,
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
