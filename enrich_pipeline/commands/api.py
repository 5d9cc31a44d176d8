"""`enrich api`: the service's own commands, told which database, store and clock are the checkout's."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any

import click

from enrich_pipeline.commands.boundary import reported
from enrich_pipeline.commands.data import open_warehouse
from enrich_pipeline.enrich_api.commands import build_api_group
from enrich_pipeline.enrich_api.config import ApiConfig, utc_now
from enrich_pipeline.enrich_api.profiles import PROFILES
from enrich_pipeline.settings import Settings, load_settings
from enrich_pipeline.warehouse.channel_orders import channel_orders
from enrich_pipeline.warehouse.embedded import database_url, libpq_url

# Beside the embedded databases, and not in one.
_VAULT_FILE = "enrich_api.key-secret"


def api_group() -> click.Group:
    """The group, configured by the settings when one of its commands runs."""
    return build_api_group(_configure, _channel_orders)


def api_config(settings: Settings) -> ApiConfig:
    """The service's configuration for the store of the settings, on a database of its own."""
    fixed, password = settings.enrich_now, settings.enrich_api_password
    url = database_url(settings.enrich_api_database_url, "enrich_api", data_dir=settings.enrich_data_dir)
    return ApiConfig(
        database_url=libpq_url(url),
        profile=PROFILES[settings.contract_profile],
        store_timezone=settings.store_timezone,
        store_currency=settings.store_currency,
        now=utc_now if fixed is None else lambda: fixed,
        dashboard_password=password.get_secret_value() if password else None,
        key_secret_file=None if settings.enrich_api_hash_only else settings.enrich_data_dir / _VAULT_FILE,
    )


@contextmanager
def open_channel_orders(settings: Settings) -> Generator[Iterator[tuple[Any, ...]]]:
    """The orders as the sales channels know them, streamed from the warehouse's raw tables."""
    with open_warehouse(settings).connect() as connection:
        yield channel_orders(connection)


def _configure() -> ApiConfig:
    with reported():
        return api_config(load_settings())


@contextmanager
def _channel_orders() -> Generator[Iterator[tuple[Any, ...]]]:
    with reported(), open_channel_orders(load_settings()) as orders:
        yield orders
