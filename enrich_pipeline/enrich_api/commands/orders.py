"""`enrich api import` and `refresh`: what the vendor's own machinery does with orders."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import click

from enrich_pipeline.enrich_api.channel_files import open_channel_file
from enrich_pipeline.enrich_api.channel_orders import ChannelOrder, import_channel_orders
from enrich_pipeline.enrich_api.commands.boundary import ConfigFactory, reported, store_option
from enrich_pipeline.enrich_api.database import connect
from enrich_pipeline.enrich_api.refresh import refresh
from enrich_pipeline.enrich_api.stores import find_store

ChannelOrders = Callable[[], AbstractContextManager[Iterable[ChannelOrder | tuple[Any, ...]]]]


def refresh_command(configure: ConfigFactory) -> click.Command:
    """Build `refresh`."""

    @click.command("refresh")
    @store_option()
    def command(store_name: str) -> None:
        """Run the data refresh now: show and apply what was posted before it."""
        with reported():
            config = configure()
            with connect(config) as connection:
                result = refresh(connection, config, store=store_name)
        click.echo(f"Refreshed: {result.applied} applied, {result.outside_window} outside the window.")

    return command


def import_command(configure: ConfigFactory, channel_orders: ChannelOrders | None) -> click.Command:
    """Build `import`."""

    @click.command("import")
    @click.argument("file", required=channel_orders is None, type=click.Path(path_type=Path))
    @store_option()
    def command(file: Path | None, store_name: str) -> None:
        """Import the sales channel's orders: only these can be enriched.

        From FILE, a .csv with a header or .ndjson: order_id, and where they are known ordered_at, currency,
        sales_amount and profit_amount. Without FILE from the warehouse's raw tables. All or nothing; orders that are
        known already are updated, and what was posted for them stays.

        \b
        Examples:
          enrich api import
          enrich api import orders.csv --store berlin
        """
        with reported(), _source(file, channel_orders) as rows, connect(configure()) as connection:
            result = import_channel_orders(connection, rows, store_id=find_store(connection, store_name).store_id)
        click.echo(
            f"Imported {result.orders} orders from {result.rows} rows: {result.added} new, {result.changed} changed."
        )

    return command


def _source(
    file: Path | None, channel_orders: ChannelOrders | None
) -> AbstractContextManager[Iterable[ChannelOrder | tuple[Any, ...]]]:
    if file is None and channel_orders is not None:
        return channel_orders()
    return open_channel_file(file or Path())
