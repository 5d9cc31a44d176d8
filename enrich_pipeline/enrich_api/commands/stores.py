"""`enrich api store`: the stores of this service."""

from __future__ import annotations

import click

from enrich_pipeline.enrich_api.commands.boundary import ConfigFactory, reported
from enrich_pipeline.enrich_api.database import connect
from enrich_pipeline.enrich_api.stores import add_store, all_stores


def store_group(configure: ConfigFactory) -> click.Group:
    """Build `store`."""
    group = click.Group("store", help="Add and list stores; each has a zone, a currency, a key and orders of its own.")
    group.add_command(_add_command(configure))
    group.add_command(_list_command(configure))
    return group


def _add_command(configure: ConfigFactory) -> click.Command:
    @click.command("add")
    @click.argument("name")
    @click.option("--timezone", required=True, help="IANA zone of its wall clock, like America/New_York.")
    @click.option("--currency", required=True, help="ISO 4217 code of orders that name none, like USD.")
    def command(name: str, timezone: str, currency: str) -> None:
        """Add a store.

        \b
        Example:
          enrich api store add berlin --timezone Europe/Berlin --currency EUR
          enrich api key --store berlin
        """
        with reported(), connect(configure()) as connection:
            add_store(connection, name, timezone=timezone, currency=currency)
        click.echo(f"Added store {name}. `enrich api key --store {name}` makes its key.")

    return command


def _list_command(configure: ConfigFactory) -> click.Command:
    @click.command("list")
    def command() -> None:
        """List the stores: name, zone, currency."""
        with reported(), connect(configure()) as connection:
            for store in all_stores(connection):
                click.echo(f"{store.name}\t{store.timezone}\t{store.currency}")

    return command
