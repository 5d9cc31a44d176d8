"""Lands a day's orders from another database in the raw tables: the day as the source has it, or nothing."""

from __future__ import annotations

import pandas as pd
from psycopg import sql
from sqlalchemy import Connection, Engine, Table, text

from enrich_pipeline.domain.days import StoreDay
from enrich_pipeline.domain.errors import DayError
from enrich_pipeline.warehouse import raw_tables
from enrich_pipeline.warehouse.driver import driver_connection, quoting_no_row
from enrich_pipeline.warehouse.load_rules import find_problems
from enrich_pipeline.warehouse.raw_schema import create_raw_schema
from enrich_pipeline.warehouse.source_database import SourceDatabase, connected_source
from enrich_pipeline.warehouse.source_totals import SourceTotal

_PROBLEMS_SHOWN = 5


def land_day(engine: Engine, source: Engine, day: StoreDay) -> tuple[SourceTotal, ...]:
    """Replace what the warehouse's raw tables hold of the day by what the source has; return the source's own totals.

    In one transaction of each database, with memory for a chunk of rows. May be repeated. Costs, fee rules and rates
    are replaced as a whole where the source has their tables.

    Raises:
        DayError: when the source cannot be reached (`WarehouseLostError` when it may be later), lacks tables or
            columns, or a row cannot be read as what it should be, a time without an offset among them; the warehouse is
            as it was.
        ForeignRawSchemaError: when the warehouse's schema `raw` is not ours to write.
    """
    with connected_source(source) as connection, engine.begin() as warehouse:
        create_raw_schema(warehouse)
        warehouse.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('enrich_pipeline: landing', 0))"))
        here = SourceDatabase(connection)
        problems: list[str] = []
        for table in here.tables:
            _create_staging(warehouse, table)
            for chunk in here.chunks(table, day):
                _copy(warehouse, table, chunk)
            problems += [
                f"{table.name}.{found.place}: {found.message}"
                for found in find_problems(warehouse, table, _staging(table))
            ]
        if problems:
            more = len(problems) - _PROBLEMS_SHOWN
            shown = "; ".join(problems[:_PROBLEMS_SHOWN]) + (f"; and {more} more" if more > 0 else "")
            raise DayError(f"{day.key}: the source's rows cannot be landed: {shown}. Nothing was landed.")
        _delete_day(warehouse, here.tables, day)
        for table in here.tables:
            _insert(warehouse, table)
        return here.totals(day)


def _staging(table: Table) -> str:
    return f"land_{table.name}"


def _create_staging(connection: Connection, table: Table) -> None:
    columns = ", ".join(f"{column.name} text" for column in table.columns)
    connection.execute(text(f"DROP TABLE IF EXISTS {_staging(table)}"))
    connection.execute(
        text(
            f"CREATE TEMPORARY TABLE {_staging(table)} "
            f"(record_number bigint GENERATED ALWAYS AS IDENTITY, {columns}) ON COMMIT DROP"
        )
    )


def _copy(connection: Connection, table: Table, chunk: pd.DataFrame) -> None:
    names = [column.name for column in table.columns]
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(_staging(table)), sql.SQL(", ").join(map(sql.Identifier, names))
    )
    with (
        quoting_no_row("landing the source's rows"),
        driver_connection(connection).cursor() as cursor,
        cursor.copy(statement) as copy,
    ):
        for row in chunk.itertuples(index=False, name=None):
            copy.write_row([None if pd.isna(value) else str(value) for value in row])


def _delete_day(connection: Connection, tables: tuple[Table, ...], day: StoreDay) -> None:
    """Remove the day's orders, and every copy of an order that comes, with what belongs to them."""
    connection.execute(
        text("""
            CREATE TEMPORARY TABLE land_ids ON COMMIT DROP AS
            SELECT order_id FROM raw.orders WHERE ordered_at >= :start AND ordered_at < :end AND order_id IS NOT NULL
            UNION SELECT order_id FROM land_orders WHERE order_id IS NOT NULL
        """),
        {"start": day.start, "end": day.end},
    )
    names = {table.name for table in tables}
    of_ids = "order_id IN (SELECT order_id FROM land_ids)"
    if {"refunds", "refund_lines"} <= names:
        connection.execute(
            text(f"DELETE FROM raw.refund_lines WHERE refund_id IN (SELECT refund_id FROM raw.refunds WHERE {of_ids})")
        )
    for table in (raw_tables.order_lines, raw_tables.refunds, raw_tables.order_transactions):
        if table.name in names:
            connection.execute(text(f"DELETE FROM {table.fullname} WHERE {of_ids}"))
    connection.execute(
        text(f"DELETE FROM raw.orders WHERE {of_ids} OR (ordered_at >= :start AND ordered_at < :end)"),
        {"start": day.start, "end": day.end},
    )
    for table in (raw_tables.unit_costs, raw_tables.fee_rules, raw_tables.fx_rates):
        if table.name in names:
            connection.execute(text(f"DELETE FROM {table.fullname}"))


def _insert(connection: Connection, table: Table) -> None:
    columns = ", ".join(column.name for column in table.columns)
    casts = ", ".join(f"{column.name}::{column.type.compile(connection.dialect)}" for column in table.columns)
    connection.execute(text(f"INSERT INTO {table.fullname} ({columns}) SELECT {casts} FROM {_staging(table)}"))
