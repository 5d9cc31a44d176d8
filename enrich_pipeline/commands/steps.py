"""`enrich upload` and `enrich verify`: single steps of days that were computed before, without Dagster."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from uuid import uuid4

import click
from rich.table import Table

from enrich_pipeline.commands.boundary import DATA_IS_WRONG, err, out, reported
from enrich_pipeline.commands.receipt_view import is_good, receipts_table
from enrich_pipeline.commands.run import DAY, require_partitions
from enrich_pipeline.domain.days import StoreDay, days_between
from enrich_pipeline.orchestration.resources import enrich_api_resource, warehouse_resource
from enrich_pipeline.settings import Settings, load_settings
from enrich_pipeline.steps.upload import upload_day
from enrich_pipeline.steps.upload_progress import UploadSummary
from enrich_pipeline.steps.verify import verify_day


@click.command("upload")
@click.option("--from", "first", required=True, type=DAY, metavar="DAY", help="First store-local day.")
@click.option("--to", "last", required=True, type=DAY, metavar="DAY", help="Last store-local day, included.")
@click.option("--full", is_flag=True, help="Send every order again, also what is verified.")
@click.option("--allow-outside-window", is_flag=True, help="Send days older than four weeks too.")
@click.option(
    "--override-guards", default="", metavar="REASON", help="Send days that guards hold; receipts record the reason."
)
def upload_command(
    first: datetime, last: datetime, *, full: bool, allow_outside_window: bool, override_guards: str
) -> None:
    """Send what the days must send, as they were last computed; nothing is computed or verified.

    Exits 0 when the vendor took everything, 1 when it refused orders, could not be reached, or a guard held a day,
    2 on wrong use or settings.

    \b
    Examples:
      enrich upload --from 2026-11-01 --to 2026-11-07
      enrich upload --from 2026-11-01 --to 2026-11-01 --full
    """
    with reported():
        settings = load_settings()
        require_partitions(settings, first.date(), last.date())
        api = enrich_api_resource(settings)
        options = api.upload_options(
            full=full, allow_outside_window=allow_outside_window, override_guards=override_guards
        )
        summaries: dict[date, UploadSummary] = {}
        with (
            warehouse_resource(settings).run_context(_run_id("upload")) as run,
            api.client(warn=err.print) as client,
        ):
            for day in _days(settings, first, last):
                summaries[day.day] = upload_day(run, client, day, options, on_progress=err.print)
    out.print(_uploads_table(summaries))
    for held_day, summary in summaries.items():
        if summary.is_held and summary.review:
            err.print(f"[red]{held_day} is held by[/] {summary.review.sentence}.")
    raise SystemExit(DATA_IS_WRONG if any(each.rejected or each.is_held for each in summaries.values()) else 0)


@click.command("verify")
@click.option("--from", "first", required=True, type=DAY, metavar="DAY", help="First store-local day.")
@click.option("--to", "last", required=True, type=DAY, metavar="DAY", help="Last store-local day, included.")
def verify_command(first: datetime, last: datetime) -> None:
    """Read the days back, compare them with what was last computed, and write their receipts; nothing is sent.

    Exits 0 when every order of every day is accounted for and nothing differs, 1 when something is wrong with the
    data, 2 on wrong use or settings.

    \b
    Example:
      enrich verify --from 2026-11-01 --to 2026-11-07
    """
    with reported():
        settings = load_settings()
        require_partitions(settings, first.date(), last.date())
        with (
            warehouse_resource(settings).run_context(_run_id("verify")) as run,
            enrich_api_resource(settings).client(warn=err.print) as client,
        ):
            receipts = [verify_day(run, client, day).receipt for day in _days(settings, first, last)]
    out.print(receipts_table(receipts))
    raise SystemExit(0 if all(map(is_good, receipts)) else DATA_IS_WRONG)


def _run_id(command: str) -> str:
    """What ledger and receipts call this run: no run of Dagster's, so not to be looked for there."""
    return f"enrich-{command}-{uuid4()}"


def _days(settings: Settings, first: datetime, last: datetime) -> Iterator[StoreDay]:
    for day in days_between(first.date(), last.date()):
        yield StoreDay(day, settings.store.zone)


def _uploads_table(summaries: dict[date, UploadSummary]) -> Table:
    table = Table("day", "sent", "refused", "requests", "retries", "orders/s", "p50", "p95")
    for day, summary in summaries.items():
        table.add_row(
            day.isoformat(),
            f"{summary.answered:,}",
            ", ".join(f"{count:,} {code}" for code, count in sorted(summary.rejected.items())) or "0",
            f"{summary.requests:,}",
            f"{summary.retries:,}",
            f"{summary.orders_per_second:,.0f}",
            f"{summary.latency_percentile(50) * 1000:.0f} ms",
            f"{summary.latency_percentile(95) * 1000:.0f} ms",
        )
    return table
