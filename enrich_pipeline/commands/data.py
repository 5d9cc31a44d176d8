"""`enrich load` and `enrich seed`: fill the raw tables, from files or with a demo store."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
from rich.progress import Progress, TaskID
from sqlalchemy import Engine

from enrich_pipeline.commands.boundary import err, out, reported
from enrich_pipeline.domain.days import local_day
from enrich_pipeline.settings import Settings, business_now, load_settings
from enrich_pipeline.warehouse.demo_store.seed import SeedSummary, seed_store
from enrich_pipeline.warehouse.embedded import database_url
from enrich_pipeline.warehouse.engine import warehouse_engine
from enrich_pipeline.warehouse.load import load_folder
from enrich_pipeline.warehouse.schema import complete_schema


def open_warehouse(settings: Settings) -> Engine:
    """The warehouse's engine; the embedded server is started when none is configured."""
    return warehouse_engine(database_url(settings.warehouse_url, "warehouse", data_dir=settings.enrich_data_dir))


@contextmanager
def kept_by_runs(settings: Settings) -> Generator[Engine]:
    """The warehouse, to show what runs kept there; tables of another version are brought up to date first."""
    engine = open_warehouse(settings)
    try:
        complete_schema(engine)
        yield engine
    finally:
        engine.dispose()


@click.command("load")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
def load_command(folder: Path) -> None:
    """Replace the raw tables by the CSV files of FOLDER, one a table.

    All or nothing: a wrong file is reported by file, line and column, and nothing is loaded.

    \b
    Example:
      enrich load exports/2026-11
    """
    with reported(), Bar("Loading") as bar:
        rows = load_folder(open_warehouse(load_settings()), folder, on_progress=bar)
    for table, count in rows.items():
        out.print(f"{count:>12,}  raw.{table}")


@click.command("seed")
@click.option("--days", default=28, show_default=True, type=click.IntRange(1), help="Days, ending yesterday.")
@click.option("--orders-per-day", default=500, show_default=True, type=click.IntRange(1), help="Orders of a usual day.")
@click.option(
    "--seed", default=1, show_default=True, type=click.IntRange(0), help="The same seed makes the same store."
)
def seed_command(days: int, orders_per_day: int, seed: int) -> None:
    """Replace the raw tables by a plausible demo store whose days end yesterday.

    \b
    Example:
      enrich seed --days 28 --orders-per-day 500 --seed 1
    """
    with reported(), Bar("Seeding") as bar:
        summary = seed_demo_store(load_settings(), days=days, orders_per_day=orders_per_day, seed=seed, bar=bar)
    out.print(f"{summary.rows['orders']:,} orders from {summary.first_day} to {summary.last_day}")
    out.print(f"Next: enrich api import; enrich run --from {summary.first_day} --to {summary.last_day}")


def seed_demo_store(settings: Settings, *, days: int, orders_per_day: int, seed: int, bar: Bar) -> SeedSummary:
    """Seed the store of the settings; its days end yesterday by the business clock."""
    today = local_day(business_now(settings, clock=datetime.now(UTC)), settings.store.zone)
    return seed_store(
        open_warehouse(settings),
        store=settings.store,
        days=days,
        orders_per_day=orders_per_day,
        seed=seed,
        last_day=today - timedelta(days=1),
        on_progress=bar,
    )


class Bar:
    """A progress bar on standard error that is a callback of loading and seeding."""

    def __init__(self, title: str) -> None:
        self._progress = Progress(console=err, transient=True)
        self._task: TaskID = self._progress.add_task(title, total=None)
        self._title = title

    def __call__(self, done: int, total: int, what: str) -> None:
        """Show that `done` of `total` are done, and what is under way."""
        self._progress.update(self._task, completed=done, total=total, description=f"{self._title} {what}")

    def __enter__(self) -> Bar:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()
