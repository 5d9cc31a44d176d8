"""Where errors end on the command line: one line that says what happened and what to do, and the exit code."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager

import click
import psycopg
from rich.console import Console
from sqlalchemy.exc import DBAPIError

from enrich_pipeline.domain.errors import EnrichError

DATA_IS_WRONG = 1
WRONG_USE = 2

# Where nobody's terminal sets a width (a pipe, CI), a table must not be squeezed into 80 columns.
_PIPED_WIDTH = 140

# SQLSTATEs of a table, a schema or a column that is not there.
_NOTHING_THERE = {"42P01", "3F000", "42703"}

out = Console(width=None if sys.stdout.isatty() else _PIPED_WIDTH, highlight=False)
err = Console(stderr=True, highlight=False)


class _ShownError(click.ClickException):
    """A message for the terminal, with an exit code of its own."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        vars(self)["exit_code"] = exit_code  # click declares it a class constant, and reads it from the instance


@contextmanager
def reported() -> Generator[None]:
    """Turn our own errors, and what a database refuses or cannot be reached for, into a message and an exit code."""
    try:
        yield
    except EnrichError as error:
        raise _shown(str(error), error.exit_code) from None
    except (DBAPIError, psycopg.Error) as error:
        raise _shown(database_says(error), WRONG_USE) from None


def database_says(error: DBAPIError | psycopg.Error) -> str:
    """What is wrong with the database, without a row, a statement or a password."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    sqlstate = cause.sqlstate if isinstance(cause, psycopg.Error) else None
    if sqlstate in _NOTHING_THERE:
        return (
            "Nothing was run on this warehouse yet, or by an earlier version. "
            "Run `enrich run --from DAY --to DAY` first."
        )
    if sqlstate is None and isinstance(cause, psycopg.OperationalError):
        # The driver's own words name host and database, never the password.
        return f"The database cannot be reached: {cause}"
    if isinstance(cause, psycopg.errors.InsufficientPrivilege):
        # Such words name a table or a schema, and no row.
        return f"The database refused: {cause.diag.message_primary}. `enrich doctor` says what its user needs."
    # A server's words may quote the row that it complains of.
    return f"The database refused: {type(cause).__name__} (SQLSTATE {sqlstate or 'unknown'})."


def _shown(message: str, exit_code: int) -> click.ClickException:
    return _ShownError(message, exit_code)
