"""What every command of the service shares: how it is configured, which store it is for, and where errors end."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import click

from enrich_pipeline.enrich_api.config import ApiConfig
from enrich_pipeline.enrich_api.errors import ApiError
from enrich_pipeline.enrich_api.stores import DEFAULT_STORE

ConfigFactory = Callable[[], ApiConfig]


def store_option() -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The option `--store`."""
    return click.option("--store", "store_name", default=DEFAULT_STORE, show_default=True, help="Name of the store.")


@contextmanager
def reported() -> Generator[None]:
    """Show our own errors as one line and their exit code."""
    try:
        yield
    except ApiError as error:
        click.echo(f"Error: {error}", err=True)
        raise click.exceptions.Exit(error.exit_code) from None
