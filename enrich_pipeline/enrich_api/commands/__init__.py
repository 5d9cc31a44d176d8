"""`enrich api`: the service's own command group, for any click command line to plug in."""

from __future__ import annotations

import click

from enrich_pipeline.enrich_api.commands.boundary import ConfigFactory
from enrich_pipeline.enrich_api.commands.keys import key_command
from enrich_pipeline.enrich_api.commands.orders import ChannelOrders, import_command, refresh_command
from enrich_pipeline.enrich_api.commands.serve import dashboard_command, faults_command, serve_command
from enrich_pipeline.enrich_api.commands.stores import store_group


def build_api_group(configure: ConfigFactory, channel_orders: ChannelOrders | None = None) -> click.Group:
    """Build the group.

    Args:
        configure: makes the configuration; called when a command runs, not before.
        channel_orders: opens the orders that `import` loads when it is given no file; without it, it needs one.
    """
    group = click.Group("api", help="Run the Enrich Order API as a local service.")
    group.add_command(serve_command(configure))
    group.add_command(faults_command())
    group.add_command(dashboard_command(configure))
    group.add_command(key_command(configure))
    group.add_command(store_group(configure))
    group.add_command(refresh_command(configure))
    group.add_command(import_command(configure, channel_orders))
    return group


__all__ = ["ChannelOrders", "ConfigFactory", "build_api_group"]
