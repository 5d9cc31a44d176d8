"""Orders that live in another database: reads a day's rows there, and what they must add up to.

Every value travels as text, as the source itself writes it, so that no float comes between: an amount is exactly what
the source holds. (SQLite keeps a column declared numeric as a float, and writes its first 15 digits; declared text, it
is exact.) The source's tables bear the names and columns of schema `raw`; what it lacks stays as the warehouse has it.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from decimal import Context, Decimal, Inexact, InvalidOperation

import pandas as pd
import sqlalchemy as sa
from pydantic import SecretStr
from sqlalchemy.exc import DBAPIError, NoSuchModuleError
from sqlalchemy.types import TypeEngine

from enrich_pipeline.domain.days import StoreDay
from enrich_pipeline.domain.errors import DayError, SettingsError, WarehouseLostError
from enrich_pipeline.warehouse import raw_tables
from enrich_pipeline.warehouse.driver import without_rows
from enrich_pipeline.warehouse.engine import read_url
from enrich_pipeline.warehouse.source_totals import SourceTotal

_CHUNK_ROWS = 10_000
_EXACT = Context(prec=10_000, traps=[Inexact, InvalidOperation])
_OPEN_WORDS = ("postgresql", "sqlite")
_SUPPORTED = ("postgresql", "postgres", "mysql", "mariadb", "sqlite")

_NEEDED = (raw_tables.orders, raw_tables.order_lines)
_OF_ORDERS = (raw_tables.orders, raw_tables.order_lines, raw_tables.refunds, raw_tables.order_transactions)
_WHOLE = (raw_tables.unit_costs, raw_tables.fee_rules, raw_tables.fx_rates)


def source_engine(url: SecretStr) -> sa.Engine:
    """Create an engine for `SOURCE_URL`. It connects when first used; dispose of it when done.

    Raises:
        SettingsError: when the URL is none, of another kind, or its driver is not installed. It is not repeated.
    """
    try:
        parsed = read_url(url.get_secret_value())
    except ValueError:
        raise SettingsError("SOURCE_URL is no database URL; see the README.") from None
    kind = parsed.get_backend_name()
    if kind not in _SUPPORTED:
        raise SettingsError(f"SOURCE_URL is a {kind} URL; PostgreSQL, MySQL and SQLite are supported.")
    if kind in {"postgresql", "postgres"}:
        parsed = parsed.set(drivername="postgresql+psycopg")
    try:
        return sa.create_engine(parsed, hide_parameters=True, pool_pre_ping=True)
    except (NoSuchModuleError, ModuleNotFoundError) as error:
        raise SettingsError(f"SOURCE_URL needs a driver that is not installed: {error}.") from None


@contextmanager
def connected_source(source: sa.Engine) -> Generator[sa.Connection]:
    """A connection to the source.

    Raises:
        DayError: when there is none; `WarehouseLostError` when there may be one later.
    """
    try:
        connection = source.connect()
    except DBAPIError as error:
        lost = isinstance(without_rows(error), WarehouseLostError)
        # These drivers' words name a host or a file, and no password.
        words = " ".join(str(error.orig).split()) if source.dialect.name in _OPEN_WORDS else type(error.orig).__name__
        raise (WarehouseLostError if lost else DayError)(
            f"The source (SOURCE_URL) cannot be reached: {words}. Nothing was landed."
        ) from None
    with connection:
        yield connection


class SourceDatabase:
    """One look at the source: a connection, and which of the raw tables it has."""

    def __init__(self, connection: sa.Connection) -> None:
        """Look which tables there are.

        Raises:
            DayError: when orders or lines, or one of a table's columns, are missing.
        """
        self._connection = connection
        self._dialect = connection.dialect.name
        inspector = sa.inspect(connection)
        present = set(inspector.get_table_names()) | set(inspector.get_view_names())
        for table in _NEEDED:
            if table.name not in present:
                raise DayError(f"The source has no table or view {table.name}. Nothing was landed.")
        self.tables = tuple(table for table in raw_tables.RAW_TABLES if table.name in present)
        for table in self.tables:
            columns = {column["name"] for column in inspector.get_columns(table.name)}
            missing = [column.name for column in table.columns if column.name not in columns]
            if missing:
                raise DayError(f"The source's {table.name} lacks {', '.join(missing)}. Nothing was landed.")

    def chunks(self, table: sa.Table, day: StoreDay) -> Iterator[pd.DataFrame]:
        """The day's rows of a table, as text, a few thousand at a time. Costs, rules and rates come whole.

        A copy of one of the day's orders that stands on another day comes too: it makes the order a repeated one.
        """
        rows = self._table(table)
        statement = sa.select(*(self._as_text(column, rows).label(column.name) for column in table.columns))
        statement = statement.select_from(rows)
        if table not in _WHOLE:
            statement = statement.where(self._of_day(table, rows, day))
        streaming = self._connection.execution_options(stream_results=True)
        yield from pd.read_sql_query(
            statement, streaming, chunksize=_CHUNK_ROWS, coerce_float=False, dtype=object, parse_dates=None
        )

    def totals(self, day: StoreDay) -> tuple[SourceTotal, ...]:
        """Orders and unrounded sums of the day by currency, from the source's own rows, summed exactly."""
        orders, lines = self._table(raw_tables.orders), self._table(raw_tables.order_lines)
        currency = sa.func.coalesce(orders.c.currency, "")
        in_day = self._in_day(orders.c.ordered_at, day)
        counted = sa.select(currency, sa.func.count()).where(in_day).group_by(currency)
        counts: dict[str, int] = {row[0]: row[1] for row in self._connection.execute(counted)}
        parts = sa.select(currency, self._text(lines.c.quantity), self._text(lines.c.unit_price)).select_from(
            orders.join(lines, orders.c.order_id == lines.c.order_id)
        )
        sums = dict.fromkeys(counts, Decimal(0))
        incomplete = dict.fromkeys(counts, 0)
        for of_currency, quantity, price in self._connection.execute(parts.where(in_day)):
            amounts = [_number(quantity), _number(price)]
            if amounts[0] is None or amounts[1] is None:
                incomplete[of_currency] += 1
            else:
                sums[of_currency] = _EXACT.add(sums[of_currency], _EXACT.multiply(amounts[0], amounts[1]))
        return tuple(
            SourceTotal(currency=each, orders=counts[each], control_total=sums[each], incomplete_lines=incomplete[each])
            for each in sorted(counts)
        )

    def _table(self, table: sa.Table) -> sa.TableClause:
        columns: list[sa.ColumnClause[object]] = [sa.column(column.name) for column in table.columns]
        return sa.table(table.name, *columns)

    def _of_day(self, table: sa.Table, rows: sa.TableClause, day: StoreDay) -> sa.ColumnElement[bool]:
        orders = self._table(raw_tables.orders).alias("day_orders")
        ids = sa.select(orders.c.order_id).where(self._in_day(orders.c.ordered_at, day), orders.c.order_id.is_not(None))
        if table is raw_tables.orders:
            return sa.or_(rows.c.order_id.in_(ids), self._in_day(rows.c.ordered_at, day))
        if table in _OF_ORDERS:
            return rows.c.order_id.in_(ids)
        refunds = self._table(raw_tables.refunds).alias("day_refunds")
        return rows.c.refund_id.in_(sa.select(refunds.c.refund_id).where(refunds.c.order_id.in_(ids)))

    def _in_day(self, instant: sa.ColumnElement[object], day: StoreDay) -> sa.ColumnElement[bool]:
        """Whether an instant is of the day. A day begins on a whole second, so the fraction may be left out."""
        start, end = day.start, day.end
        if self._dialect == "sqlite":
            # SQLite keeps times as text, in any form that its functions read, and text does not sort by time.
            whole = sa.func.substr(instant, 1, 19)
            offset = sa.case((instant.like("%Z"), "Z"), else_=sa.func.substr(instant, -6))
            seconds = sa.cast(sa.func.strftime("%s", whole.concat(offset)), sa.Integer)
            return sa.and_(seconds >= int(start.timestamp()), seconds < int(end.timestamp()))
        if self._dialect in {"mysql", "mariadb"}:
            start, end = start.replace(tzinfo=None), end.replace(tzinfo=None)
        return sa.and_(instant >= start, instant < end)

    def _as_text(self, column: sa.Column[object], rows: sa.TableClause) -> sa.ColumnElement[str]:
        value = self._text(rows.c[column.name])
        if self._dialect in {"mysql", "mariadb"} and column.type.python_type.__name__ == "datetime":
            return value.concat("+00:00")  # it has no type for an instant: what it keeps is taken as UTC
        return value

    def _text(self, value: sa.ColumnElement[object]) -> sa.ColumnElement[str]:
        kind: TypeEngine[str] = sa.CHAR() if self._dialect in {"mysql", "mariadb"} else sa.Text()
        return sa.cast(value, kind)


def _number(written: str | None) -> Decimal | None:
    """The amount as it is written; None where there is none, or one that no sum can hold."""
    if written is None:
        return None
    try:
        number = Decimal(written)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None
