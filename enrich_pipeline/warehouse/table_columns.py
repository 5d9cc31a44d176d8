"""What columns the tables named in the flow have, with types and descriptions, for whoever shows them."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy.dialects import postgresql

from enrich_pipeline.warehouse.audit_tables import audit_metadata
from enrich_pipeline.warehouse.mart_tables import mart_metadata
from enrich_pipeline.warehouse.raw_tables import raw_metadata


class TableColumn(NamedTuple):
    """One column: its name, its PostgreSQL type, and what it holds."""

    name: str
    type: str
    description: str | None


def table_columns(name: str) -> list[TableColumn]:
    """The columns of a table by its full name, such as `enrich.receipts`.

    Raises:
        KeyError: when no such table is ours.
    """
    tables = {**raw_metadata.tables, **mart_metadata.tables, **audit_metadata.tables}
    dialect = postgresql.dialect()
    return [
        TableColumn(column.name, column.type.compile(dialect=dialect).lower(), column.comment)
        for column in tables[name].columns
    ]
