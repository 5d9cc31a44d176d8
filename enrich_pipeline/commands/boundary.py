"""Where errors end on the command line: one line that says what happened and what to do, and the exit code."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager

import click
from rich.console import Console
from sqlalchemy.exc import OperationalError

from enrich_pipeline.domain.errors import EnrichError

DATA_IS_WRONG = 1
WRONG_USE = 2

# Where nobody's terminal sets a width (a pipe, CI), a table must not be squeezed into 80 columns.
_PIPED_WIDTH = 140

out = Console(width=None if sys.stdout.isatty() else _PIPED_WIDTH, highlight=False)
err = Console(stderr=True, highlight=False)


class _ShownError(click.ClickException):
    """A message for the terminal, with an exit code of its own."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        vars(self)["exit_code"] = exit_code  # click declares it a class constant, and reads it from the instance


@contextmanager
def reported() -> Generator[None]:
    """Turn our own errors, and a database that cannot be reached, into a message and an exit code."""
    try:
        yield
    except EnrichError as error:
        raise _shown(str(error), error.exit_code) from None
    except OperationalError as error:
        # The driver's own words name host and database, never the password.
        raise _shown(f"The database cannot be reached: {error.orig}", WRONG_USE) from None


def _shown(message: str, exit_code: int) -> click.ClickException:
    return _ShownError(message, exit_code)
