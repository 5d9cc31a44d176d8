"""Loads a folder of CSV files into the raw tables: all of it, or nothing and a list of what is wrong where.

Files are copied as text first, judged in SQL column by column, and only then cast into the raw tables, in one
transaction. A file is read again in Python only to find the line of a bad row.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy import Connection, Engine, Table, text

from enrich_pipeline.domain.errors import LoadError
from enrich_pipeline.domain.store import Store
from enrich_pipeline.warehouse.driver import driver_connection
from enrich_pipeline.warehouse.load_rules import Problem, find_problems
from enrich_pipeline.warehouse.progress import OnProgress
from enrich_pipeline.warehouse.raw_schema import create_raw_schema, replaced_raw_content
from enrich_pipeline.warehouse.raw_tables import RAW_TABLES

_CHUNK_BYTES = 1 << 20
_SHOWN_PROBLEMS = 20


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
    total = sum(path.stat().st_size for path in files.values())
    done = 0
    problems: list[str] = []
    with engine.begin() as connection:
        create_raw_schema(connection)
        for table, path in files.items():
            _copy_as_text(connection, table, path)
            problems.extend(_described(path, find_problems(connection, table, staging_name(table))))
            done += path.stat().st_size
            if on_progress:
                on_progress(done, total, path.name)
        if problems:
            more = f"\n... and {len(problems) - _SHOWN_PROBLEMS} more" if len(problems) > _SHOWN_PROBLEMS else ""
            raise LoadError("Nothing was loaded:\n" + "\n".join(problems[:_SHOWN_PROBLEMS]) + more)
        with replaced_raw_content(connection):
            return {table.name: _insert(connection, table) for table in RAW_TABLES}


def read_store_file(folder: Path) -> Store | None:
    """The zone and currency that `folder/STORE` names as `STORE_TIMEZONE=` and `STORE_CURRENCY=`; None without one.

    Raises:
        LoadError: when one of the two lines is missing.
    """
    path = folder / "STORE"
    if not path.is_file():
        return None
    lines = (line.partition("=") for line in path.read_text(encoding="utf-8").splitlines() if "=" in line)
    values = {name.strip(): value.strip() for name, _, value in lines}
    try:
        return Store(timezone=values["STORE_TIMEZONE"], currency=values["STORE_CURRENCY"])
    except KeyError as error:
        raise LoadError(f"{path}: the line {error.args[0]}=... is missing.") from None


def staging_name(table: Table) -> str:
    """The temporary table that holds a file as text, its rows numbered in `record_number` from 1."""
    return f"load_{table.name}"


def _copy_as_text(connection: Connection, table: Table, path: Path) -> None:
    header = _header(table, path)
    columns = ", ".join(f"{column.name} text" for column in table.columns)
    connection.execute(
        text(
            f"CREATE TEMPORARY TABLE {staging_name(table)} "
            f"(record_number bigint GENERATED ALWAYS AS IDENTITY, {columns}) ON COMMIT DROP"
        )
    )
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT csv, HEADER true, ENCODING 'UTF8')").format(
        sql.Identifier(staging_name(table)), sql.SQL(", ").join(map(sql.Identifier, header))
    )
    try:
        with driver_connection(connection).cursor() as cursor, cursor.copy(statement) as copy, path.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                copy.write(chunk)
    except psycopg.DataError as error:
        raise LoadError(f"Nothing was loaded:\n{path.name}, {_place(error)}: {error.diag.message_primary}") from None


def _place(error: psycopg.DataError) -> str:
    """`line N` from the server's own words: "COPY load_orders, line 5, column ..."."""
    context = error.diag.context or ""
    return next((part.strip().partition(":")[0] for part in context.split(",") if "line " in part), "somewhere")


def _header(table: Table, path: Path) -> list[str]:
    known = [column.name for column in table.columns]
    with path.open(newline="", encoding="utf-8", errors="replace") as file:
        header = next(csv.reader(file), list[str]())
    missing = [name for name in known if name not in header]
    unknown = [name for name in header if name not in known]
    wrong = [f"column {name} is missing" for name in missing]
    wrong += [f"column {name!r} is not one of {table.fullname}'s" for name in unknown]
    wrong += [f"column {name} stands twice" for name in known if header.count(name) > 1]
    if wrong:
        raise LoadError(f"Nothing was loaded:\n{path.name}, line 1: {'; '.join(wrong)}.")
    return header


def _described(path: Path, problems: list[Problem]) -> Iterator[str]:
    """Say each problem with its physical line, which differs from the row's number where a field holds newlines."""
    wanted = {number for problem in problems for number in problem.record_numbers}
    lines: dict[int, int] = {}
    if wanted:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.reader(file)
            begins = 1
            for number, _ in enumerate(reader):
                if number in wanted:
                    lines[number] = begins
                begins = reader.line_num + 1
    for problem in problems:
        first, *others = (lines[number] for number in problem.record_numbers)
        also = f" (and line {', '.join(map(str, others))})" if others else ""
        yield f"{path.name}, line {first}{also}, {problem.place}: {problem.message}"


def _insert(connection: Connection, table: Table) -> int:
    columns = [column.name for column in table.columns]
    casts = ", ".join(f"{column.name}::{column.type.compile(connection.dialect)}" for column in table.columns)
    result = connection.execute(
        text(
            f"INSERT INTO {table.fullname} ({', '.join(columns)}) "
            f"SELECT {casts} FROM {staging_name(table)} ORDER BY record_number"
        )
    )
    return result.rowcount
