"""`enrich demo`: a store, a vendor and 28 days from raw orders to receipts, on databases of the demo's own.

Whatever the environment says is set aside: the demo reaches only what it created.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
from pydantic import SecretStr

from enrich_pipeline.commands.api import api_config, open_channel_orders
from enrich_pipeline.commands.boundary import DATA_IS_WRONG, out, reported
from enrich_pipeline.commands.data import Bar, seed_demo_store
from enrich_pipeline.commands.receipt_view import is_good
from enrich_pipeline.commands.run import run_and_show
from enrich_pipeline.domain.days import local_day
from enrich_pipeline.enrich_api.channel_orders import import_channel_orders
from enrich_pipeline.enrich_api.config import ApiConfig
from enrich_pipeline.enrich_api.database import connect
from enrich_pipeline.enrich_api.keys import replace_key
from enrich_pipeline.enrich_api.process import ServiceProcess, ServiceSpec
from enrich_pipeline.settings import PROJECT_ROOT, Settings, load_settings

DEMO_TIMEZONE = "America/New_York"


@click.command("demo")
@click.option("--days", default=28, show_default=True, type=click.IntRange(1, 28), help="Days, ending yesterday.")
@click.option("--orders-per-day", default=500, show_default=True, type=click.IntRange(1), help="Orders of a usual day.")
@click.option("--seed", default=1, show_default=True, type=int, help="The same seed makes the same store.")
@click.option("--keep", is_flag=True, help="Leave the service and the Dagster UI running, until Ctrl-C.")
@click.option("--port", default=3000, show_default=True, help="Port of the Dagster UI with --keep.")
def demo_command(days: int, orders_per_day: int, seed: int, port: int, *, keep: bool) -> None:
    r"""Run the whole flow on a demo store: seed it, start the vendor's API, upload and verify 28 days.

    Exits 0 only if every order of every day is accounted for and nothing is mismatched.

    \b
    Examples:
      enrich demo
      enrich demo --keep
    """
    began = time.monotonic()
    with reported(), _settings_of_its_own() as environment:
        settings = load_settings()
        last = local_day(datetime.now(UTC), settings.store.zone) - timedelta(days=1)
        out.print(f"[bold]1[/] Seeding {days} days x {orders_per_day} orders of a store in {DEMO_TIMEZONE}")
        with Bar("Seeding") as bar:
            seed_demo_store(settings, days=days, orders_per_day=orders_per_day, seed=seed, bar=bar)
        out.print("[bold]2[/] Starting the Enrich Order API and importing the channel's orders")
        config = api_config(settings)
        with _service(settings, config) as (service, key):
            environment.set(WORKMAGIC_API_URL=service.base_url, WORKMAGIC_API_KEY=key.get_secret_value())
            settings = load_settings()
            out.print("[bold]3[/] Computing, uploading and verifying every day through Dagster")
            receipts = run_and_show(settings, last - timedelta(days=days - 1), last, allow_outside_window=False)
            good = len(receipts) == days and all(map(is_good, receipts))
            _say_verdict(good=good, days=days, receipts=len(receipts), seconds=time.monotonic() - began)
            if keep:
                _stay_open(port, service.base_url)
    if not keep:
        out.print("Next: [bold]make ui[/] opens Dagster on this checkout; [bold]enrich demo --keep[/] shows it on this")
        out.print("store, with the API beside it; the README says how to point it at your own warehouse.")
    raise SystemExit(0 if good else DATA_IS_WRONG)


class _Environment:
    """Environment variables that are set for as long as the demo runs; its child processes see them too."""

    def __init__(self) -> None:
        self._before = dict(os.environ)

    def set(self, **variables: str) -> None:
        os.environ.update(variables)

    def hide(self, names: list[str]) -> None:
        # An empty variable counts as unset, and hides what a .env would say.
        os.environ.update(dict.fromkeys(names, ""))

    def restore(self) -> None:
        os.environ.clear()
        os.environ.update(self._before)


@contextmanager
def _settings_of_its_own() -> Generator[_Environment]:
    """Hide every setting from outside, and start from an empty data folder that only the demo uses."""
    data_dir = PROJECT_ROOT / ".data" / "demo"
    environment = _Environment()
    environment.hide([name.upper() for name in Settings.model_fields])
    environment.set(
        ENRICH_DATA_DIR=str(data_dir),
        STORE_TIMEZONE=DEMO_TIMEZONE,
        FIRST_DAY=(datetime.now(UTC).date() - timedelta(days=60)).isoformat(),
    )
    shutil.rmtree(data_dir, ignore_errors=True)
    try:
        yield environment
    finally:
        environment.restore()


@contextmanager
def _service(settings: Settings, config: ApiConfig) -> Generator[tuple[ServiceProcess, SecretStr]]:
    """The vendor: a running service that knows the channel's orders, and a key for it."""
    spec = ServiceSpec(
        database_url=config.database_url,
        profile="full",
        store_timezone=settings.store_timezone,
        store_currency=settings.store_currency,
    )
    with ServiceProcess(spec) as service:
        with connect(config) as connection, open_channel_orders(settings) as orders:
            import_channel_orders(connection, orders)
        with connect(config) as connection:
            key = SecretStr(replace_key(connection))
        yield service, key


def _say_verdict(*, good: bool, days: int, receipts: int, seconds: float) -> None:
    if good:
        out.print(f"[green]All {days} receipts: every order accounted for, nothing mismatched.[/] {seconds:.0f} s")
    else:
        out.print(f"[red]Not good:[/] {receipts} of {days} receipts were written; the table above says which days.")


def _stay_open(port: int, api_url: str) -> None:
    out.print(f"\nDagster UI            http://127.0.0.1:{port}")
    out.print(f"Enrich Order API      {api_url}")
    out.print("[bold]Ctrl-C[/] stops both and their databases.")
    dagster = Path(sys.executable).with_name("enrich")
    with subprocess.Popen([str(dagster), "ui", "--port", str(port)]) as process:  # noqa: S603  # our own command
        try:
            process.wait()
        except KeyboardInterrupt:
            process.wait()
