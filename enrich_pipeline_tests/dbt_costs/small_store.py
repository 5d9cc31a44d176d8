"""Builds a store of a few rows, computes its days through dbt, and reads the marts back.

Every builder returns a row that is good as it stands; a test names only what it is about.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row
from sqlalchemy import URL, text

from enrich_pipeline.domain.store import Store
from enrich_pipeline.warehouse.embedded import libpq_url
from enrich_pipeline.warehouse.engine import warehouse_engine
from enrich_pipeline.warehouse.mart_tables import create_mart_tables
from enrich_pipeline.warehouse.marts import compute_days
from enrich_pipeline.warehouse.raw_tables import RAW_TABLES, raw_metadata
from enrich_pipeline_tests.dbt_costs.compiled_marts import PROJECT_DIR, MartCompiler

DAY = date(2026, 3, 10)


@dataclass(frozen=True)
class Row:
    """A row of a raw table."""

    table: str
    values: dict[str, Any]


def order(order_id: str | None = "A", **values: Any) -> Row:
    defaults = {
        "ordered_at": "2026-03-10T12:00:00Z",
        "document_type": "sale",
        "channel": "web",
        "payment_gateway": "card",
        "currency": "USD",
        "order_discount": 0,
        "shipping_charged": 0,
        "tax_total": 0,
        "is_test": False,
    }
    return Row("orders", {"order_id": order_id, **defaults, **values})


def line(order_id: str | None = "A", **values: Any) -> Row:
    defaults = {"line_id": "1", "sku": "S", "quantity": 1, "unit_price": 100, "discount": 0, "unit_cost": 40}
    return Row("order_lines", {"order_id": order_id, **defaults, "is_gift_card": False, **values})


def refund(order_id: str | None = "A", **values: Any) -> Row:
    defaults = {"refund_id": "R", "refunded_at": "2026-03-20T12:00:00Z", "kind": "goods", "amount": 100, "tax": 0}
    return Row("refunds", {"order_id": order_id, **defaults, **values})


def refund_line(**values: Any) -> Row:
    return Row("refund_lines", {"refund_id": "R", "line_id": "1", "quantity": 1, "restocked": True, **values})


def unit_cost(**values: Any) -> Row:
    return Row("unit_costs", {"sku": "S", "unit_cost": 40, **values})


def fee_rule(**values: Any) -> Row:
    return Row("fee_rules", {"fee_rule_id": "rule", "kind": "payment", "base": "items_shipping_tax", **values})


def transaction(order_id: str | None = "A", **values: Any) -> Row:
    defaults = {"transaction_id": "T", "kind": "payment_fee", "amount": 3, "currency": "USD"}
    return Row("order_transactions", {"order_id": order_id, **defaults, **values})


def fx_rate(**values: Any) -> Row:
    defaults = {"rate_date": DAY, "from_currency": "USD", "to_currency": "EUR", "rate": "0.9"}
    return Row("fx_rates", {**defaults, **values})


def sold(*rows: Row, **values: Any) -> list[Row]:
    """An order "A" of one line at 100 that cost 40, with `values` on the order, and `rows` beside it."""
    return [order(**values), line(), *rows]


@dataclass(frozen=True)
class Evaluated:
    """What the marts hold of a store that is nothing but the rows given."""

    profits: list[dict[str, Any]]
    costs: list[dict[str, Any]]

    @property
    def amounts(self) -> tuple[Decimal | None, Decimal | None, str | None]:
        """Sales, profit and exclusion of the one order."""
        (row,) = self.profits
        return row["sales_amount"], row["profit_amount"], row["exclusion"]

    def of(self, component: str) -> list[Decimal]:
        """The amounts of a component."""
        return [row["amount"] for row in self.costs if row["component"] == component]


@dataclass
class SmallStore:
    """A warehouse of its own with raw and mart tables."""

    url: URL
    compiler: MartCompiler
    store: Store = field(default_factory=lambda: Store(timezone="UTC", currency="USD"))

    def create(self) -> None:
        engine = warehouse_engine(self.url)
        with engine.begin() as connection:
            connection.execute(text("CREATE SCHEMA raw"))
            raw_metadata.create_all(connection)
            create_mart_tables(connection)
        engine.dispose()

    def connect(self) -> psycopg.Connection[dict[str, Any]]:
        return psycopg.connect(libpq_url(self.url), row_factory=dict_row)

    def load(self, *rows: Row) -> None:
        with self.connect() as connection:
            insert_rows(connection, rows)

    def load_folder(self, folder: Path) -> None:
        with self.connect() as connection:
            for table in RAW_TABLES:
                content = (folder / f"{table.name}.csv").read_bytes()
                columns = sql.SQL(content.splitlines()[0].decode())  # type: ignore[arg-type]  # our own fixture's header
                name = sql.Identifier(table.name)
                copy = sql.SQL("COPY raw.{} ({}) FROM STDIN (FORMAT csv, HEADER)").format(name, columns)
                with connection.cursor().copy(copy) as writer:
                    writer.write(content)

    def clear(self) -> None:
        names = ", ".join(table.fullname for table in RAW_TABLES)
        self.execute(f"TRUNCATE {names}, enrich.order_costs, enrich.order_profit, enrich.computed_days")

    def execute(self, statement: str, *values: Any) -> None:
        with self.connect() as connection:
            connection.execute(statement, values)  # type: ignore[arg-type]  # the tests' own literals

    def query(self, statement: str, *values: Any) -> list[dict[str, Any]]:
        with self.connect() as connection:
            return connection.execute(statement, values).fetchall()  # type: ignore[arg-type]  # the tests' own literals

    def compute(self, first: date = DAY, last: date | None = None, **options: Any) -> None:
        arguments = {"run_id": "run", "target_dir": self.compiler.prepared, **options}
        compute_days(
            url=self.url, project_dir=PROJECT_DIR, store=self.store, first=first, last=last or first, **arguments
        )

    def profits(self) -> list[dict[str, Any]]:
        return self.query("SELECT * FROM enrich.order_profit ORDER BY order_id, order_day, copy_number")

    def evaluate(
        self, rows: Iterable[Row], first: date = DAY, last: date | None = None, sales_basis: str = "net"
    ) -> Evaluated:
        """What the marts would hold if `rows` were all there is, without dbt and leaving nothing behind."""
        statements = self.compiler.statements(self.store, first, last or first, sales_basis)
        with self.connect() as connection:
            insert_rows(connection, rows)
            statements.execute(connection)
            evaluated = Evaluated(
                connection.execute(
                    "SELECT * FROM enrich.order_profit ORDER BY order_id, order_day, copy_number"
                ).fetchall(),
                connection.execute("SELECT * FROM enrich.order_costs ORDER BY component, source_id, amount").fetchall(),
            )
            connection.rollback()
        return evaluated


def insert_rows(connection: psycopg.Connection[Any], rows: Iterable[Row]) -> None:
    for row in rows:
        connection.execute(
            sql.SQL("INSERT INTO raw.{} ({}) VALUES ({})").format(
                sql.Identifier(row.table),
                sql.SQL(", ").join(sql.Identifier(column) for column in row.values),
                sql.SQL(", ").join(sql.Placeholder() * len(row.values)),
            ),
            list(row.values.values()),
        )
