"""COPY and streaming cursors go past SQLAlchemy: the psycopg connection beneath one of its own, same transaction."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, cast

import psycopg
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from enrich_pipeline.domain.errors import DayError


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
        DayError: in place of each error of the driver.
    """
    try:
        yield
    except psycopg.Error as error:
        raise DayError(f"The warehouse failed while {doing} ({_named(error)}). {_AGAIN}") from None


def without_rows(error: Exception) -> Exception:
    """The error itself, or in place of a database's, whose words may quote a row, one that names its kind alone."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    return DayError(f"The warehouse failed ({_named(cause)}). {_AGAIN}") if isinstance(cause, psycopg.Error) else error


_AGAIN = "What was done stands in the warehouse; once that is mended, run the day again."


def _named(error: psycopg.Error) -> str:
    return f"{type(error).__name__}, {error.sqlstate}" if error.sqlstate else type(error).__name__
