"""The SQL that dbt compiles for the two marts, to be run without dbt: a store then costs milliseconds and not a second.

It is the very statement that a run executes; what dbt does around it (locks, deletes, stamps) has its own tests.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import psycopg
from sqlalchemy import Table

from enrich_pipeline.domain.store import Store
from enrich_pipeline.settings import PROJECT_ROOT
from enrich_pipeline.warehouse import marts
from enrich_pipeline.warehouse.mart_tables import order_costs, order_profit

PROJECT_DIR = PROJECT_ROOT / "dbt_costs"
_ANY_DATABASE = "any_database"


@dataclass(frozen=True)
class MartStatements:
    """One INSERT a mart, for the days that they were compiled for."""

    order_costs: str
    order_profit: str

    def execute(self, connection: psycopg.Connection) -> None:
        """Fill both marts inside the caller's transaction."""
        connection.execute(self.order_costs)  # type: ignore[arg-type]  # our own models
        connection.execute(self.order_profit)  # type: ignore[arg-type]  # our own models


@dataclass
class MartCompiler:
    """Compiles the marts once for each store, range of days and sales basis. Needs no database."""

    prepared: Path
    scratch: Path
    known: dict[tuple[Store, date, date, str], MartStatements] = field(default_factory=dict, repr=False)

    def statements(self, store: Store, first: date, last: date, sales_basis: str = "net") -> MartStatements:
        key = (store, first, last, sales_basis)
        if key not in self.known:
            self.known[key] = self._compile(*key)
        return self.known[key]

    def _compile(self, store: Store, first: date, last: date, sales_basis: str) -> MartStatements:
        variables = {
            "first_day": first.isoformat(),
            "last_day": last.isoformat(),
            "store_timezone": store.timezone,
            "store_currency": store.currency,
            "sales_basis": sales_basis,
            "run_id": "compiled",
        }
        places = marts._places(PROJECT_DIR, self.scratch)
        offline = ("--no-write-json", "--no-introspect", "--no-populate-cache")
        result = marts._invoke(
            ["compile", *marts._QUIET, *offline, *places, "--select", *marts.MARTS, "--vars", json.dumps(variables)],
            manifest=marts._load_manifest(self.prepared, _ANY_DATABASE),
            callbacks=[],
        )
        assert result.success, marts._reason(result)
        code = {node.node.name: node.node.compiled_code for node in result.result.results}
        return MartStatements(**{table.name: _insert(table, code[table.name]) for table in (order_costs, order_profit)})


def _insert(table: Table, query: str) -> str:
    columns = ", ".join(table.columns.keys())
    local_query = query.replace(f'"{_ANY_DATABASE}".', "")
    return f"INSERT INTO {table.fullname} ({columns}) SELECT {columns} FROM ({local_query}) AS compiled"
