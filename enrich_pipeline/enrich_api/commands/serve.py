"""`enrich api serve`, `dashboard` and `faults`: running the service."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import cast, get_args

import click

from enrich_pipeline.enrich_api.commands.boundary import ConfigFactory, reported
from enrich_pipeline.enrich_api.config import ApiConfig
from enrich_pipeline.enrich_api.dashboard.sessions import offer_sign_in
from enrich_pipeline.enrich_api.database import connect
from enrich_pipeline.enrich_api.faults import parse_fault
from enrich_pipeline.enrich_api.faults.specs import DESCRIPTIONS
from enrich_pipeline.enrich_api.profiles import PROFILES, ProfileName, with_settings
from enrich_pipeline.enrich_api.server import serve

DEFAULT_PORT = 8321


def serve_command(configure: ConfigFactory) -> click.Command:
    """Build `serve`."""

    @click.command("serve")
    @click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
    @click.option(
        "--port", default=DEFAULT_PORT, show_default=True, type=click.IntRange(0, 65535), help="0: a free one."
    )
    @click.option(
        "--profile", type=click.Choice(get_args(ProfileName)), help="Contract profile; CONTRACT_PROFILE if unset."
    )
    @click.option(
        "--set", "changed", multiple=True, metavar="NAME=VALUE", help="A setting of the profile otherwise. Repeatable."
    )
    @click.option("--allow-outside-window", is_flag=True, help="Apply orders of any age at the data refresh.")
    @click.option(
        "--fault", "faults", multiple=True, metavar="SPEC", help="A fault on demand; see `faults`. Repeatable."
    )
    @click.option(
        "--allow-host", "hosts", multiple=True, metavar="NAME", help="A name that the service answers to. Repeatable."
    )
    @click.option("--fault-control", is_flag=True, help="Let the key's holder change faults by /admin/faults.")
    @click.option(
        "--request-timeout",
        default=30.0,
        show_default=True,
        type=click.FloatRange(min=0, min_open=True),
        metavar="SECONDS",
        help="For a request's head, and again for its body.",
    )
    @click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 64), help="Processes that serve.")
    def command(
        host: str,
        port: int,
        workers: int,
        request_timeout: float,
        profile: str | None,
        changed: tuple[str, ...],
        faults: tuple[str, ...],
        hosts: tuple[str, ...],
        *,
        allow_outside_window: bool,
        fault_control: bool,
    ) -> None:
        """Serve the API until stopped.

        It answers to localhost, to addresses in figures and to --allow-host. On an address that other machines reach
        it asks for ENRICH_API_PASSWORD, which then opens the dashboard.

        \b
        Examples:
          enrich api serve --profile minimal
          enrich api serve --set largest_batch=200 --set gzip=false --set requests_per_minute=60
          enrich api serve --fault 503,count=2 --fault latency:0.5,rate=0.2,seed=7
        """
        with reported():
            config = configure()
            if profile is not None:
                config = replace(config, profile=PROFILES[cast("ProfileName", profile)])
            profile_otherwise = with_settings(config.profile, changed)
            config = replace(config, profile=profile_otherwise, request_seconds=request_timeout)
            if allow_outside_window:
                config = replace(config, allow_outside_window=True)
            config = replace(config, allowed_hosts=config.allowed_hosts.union(hosts))
            config = replace(config, faults=tuple(map(parse_fault, faults)), fault_control=fault_control)
            serve(config, host=host, port=port, announce=partial(_announce, config), workers=workers)

    return command


def _announce(config: ApiConfig, base_url: str, dashboard_url: str) -> None:
    click.echo(f"Enrich Order API listening on {base_url} (profile {config.profile.name}). Ctrl-C stops it.")
    click.echo(f"Dashboard, for one browser, once: {dashboard_url}")


def dashboard_command(configure: ConfigFactory) -> click.Command:
    """Build `dashboard`."""

    @click.command("dashboard")
    @click.option(
        "--url", default=f"http://127.0.0.1:{DEFAULT_PORT}", show_default=True, help="Where the service runs."
    )
    def command(url: str) -> None:
        """Print an address that signs one browser in to the dashboard, once."""
        with reported(), connect(configure()) as connection:
            address = offer_sign_in(connection, url.rstrip("/"))
        click.echo(address)

    return command


def faults_command() -> click.Command:
    """Build `faults`."""

    @click.command("faults")
    def command() -> None:
        """List the faults that `serve --fault` takes, and how to limit them."""
        click.echo("KIND[:VALUE][,rate=R][,count=N][,after=N][,method=GET|POST][,seed=N][,order=ID]\n")
        for kind, description in DESCRIPTIONS.items():
            click.echo(f"  {kind:20} {description}")

    return command
