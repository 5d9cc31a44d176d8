"""Whether schema `raw` can be read as it is: every table and column, of a type that holds what it is said to hold.

A brand's own tables are read where they lie. What PostgreSQL itself would refuse is left to it; found here is what it
would read as something else without a word: an amount that is a float, a time that is no instant.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Date, DateTime, Numeric, Row, text
from sqlalchemy.types import TypeEngine

from enrich_pipeline.domain.errors import DayError
from enrich_pipeline.warehouse.raw_tables import RAW_SCHEMA, RAW_TABLES

_PROBLEMS_SHOWN = 5

_INEXACT = {"real", "double precision", "money"}
_NO_INSTANT = {"timestamp without time zone", "date"}
_NO_DATE = {"timestamp without time zone", "timestamp with time zone"}

_FOUND = text("""
    SELECT
        a.attname IS NOT NULL AS is_there,
        coalesce(
            has_schema_privilege(c.relnamespace, 'USAGE') AND has_column_privilege(c.oid, a.attnum, 'SELECT'), false
        ) AS is_readable,
        format_type(coalesce(nullif(t.typbasetype, 0), t.oid), NULL) AS type
    FROM unnest(CAST(:tables AS text[]), CAST(:columns AS text[])) WITH ORDINALITY AS wanted (relation, name, place)
    LEFT JOIN pg_class AS c ON c.relname = wanted.relation AND c.relnamespace = to_regnamespace(:schema)
    LEFT JOIN pg_attribute AS a
        ON a.attrelid = c.oid AND a.attname = wanted.name AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_type AS t ON t.oid = a.atttypid
    ORDER BY wanted.place
""")


def raw_problems(connection: Connection) -> list[str]:
    """What keeps the raw tables from being read, a sentence without its full stop each; empty when nothing does."""
    columns = [column for table in RAW_TABLES for column in table.columns]
    names = {
        "tables": [column.table.name for column in columns],
        "columns": [column.name for column in columns],
        "schema": RAW_SCHEMA,
    }
    found = dict(zip(columns, connection.execute(_FOUND, names), strict=True))
    problems: list[str] = []
    for table in RAW_TABLES:
        rows = [found[column] for column in table.columns]
        if not any(row.is_there for row in rows):
            problems.append(f"{table.fullname} is missing")
        elif not any(row.is_readable for row in rows):
            problems.append(f"{table.fullname} may not be read by the warehouse's user")
        else:
            for column, row in zip(table.columns, rows, strict=True):
                if said := _wrong(column.type, row):
                    problems.append(f"{table.fullname}.{column.name} {said}")
    return problems


def require_raw_tables(connection: Connection) -> None:
    """Refuse raw tables that cannot be read, or would be read as something else.

    Raises:
        DayError: naming the first of what is wrong.
    """
    problems = raw_problems(connection)
    if problems:
        more = len(problems) - _PROBLEMS_SHOWN
        shown = "; ".join(problems[:_PROBLEMS_SHOWN]) + (f"; and {more} more" if more > 0 else "")
        raise DayError(f"The raw tables cannot be read as they are: {shown}. `enrich doctor` looks for all of it.")


def _wrong(wanted: TypeEngine[Any], found: Row[Any]) -> str | None:
    if not found.is_there:
        return "is missing"
    if not found.is_readable:
        return "may not be read by the warehouse's user"
    if isinstance(wanted, Numeric) and found.type in _INEXACT:
        return f"is {found.type}, which is not exact: it must be numeric"
    if isinstance(wanted, Date) and found.type in _NO_DATE:
        return f"is {found.type}, which is no day: it must be date"
    if isinstance(wanted, DateTime) and found.type in _NO_INSTANT:
        return f"is {found.type}, which is no instant: it must be timestamptz"
    return None
