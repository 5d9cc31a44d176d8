"""`enrich demo`: a store, a vendor and 28 days from raw orders to receipts, on databases of the demo's own."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import click

from enrich_pipeline.commands.api import api_config
from enrich_pipeline.commands.boundary import DATA_IS_WRONG, out, reported
from enrich_pipeline.commands.data import Bar, seed_demo_store
from enrich_pipeline.commands.receipt_view import is_good
from enrich_pipeline.commands.run import run_and_show
from enrich_pipeline.commands.sandbox import sandbox
from enrich_pipeline.commands.ui import require_free_port, run_dagster_dev
from enrich_pipeline.domain.days import local_day
from enrich_pipeline.enrich_api.dashboard.sessions import offer_sign_in
from enrich_pipeline.enrich_api.database import connect
from enrich_pipeline.settings import Settings, load_settings

_TIMEZONE = "America/New_York"
_PARTITIONS_BEFORE = timedelta(days=35)


@click.command("demo")
@click.option("--days", default=28, show_default=True, type=click.IntRange(1, 28), help="Days, ending yesterday.")
@click.option("--orders-per-day", default=500, show_default=True, type=click.IntRange(1), help="Orders of a usual day.")
@click.option(
    "--seed", default=1, show_default=True, type=click.IntRange(0), help="The same seed makes the same store."
)
@click.option("--keep", is_flag=True, help="Leave the service and the Dagster UI running until Ctrl-C.")
@click.option("--port", default=3000, show_default=True, help="Port of the Dagster UI with --keep.")
def demo_command(days: int, orders_per_day: int, seed: int, port: int, *, keep: bool) -> None:
    """Run the whole flow on a demo store: seed it, start the vendor's API, upload and verify 28 days.

    Exits 0 only if every order of every day is accounted for and nothing is mismatched. It uses databases and a
    service of its own, whatever the environment says.

    \b
    Examples:
      enrich demo
      enrich demo --keep
    """
    began = time.monotonic()
    first_day = (datetime.now(UTC).date() - _PARTITIONS_BEFORE).isoformat()
    with reported():
        if keep:
            require_free_port(port)
    with reported(), sandbox("demo", STORE_TIMEZONE=_TIMEZONE, FIRST_DAY=first_day) as box:
        settings = load_settings()
        last = local_day(datetime.now(UTC), settings.store.zone) - timedelta(days=1)
        out.print(f"[bold]1[/] Seeding {days} days x {orders_per_day} orders of a store in {_TIMEZONE}")
        with Bar("Seeding") as bar:
            seed_demo_store(settings, days=days, orders_per_day=orders_per_day, seed=seed, bar=bar)
        out.print("[bold]2[/] Importing the channels' orders into the Enrich Order API, and starting it")
        with box.serving(settings) as settings:
            out.print("[bold]3[/] Computing, uploading and verifying every day, through Dagster")
            receipts = run_and_show(settings, last - timedelta(days=days - 1), last, upload_config={}).receipts
            good = len(receipts) == days and all(map(is_good, receipts))
            _say_verdict(good=good, days=days, receipts=len(receipts), seconds=time.monotonic() - began)
            if keep:
                _stay_open(settings, port)
    if not keep:
        out.print("Next: [bold].venv/bin/enrich demo --keep[/] shows this store in the Dagster UI, with the API beside")
        out.print("it; the README says how to point the pipeline at your own warehouse.")
    raise SystemExit(0 if good else DATA_IS_WRONG)


def _say_verdict(*, good: bool, days: int, receipts: int, seconds: float) -> None:
    if good:
        out.print(f"[green]{days} receipts: every order is accounted for, nothing is mismatched.[/] {seconds:.0f} s")
    else:
        out.print(f"[red]Not good:[/] {receipts} of {days} receipts were written; the table above says which days.")


def _stay_open(settings: Settings, port: int) -> None:
    out.print(f"\nDagster UI            http://127.0.0.1:{port}")
    with connect(api_config(settings)) as connection:
        dashboard = offer_sign_in(connection, settings.workmagic_api_url)
    out.print(f"Enrich Order API      {settings.workmagic_api_url}")
    out.print(f"Its dashboard, once   {dashboard}")
    out.print("[bold]Ctrl-C[/] stops both, and their databases.")
    run_dagster_dev(port)
