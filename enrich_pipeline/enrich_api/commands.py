"""`enrich api`: the service's commands, as a group for any command line that knows the configuration and the orders."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from functools import partial
from typing import Any, cast, get_args

import click

from enrich_pipeline.enrich_api.channel_orders import ChannelOrder, import_channel_orders
from enrich_pipeline.enrich_api.config import ApiConfig
from enrich_pipeline.enrich_api.dashboard.sessions import offer_sign_in
from enrich_pipeline.enrich_api.database import connect
from enrich_pipeline.enrich_api.errors import ApiError
from enrich_pipeline.enrich_api.faults import parse_fault
from enrich_pipeline.enrich_api.faults.specs import DESCRIPTIONS
from enrich_pipeline.enrich_api.keys import replace_key
from enrich_pipeline.enrich_api.profiles import PROFILES, ProfileName
from enrich_pipeline.enrich_api.refresh import refresh
from enrich_pipeline.enrich_api.server import serve

DEFAULT_PORT = 8321

ConfigFactory = Callable[[], ApiConfig]
ChannelOrders = Callable[[], AbstractContextManager[Iterable[ChannelOrder | tuple[Any, ...]]]]


def build_api_group(configure: ConfigFactory, channel_orders: ChannelOrders | None = None) -> click.Group:
    """Build the group.

    Args:
        configure: makes the configuration; called when a command runs, not before.
        channel_orders: opens the stream of orders that `import` loads; without it there is no `import`.
    """
    group = click.Group("api", help="Run the Enrich Order API as a local service.")
    group.add_command(_serve_command(configure))
    group.add_command(_faults_command())
    group.add_command(_dashboard_command(configure))
    group.add_command(_key_command(configure))
    group.add_command(_refresh_command(configure))
    if channel_orders is not None:
        group.add_command(_import_command(configure, channel_orders))
    return group


def _serve_command(configure: ConfigFactory) -> click.Command:
    @click.command("serve")
    @click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
    @click.option(
        "--port", default=DEFAULT_PORT, show_default=True, type=click.IntRange(0, 65535), help="0: a free one."
    )
    @click.option(
        "--profile", type=click.Choice(get_args(ProfileName)), help="Contract profile; CONTRACT_PROFILE if unset."
    )
    @click.option("--allow-outside-window", is_flag=True, help="Apply orders of any age at the data refresh.")
    @click.option(
        "--fault", "faults", multiple=True, metavar="SPEC", help="A fault on demand; see `faults`. Repeatable."
    )
    @click.option("--fault-control", is_flag=True, help="Let the key's holder change faults by /admin/faults.")
    def serve_command(
        host: str,
        port: int,
        profile: str | None,
        faults: tuple[str, ...],
        *,
        allow_outside_window: bool,
        fault_control: bool,
    ) -> None:
        """Serve the API until stopped."""
        with _reported():
            config = configure()
            if profile is not None:
                config = replace(config, profile=PROFILES[cast("ProfileName", profile)])
            if allow_outside_window:
                config = replace(config, allow_outside_window=True)
            config = replace(config, faults=tuple(map(parse_fault, faults)), fault_control=fault_control)
            serve(config, host=host, port=port, announce=partial(_announce, config))

    return serve_command


def _announce(config: ApiConfig, base_url: str, dashboard_url: str) -> None:
    click.echo(f"Enrich Order API listening on {base_url} (profile {config.profile.name}). Ctrl-C stops it.")
    click.echo(f"Dashboard, for one browser, once: {dashboard_url}")


def _dashboard_command(configure: ConfigFactory) -> click.Command:
    @click.command("dashboard")
    @click.option(
        "--url", default=f"http://127.0.0.1:{DEFAULT_PORT}", show_default=True, help="Where the service runs."
    )
    def dashboard_command(url: str) -> None:
        """Print an address that signs one browser in to the dashboard, once."""
        with _reported(), connect(configure()) as connection:
            address = offer_sign_in(connection, url.rstrip("/"))
        click.echo(address)

    return dashboard_command


def _faults_command() -> click.Command:
    @click.command("faults")
    def faults_command() -> None:
        """List the faults that `serve --fault` takes, and how to limit them."""
        click.echo("KIND[:VALUE][,rate=R][,count=N][,after=N][,method=GET|POST][,seed=N][,order=ID]\n")
        for kind, description in DESCRIPTIONS.items():
            click.echo(f"  {kind:20} {description}")

    return faults_command


def _key_command(configure: ConfigFactory) -> click.Command:
    @click.command("key")
    def key_command() -> None:
        """Generate the key anew and print it. The one before stops working."""
        with _reported(), connect(configure()) as connection:
            secret = replace_key(connection)
        click.echo(secret)

    return key_command


def _refresh_command(configure: ConfigFactory) -> click.Command:
    @click.command("refresh")
    def refresh_command() -> None:
        """Run the data refresh now: show and apply what was posted before it."""
        with _reported():
            config = configure()
            with connect(config) as connection:
                result = refresh(connection, config)
        click.echo(f"Refreshed: {result.applied} applied, {result.outside_window} outside the window.")

    return refresh_command


def _import_command(configure: ConfigFactory, channel_orders: ChannelOrders) -> click.Command:
    @click.command("import")
    def import_command() -> None:
        """Import the sales channel's orders: only these can be enriched."""
        with _reported(), channel_orders() as rows, connect(configure()) as connection:
            result = import_channel_orders(connection, rows)
        click.echo(
            f"Imported {result.orders} orders from {result.rows} rows: {result.added} new, {result.changed} changed."
        )

    return import_command


@contextmanager
def _reported() -> Generator[None]:
    """Show our own errors as one line and their exit code."""
    try:
        yield
    except ApiError as error:
        click.echo(f"Error: {error}", err=True)
        raise click.exceptions.Exit(error.exit_code) from None
