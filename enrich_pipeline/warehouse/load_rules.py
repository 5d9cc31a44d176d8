"""What a row of a raw table's file must be like before it is loaded: types, vocabularies, no row twice.

The raw tables themselves take anything their types allow, NaN and Infinity too: naming what is wrong with an order is
the marts' work. Refused here is what cannot be read, or would be read as something else without a word.
"""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Boolean, Connection, Date, Numeric, Table, text
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.types import TypeEngine

_REPORTED_PER_COLUMN = 5
_QUOTED_CHARACTERS = 60

# `today`, `infinity` and the like are dates to PostgreSQL, but nobody's data.
_DATE = r"^\d{4}-\d{2}-\d{2}$"
_ZONED_TIME = r"^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)? ?(Z|[+-]\d{2}(:?\d{2})?)$"
_LOCAL_TIME = r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?)?$"

_ALLOWED: dict[tuple[str, str], tuple[str, ...]] = {
    ("refunds", "kind"): ("goods", "shipping", "discount", "manual", "gift_card"),
    ("fee_rules", "kind"): ("payment", "marketplace", "shipping", "handling"),
    ("fee_rules", "base"): ("items", "items_shipping", "items_shipping_tax"),
    ("fee_rules", "refunded"): ("none", "proportional", "all"),
}

_MONEY_FLOWS = ("sale", "capture", "authorization", "void", "refund")


class Problem(NamedTuple):
    """Something wrong with a file: the row numbers it is about (from 1), the place in the row, and what it is."""

    record_numbers: tuple[int, ...]
    place: str
    message: str


def find_problems(connection: Connection, table: Table, staging: str) -> list[Problem]:
    """Judge a file that was copied as text into `staging`; the first problems of each column, then repeated rows."""
    problems: list[Problem] = []
    for column in table.columns:
        for condition, expectation in _rules(table.name, column.name, column.type):
            problems.extend(_broken(connection, staging, column.name, condition, expectation))
    problems.extend(_repeated(connection, table, staging))
    return sorted(problems)


def _rules(table: str, column: str, kind: TypeEngine[object]) -> list[tuple[str, str]]:
    """The column's rules, as (SQL condition under which a value is wrong, what is expected)."""
    rules: list[tuple[str, str]] = []
    if isinstance(kind, Numeric):
        rules.append((f"NOT pg_input_is_valid({column}, 'numeric')", "is no number; write one like -12.50"))
    elif isinstance(kind, Boolean):
        rules.append((f"NOT pg_input_is_valid({column}, 'boolean')", "is no boolean; write true or false"))
    elif isinstance(kind, Date):
        valid = f"{column} ~ '{_DATE}' AND pg_input_is_valid({column}, 'date')"
        rules.append((f"NOT ({valid})", "is no date; write one like 2026-11-23"))
    elif isinstance(kind, TIMESTAMP):
        rules.append((f"{column} ~ '{_LOCAL_TIME}'", "is a time without a zone; write one like 2026-11-23T14:05:00Z"))
        valid = f"{column} ~ '{_ZONED_TIME}' AND pg_input_is_valid({column}, 'timestamptz')"
        rules.append(
            (f"{column} !~ '{_LOCAL_TIME}' AND NOT ({valid})", "is no time; write one like 2026-11-23T14:05:00-05:00")
        )
    if (table, column) == ("orders", "ordered_at"):
        rules.append((f"{column} IS NULL", "is empty; an order without a time belongs to no day"))
    if allowed := _ALLOWED.get((table, column)):
        rules.append((f"coalesce({column} NOT IN {_list(allowed)}, true)", f"is not one of {', '.join(allowed)}"))
    if (table, column) == ("order_transactions", "kind"):
        flows = f"lower({column}) IN {_list(_MONEY_FLOWS)}"
        rules.append((flows, "is a flow of money and not a cost; leave such rows out"))
    return rules


def _list(words: tuple[str, ...]) -> str:
    return "(" + ", ".join(f"'{word}'" for word in words) + ")"


def _broken(connection: Connection, staging: str, column: str, condition: str, expectation: str) -> list[Problem]:
    # Patterns hold colons, which `text` would take for parameters.
    escaped = condition.replace(":", r"\:")
    rows = connection.execute(
        text(
            f"SELECT record_number, left({column}, {_QUOTED_CHARACTERS + 1}) AS value FROM {staging} "
            f"WHERE {escaped} ORDER BY record_number LIMIT {_REPORTED_PER_COLUMN}"
        )
    )
    return [Problem((row.record_number,), f"column {column}", f"{_quoted(row.value)} {expectation}") for row in rows]


def _repeated(connection: Connection, table: Table, staging: str) -> list[Problem]:
    columns = ", ".join(column.name for column in table.columns)
    rows = connection.execute(
        text(
            f"SELECT (array_agg(record_number ORDER BY record_number))[1\\:2] AS numbers FROM {staging} "
            f"GROUP BY {columns} HAVING count(*) > 1 ORDER BY min(record_number) LIMIT {_REPORTED_PER_COLUMN}"
        )
    )
    return [Problem(tuple(row.numbers), "the whole row", "stands twice, byte for byte") for row in rows]


def _quoted(value: str | None) -> str:
    if value is None:
        return "the field"
    shortened = value if len(value) <= _QUOTED_CHARACTERS else value[:_QUOTED_CHARACTERS] + "..."
    return repr(shortened)
