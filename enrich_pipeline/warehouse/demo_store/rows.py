"""Generated columns become rows of a raw table: COPY's text format, a chunk at a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

import numpy as np
import psycopg
from psycopg import sql
from sqlalchemy import Table

from enrich_pipeline.warehouse.demo_store.money import Integers

T = TypeVar("T")

NULL = r"\N"

Columns = Mapping[str, Iterable[str]]
"""Text by column; at least one column is finite, a constant may be `itertools.repeat`."""


def copy_rows(cursor: psycopg.Cursor, table: Table, columns: Columns) -> int:
    """Append rows to a raw table and return how many. Columns that are not given stay empty.

    Values are in COPY's text format already: an empty one is `NULL`, a tab is written as backslash and t.
    """
    lines = ["\t".join(row) for row in zip(*columns.values(), strict=False)]
    if not lines:
        return 0
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(str(table.schema), table.name), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    with cursor.copy(statement) as copy:
        copy.write("\n".join(lines) + "\n")
    return len(lines)


def pick(values: Sequence[T], places: Integers) -> list[T]:
    """The values at these places."""
    wanted: list[int] = places.tolist()
    return [values[place] for place in wanted]


def time_text(seconds: Integers) -> list[str]:
    """Seconds since 1970 as ISO 8601 in UTC."""
    return [f"{instant}Z" for instant in np.datetime_as_string(seconds.astype("datetime64[s]")).tolist()]


def bool_text(values: np.ndarray) -> list[str]:
    """Flags as COPY reads them."""
    return np.where(values, "t", "f").tolist()


def null_where(missing: np.ndarray, values: list[str]) -> list[str]:
    """`values`, empty where `missing` is set."""
    return [NULL if gone else value for gone, value in zip(missing.tolist(), values, strict=True)]
