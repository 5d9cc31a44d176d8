"""`enrich diff`: what an upload of a day would change at the vendor."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import click
from rich.table import Table

from enrich_pipeline.commands.boundary import DATA_IS_WRONG, err, out, reported
from enrich_pipeline.commands.data import kept_by_runs
from enrich_pipeline.domain.contract import profile_named
from enrich_pipeline.domain.days import StoreDay
from enrich_pipeline.domain.receipts import in_currency, plain
from enrich_pipeline.settings import Settings, business_now, load_settings
from enrich_pipeline.steps.context import RunContext
from enrich_pipeline.steps.guards import UploadReview, review_day


@click.command("diff")
@click.argument("day", type=click.DateTime(["%Y-%m-%d"]), metavar="DAY")
@click.option("--full", is_flag=True, help="As if every order were sent again.")
@click.option("--allow-outside-window", is_flag=True, help="As if days older than four weeks were sent too.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON; amounts are text.")
def diff_command(day: datetime, *, full: bool, allow_outside_window: bool, as_json: bool) -> None:
    """Show what an upload of DAY would change, against what the vendor was last seen to hold. Sends nothing.

    Exits 1 when a guard would hold the day.

    \b
    Examples:
      enrich diff 2026-11-07
      enrich diff 2026-11-07 --json
    """
    with reported():
        review = _review(load_settings(), day.date(), full=full, allow_outside_window=allow_outside_window)
    if as_json:
        click.echo(json.dumps(_as_json(review), indent=2))
    else:
        _show(day.date(), review)
    raise SystemExit(DATA_IS_WRONG if review.holds else 0)


def _review(settings: Settings, day: date, *, full: bool, allow_outside_window: bool) -> UploadReview:
    with kept_by_runs(settings) as engine:
        run = RunContext(
            engine=engine,
            store=settings.store,
            profile=profile_named(settings.contract_profile),
            run_id="diff",
            business_now=business_now(settings, clock=datetime.now(UTC)),
            sales_basis=settings.sales_basis,
        )
        return review_day(
            run,
            StoreDay(day, settings.store.zone),
            limits=settings.guard_limits,
            full=full,
            allow_outside_window=allow_outside_window,
        )


def _show(day: date, review: UploadReview) -> None:
    changes = Table(title=f"What an upload of {day} would change", title_justify="left")
    for heading in ("currency", "held", "new", "changed", "again"):
        changes.add_column(heading, justify="left" if heading == "currency" else "right")
    for heading in ("sales before", "sales after", "profit before", "profit after"):
        changes.add_column(heading, justify="right", no_wrap=True)
    for change in review.preview.changes:
        counts = (change.held, change.new, change.changed, change.again)
        amounts = (change.sales_before, change.sales_after, change.profit_before, change.profit_after)
        shown = (in_currency(amount, change.currency) for amount in amounts)
        changes.add_row(change.currency, *(f"{count:,}" for count in counts), *shown)
    out.print(changes)
    if review.preview.movers:
        movers = Table(title="Largest changes of profit", title_justify="left")
        for heading in ("order", "currency", "profit before", "profit after", "sales before", "sales after"):
            movers.add_column(heading, justify="left" if heading in {"order", "currency"} else "right")
        for mover in review.preview.movers:
            amounts = (mover.profit_before, mover.profit_after, mover.sales_before, mover.sales_after)
            movers.add_row(mover.order_id, mover.currency, *(in_currency(amount, mover.currency) for amount in amounts))
        out.print(movers)
    for hold in review.holds:
        err.print(f"[red]Held by {hold.guard}:[/] {hold.message}.")


def _as_json(review: UploadReview) -> dict[str, Any]:
    return {
        "changes": [_texts(asdict(change)) for change in review.preview.changes],
        "movers": [_texts(mover._asdict()) for mover in review.preview.movers],
        "holds": [asdict(hold) for hold in review.holds],
    }


def _texts(record: dict[str, Any]) -> dict[str, Any]:
    """The record with its amounts as text, so that no reader turns them into floats."""
    return {name: plain(value) if isinstance(value, Decimal) else value for name, value in record.items()}
