"""`enrich api import` and `refresh`: what the vendor's own machinery does with orders."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Any

import click

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


def import_command(configure: ConfigFactory, channel_orders: ChannelOrders) -> click.Command:
    """Build `import`."""

    @click.command("import")
    @store_option()
    def command(store_name: str) -> None:
        """Import the sales channel's orders: only these can be enriched."""
        with reported(), channel_orders() as rows, connect(configure()) as connection:
            result = import_channel_orders(connection, rows, store_id=find_store(connection, store_name).store_id)
        click.echo(
            f"Imported {result.orders} orders from {result.rows} rows: {result.added} new, {result.changed} changed."
        )

    return command
