"""The tables that dbt fills: `order_costs`, `order_profit`, the stamps of computed days, and the currencies.

They are created here and not by dbt, so that other code, views and indexes can rely on them before the first run; a
test holds dbt's contracts equal to these columns.
"""

from __future__ import annotations

from decimal import Decimal

import iso4217
from sqlalchemy import Boolean, Column, Connection, Date, Index, Integer, MetaData, Numeric, Table, Text, text
from sqlalchemy.dialects.postgresql import TIMESTAMP, insert

mart_metadata = MetaData(schema="enrich")

_UNLIMITED: Numeric[Decimal] = Numeric()

order_costs = Table(
    "order_costs",
    mart_metadata,
    Column("order_id", Text),
    Column("order_day", Date, nullable=False),
    Column("component", Text, nullable=False),
    Column("line_id", Text),
    Column("source_table", Text, nullable=False),
    Column("source_id", Text),
    Column("rule_id", Text),
    Column("is_estimate", Boolean, nullable=False),
    Column("amount", _UNLIMITED),
    Column("currency", Text),
    Column("exclusion", Text),
    Column("ordered_at", TIMESTAMP(timezone=True), nullable=False),
    Column("copy_number", Integer, nullable=False),
    Column("control_amount", _UNLIMITED),
    Column("is_incomplete_line", Boolean, nullable=False),
    Column("run_id", Text, nullable=False),
)

order_profit = Table(
    "order_profit",
    mart_metadata,
    Column("order_id", Text),
    Column("order_day", Date, nullable=False),
    Column("ordered_at", TIMESTAMP(timezone=True), nullable=False),
    Column("currency", Text),
    Column("sales_amount", _UNLIMITED),
    Column("profit_amount", _UNLIMITED),
    Column("exclusion", Text),
    Column("copy_number", Integer, nullable=False),
    Column("control_total", _UNLIMITED, nullable=False),
    Column("incomplete_lines", Integer, nullable=False),
    Column("run_id", Text, nullable=False),
)

computed_days = Table(
    "computed_days",
    mart_metadata,
    Column("mart", Text, primary_key=True),
    Column("order_day", Date, primary_key=True),
    Column("run_id", Text, nullable=False),
    Column("computed_at", TIMESTAMP(timezone=True), nullable=False),
)

currencies = Table(
    "currencies",
    mart_metadata,
    Column("currency", Text, primary_key=True),
    Column("exponent", Integer, nullable=False),
)

for _mart in (order_costs, order_profit):
    Index(f"{_mart.name}_order_day", _mart.c.order_day)
    # A hash index takes ids of any length; a btree refuses what exceeds a third of a page.
    Index(f"{_mart.name}_order_id", _mart.c.order_id, postgresql_using="hash")

# Few orders are excluded, and every upload counts them by reason.
Index(
    "order_profit_exclusion",
    order_profit.c.order_day,
    order_profit.c.exclusion,
    postgresql_where=order_profit.c.exclusion.is_not(None),
)


def create_mart_tables(connection: Connection) -> None:
    """Create the marts, their stamps and the currencies where they are missing. May be repeated; the caller commits."""
    connection.execute(text("CREATE SCHEMA IF NOT EXISTS enrich"))
    mart_metadata.create_all(connection)
    rows = [
        {"currency": currency.code, "exponent": currency.exponent}
        for currency in iso4217.Currency
        if currency.exponent is not None  # gold, test codes and the like: nothing is sold in them
    ]
    statement = insert(currencies)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=[currencies.c.currency], set_={"exponent": statement.excluded.exponent}
        ),
        rows,
    )
