"""COPY and streaming cursors go past SQLAlchemy: the psycopg connection beneath one of its own, same transaction."""

from __future__ import annotations

import re
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, cast

import psycopg
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from enrich_pipeline.domain.errors import DayError, WarehouseLostError


def driver_connection(connection: Connection) -> psycopg.Connection[tuple[Any, ...]]:
    """The psycopg connection that `connection` speaks through; commit and roll back through `connection` alone.

    Raises:
        TypeError: when the engine was not made by `warehouse_engine` and speaks through another driver.
    """
    driver: object = connection.connection.driver_connection
    if not isinstance(driver, psycopg.Connection):
        raise TypeError(f"a psycopg connection is needed, not {type(driver).__name__}")
    return cast("psycopg.Connection[tuple[Any, ...]]", driver)


@contextmanager
def quoting_no_row(doing: str) -> Generator[None]:
    """Say what a COPY failed at without the driver's own words, which quote the row.

    Raises:
        DayError: in place of each error of the driver; `WarehouseLostError` when the connection was lost.
    """
    try:
        yield
    except psycopg.Error as error:
        raise _named(error, f" while {doing}") from None


def without_rows(error: Exception) -> Exception:
    """The error itself, or in place of a database's, whose words may quote a row, one that names its kind alone."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    return _named(cause) if isinstance(cause, psycopg.Error) else error


def _named(error: psycopg.Error, doing: str = "") -> DayError:
    kind = f"{type(error).__name__}, {error.sqlstate}" if error.sqlstate else type(error).__name__
    return (WarehouseLostError if _is_lost(error) else DayError)(
        f"The warehouse failed{doing} ({kind}). What was done stands in the warehouse; once that is mended, run the "
        "day again."
    )


# Class 08 is the connection; 57P01 to 57P03 say that the server shuts down, crashed, or is not up yet.
_LOST = re.compile(r"08|57P0[123]")

# The drivers give no SQLSTATE of it.
_REFUSED = re.compile(r"FATAL:  (?!the database system is |sorry, too many clients)")


def is_refusal(words: str) -> bool:
    """Whether a server answered and would not open a connection (a password, no such database), as it would again."""
    return _REFUSED.search(words) is not None


def _is_lost(error: psycopg.Error) -> bool:
    if error.sqlstate is not None:
        return _LOST.match(error.sqlstate) is not None
    return isinstance(error, psycopg.OperationalError) and not is_refusal(str(error))
