"""`enrich run` and `enrich receipt`: materialise days through Dagster, and show what became of them."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from sqlalchemy.exc import DBAPIError

from enrich_pipeline.commands.boundary import DATA_IS_WRONG, err, out, reported
from enrich_pipeline.commands.data import kept_by_runs
from enrich_pipeline.commands.receipt_view import is_good, receipt_json, receipts_table
from enrich_pipeline.domain.days import local_day
from enrich_pipeline.domain.errors import SettingsError
from enrich_pipeline.domain.receipts import Receipt
from enrich_pipeline.orchestration.instance import enter_dagster_home
from enrich_pipeline.orchestration.range_run import RangeRun, run_days
from enrich_pipeline.settings import Settings, api_key, business_now, load_settings
from enrich_pipeline.warehouse.receipts import latest_receipts

DAY = click.DateTime(["%Y-%m-%d"])


@click.command("run")
@click.option("--from", "first", required=True, type=DAY, metavar="DAY", help="First store-local day.")
@click.option("--to", "last", required=True, type=DAY, metavar="DAY", help="Last store-local day, included.")
@click.option("--allow-outside-window", is_flag=True, help="Send days older than four weeks too.")
@click.option("--full", is_flag=True, help="Send every order again, also what is verified.")
@click.option("--dry-run", is_flag=True, help="Compute, and look at what an upload would change; send nothing.")
@click.option(
    "--override-guards", default="", metavar="REASON", help="Send days that guards hold; receipts record the reason."
)
def run_command(first: datetime, last: datetime, **upload_config: bool | str) -> None:
    """Compute, upload and verify the days, through Dagster, as one run.

    Exits 0 when every order of every day is accounted for and nothing differs, 1 when something is wrong with the
    data, 2 on wrong use or settings.

    \b
    Examples:
      enrich run --from 2026-11-01 --to 2026-11-07
      enrich run --from 2026-11-07 --to 2026-11-07 --override-guards "costs were corrected, seen by Ada"
    """
    with reported():
        shown = run_and_show(load_settings(), first.date(), last.date(), upload_config=upload_config)
    raise SystemExit(0 if shown.success and all(map(is_good, shown.receipts)) else DATA_IS_WRONG)


@click.command("receipt")
@click.option("--from", "first", type=DAY, metavar="DAY", help="First store-local day; all when left out.")
@click.option("--to", "last", type=DAY, metavar="DAY", help="Last store-local day, included.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, an object a day; amounts are text.")
def receipt_command(first: datetime | None, last: datetime | None, *, as_json: bool) -> None:
    """Show the newest receipt of each day.

    Exits 1 when a day shown is not accounted for or has findings.

    \b
    Examples:
      enrich receipt
      enrich receipt --from 2026-11-01 --to 2026-11-07 --json
    """
    with reported():
        receipts = read_receipts(load_settings(), first and first.date(), last and last.date())
        if not receipts:
            raise SettingsError("There is no receipt for these days yet. Run `enrich run --from DAY --to DAY` first.")
    if as_json:
        click.echo(json.dumps([receipt_json(receipt) for receipt in receipts], indent=2))
    else:
        out.print(receipts_table(receipts))
    raise SystemExit(0 if all(map(is_good, receipts)) else DATA_IS_WRONG)


class ShownRun(NamedTuple):
    """A run as it was shown: whether it came to its end, and the receipts that it wrote."""

    success: bool
    receipts: list[Receipt]


def run_and_show(
    settings: Settings,
    first: date,
    last: date,
    *,
    upload_config: Mapping[str, bool | str],
    show_table: bool = True,
) -> ShownRun:
    """Run the days with progress, print their receipts, and return those that this run wrote.

    `upload_config` is how `enriched_upload` sends, as its launchpad takes it.

    Raises:
        SettingsError: when the days are no partitions of the store, or no key is set.
        KeyboardInterrupt: when it was interrupted, once it has ended and said so.
    """
    require_partitions(settings, first, last)
    api_key(settings)
    enter_dagster_home(settings)
    with StepProgress(days=(last - first).days + 1) as progress:
        run = run_days(settings, first, last, upload_config=upload_config, on_step_log=progress.on_log)
    receipts = [receipt for receipt in _receipts_after(run, settings, first, last) if receipt.run_id == run.run_id]
    if receipts and show_table:
        out.print(receipts_table(receipts))
    _explain(run)
    return ShownRun(run.success, receipts)


def read_receipts(settings: Settings, first: date | None, last: date | None) -> list[Receipt]:
    """The newest receipt of each day."""
    with kept_by_runs(settings) as engine, engine.connect() as connection:
        return latest_receipts(connection, first, last)


def _receipts_after(run: RangeRun, settings: Settings, first: date, last: date) -> list[Receipt]:
    """The days' receipts. A run that failed may have failed at the very tables that hold them: its error says more."""
    try:
        return read_receipts(settings, first, last)
    except DBAPIError:
        if run.success:
            raise
        return []


def require_partitions(settings: Settings, first: date, last: date) -> None:
    """Refuse days that the store does not have.

    Raises:
        SettingsError: saying why, and what to do.
    """
    today = local_day(business_now(settings, clock=datetime.now(UTC)), settings.store.zone)
    if first > last:
        raise SettingsError(f"--from {first} is after --to {last}.")
    if first < settings.first_day:
        raise SettingsError(f"--from {first} is before FIRST_DAY, {settings.first_day}. Set FIRST_DAY to that day.")
    if last > today:
        raise SettingsError(f"--to {last} is in the future: today in {settings.store_timezone} is {today}.")


def _explain(run: RangeRun) -> None:
    if run.interrupted:
        err.print(f"Run {run.run_id} was interrupted. What it did stands: run the same days again to go on from there.")
        raise KeyboardInterrupt
    if run.error:
        err.print(f"[red]The run failed:[/] {run.error}")
    for check in run.failed_checks:
        err.print(f"[red]Check failed:[/] {check}. The asset's page in Dagster says what to do.")
    if not run.success or run.failed_checks:
        err.print(f"Run {run.run_id}. Running the same days again is always safe. `enrich doctor` looks at the set-up.")


class StepProgress:
    """A bar for each step, driven by the steps' own log records, which name their stage."""

    _STAGES = ("source", "profit", "uploaded", "verified")

    def __init__(self, *, days: int) -> None:
        self._progress = Progress(
            TextColumn("{task.description:<10}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("days {task.fields[last]}"),
            TimeElapsedColumn(),
            console=err,
        )
        self._tasks: dict[str, TaskID] = {
            stage: self._progress.add_task(stage, total=days, last="") for stage in self._STAGES
        }

    def on_log(self, record: logging.LogRecord) -> None:
        """Advance the stage that a record names in `record.stage`, or say how far the day's upload is."""
        stage = getattr(record, "stage", None)
        if stage == "stopping":
            err.print(record.getMessage())
        elif stage == "uploading":
            said: dict[str, Any] = vars(record)
            last = f"{said['day']}, {said['done']:,} of {said['total']:,} orders"
            self._progress.update(self._tasks["uploaded"], last=last)
        elif stage in self._tasks:
            self._progress.update(
                self._tasks[stage], advance=getattr(record, "days", 1), last=getattr(record, "day", "")
            )

    def __enter__(self) -> StepProgress:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()
