"""Loads a folder of CSV files into the raw tables: all of it, or nothing and a list of what is wrong where.

Files are copied as text first, judged in SQL, and only then cast into the raw tables, in one transaction. A file is
read in Python only for its header, and again to find the line of what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy import Connection, Engine, Table, text

from enrich_pipeline.domain.errors import LoadError
from enrich_pipeline.warehouse.csv_records import faults, lines_of, read_header
from enrich_pipeline.warehouse.driver import driver_connection
from enrich_pipeline.warehouse.load_rules import Problem, find_problems
from enrich_pipeline.warehouse.progress import OnProgress
from enrich_pipeline.warehouse.raw_schema import create_raw_schema, replaced_raw_content
from enrich_pipeline.warehouse.raw_tables import RAW_TABLES

_CHUNK_BYTES = 1 << 20
_PROBLEMS_SHOWN = 20


def load_folder(engine: Engine, folder: Path, *, on_progress: OnProgress | None = None) -> dict[str, int]:
    """Replace the content of every raw table by `folder`'s CSV files, one a table; return the rows of each.

    Files are UTF-8 with a header; the columns may stand in any order, an empty field is no value. Other files in the
    folder are left alone. May be repeated.

    Raises:
        LoadError: naming file, line and column of what is wrong; the tables are as they were.
        ForeignRawSchemaError: when the warehouse's schema `raw` is not ours to replace.
    """
    files = {table: folder / f"{table.name}.csv" for table in RAW_TABLES}
    missing = [path.name for path in files.values() if not path.is_file()]
    if missing:
        raise LoadError(f"{folder}: {', '.join(missing)} missing; every raw table needs its file, if only a header.")
    advance = _advance_of(files, on_progress)
    try:
        with engine.begin() as connection:
            create_raw_schema(connection)
            problems = [
                f"{path.name}, {problem}"
                for table, path in files.items()
                for problem in _stage(connection, table, path, advance)
            ]
            if problems:
                raise LoadError(_said(problems))
            with replaced_raw_content(connection):
                return {table.name: _insert(connection, table, path, advance) for table, path in files.items()}
    except OSError as error:
        raise LoadError(f"Nothing was loaded: {error.filename}: {error.strerror}.") from error


_Advance = Callable[[int, Path], None]


def _advance_of(files: dict[Table, Path], on_progress: OnProgress | None) -> _Advance:
    """Each byte counts twice: when it is read, and when it is in its raw table."""
    total = 2 * sum(path.stat().st_size for path in files.values())
    done = 0

    def advance(byte_count: int, path: Path) -> None:
        nonlocal done
        done += byte_count
        if on_progress:
            on_progress(done, total, path.name)

    return advance


def _said(problems: list[str]) -> str:
    more = len(problems) - _PROBLEMS_SHOWN
    shown = [*problems[:_PROBLEMS_SHOWN], *([f"... and {more} more problems"] if more > 0 else [])]
    return "Nothing was loaded:\n" + "\n".join(shown)


def _stage(connection: Connection, table: Table, path: Path, advance: _Advance) -> Iterator[str]:
    """Copy a file as text and judge it; yield what is wrong with it, each from its line on."""
    header = read_header(path)
    wrong = _wrong_header(table, header)
    if wrong:
        yield f"line 1: {'; '.join(wrong)}"
        return
    columns = ", ".join(f"{column.name} text" for column in table.columns)
    connection.execute(
        text(
            f"CREATE TEMPORARY TABLE {_staging(table)} "
            f"(record_number bigint GENERATED ALWAYS AS IDENTITY, {columns}) ON COMMIT DROP"
        )
    )
    try:
        with connection.begin_nested():  # so that the other files can still be judged
            _copy(connection, table, path, header, advance)
    except psycopg.DataError as error:
        yield from _unreadable(path, header, error)
        return
    yield from _described(path, find_problems(connection, table, _staging(table)))


def _wrong_header(table: Table, header: list[str]) -> list[str]:
    known = [column.name for column in table.columns]
    if not header:
        return [f"the file is empty; its first line must name the columns {', '.join(known)}"]
    return [
        *(f"column {name} is missing" for name in known if name not in header),
        *(f"column {name!r} is not one of {table.fullname}'s" for name in header if name not in known),
        *(f"column {name} stands twice" for name in known if header.count(name) > 1),
    ]


def _staging(table: Table) -> str:
    """The temporary table that holds a file as text, its rows numbered in `record_number` from 1."""
    return f"load_{table.name}"


def _copy(connection: Connection, table: Table, path: Path, header: list[str], advance: _Advance) -> None:
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT csv, HEADER true, FORCE_NULL ({}), ENCODING 'UTF8')").format(
        sql.Identifier(_staging(table)),
        sql.SQL(", ").join(map(sql.Identifier, header)),
        sql.SQL(", ").join(map(sql.Identifier, header)),
    )
    with driver_connection(connection).cursor() as cursor, cursor.copy(statement) as copy, path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            copy.write(chunk)
            advance(len(chunk), path)


def _unreadable(path: Path, header: list[str], error: psycopg.DataError) -> Iterator[str]:
    """Why COPY refused the file: by our own reading, or else in the server's words."""
    found = False
    for fault in faults(path, header):
        found = True
        yield f"line {fault.line}{f', column {fault.column}' if fault.column else ''}: {fault.message}"
    if not found:
        yield f"{error.diag.context or ''}: {error.diag.message_primary}"


def _described(path: Path, problems: list[Problem]) -> Iterator[str]:
    """Say each problem with its physical line, which differs from the record's number where a field holds newlines."""
    lines = lines_of(path, {record for problem in problems for record in problem.records})
    for problem in problems:
        first, *others = (lines[record] for record in problem.records)
        also = "".join(f" and line {line}" for line in others)
        similar = f" (and {problem.similar} more like it)" if problem.similar else ""
        yield f"line {first}{also}, {problem.place}: {problem.message}{similar}"


def _insert(connection: Connection, table: Table, path: Path, advance: _Advance) -> int:
    columns = ", ".join(column.name for column in table.columns)
    casts = ", ".join(f"{column.name}::{column.type.compile(connection.dialect)}" for column in table.columns)
    result = connection.execute(text(f"INSERT INTO {table.fullname} ({columns}) SELECT {casts} FROM {_staging(table)}"))
    advance(path.stat().st_size, path)
    return result.rowcount
