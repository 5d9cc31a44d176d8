"""`enrich status`: the last five weeks at a glance, a row a day."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import click
from rich.table import Table

from enrich_pipeline.commands.boundary import DATA_IS_WRONG, out, reported
from enrich_pipeline.commands.data import kept_by_runs
from enrich_pipeline.commands.receipt_view import is_good, money
from enrich_pipeline.domain.day_status import DayStatus
from enrich_pipeline.domain.days import local_day
from enrich_pipeline.domain.receipts import plain
from enrich_pipeline.domain.states import STATES
from enrich_pipeline.settings import Settings, business_now, load_settings
from enrich_pipeline.steps.status import days_until


@click.command("status")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, an object a day; amounts are text.")
def status_command(*, as_json: bool) -> None:
    """Show the last 35 days and today: orders, states, verified sums, the last run, and until when it can be mended.

    Exits 1 when a day has findings, does not add up, is held by a guard, or was not sent whole; the reasons why a day
    is held or not sent stand under the table.

    \b
    Examples:
      enrich status
      enrich status --json
    """
    with reported():
        settings = load_settings()
        days = read_status(settings)
    if as_json:
        click.echo(json.dumps([_json(day) for day in days], indent=2))
    else:
        out.print(_table(days, settings))
    raise SystemExit(0 if all(day.receipt is None or is_good(day.receipt) for day in days) else DATA_IS_WRONG)


def read_status(settings: Settings) -> list[DayStatus]:
    """The last 35 days and today, ascending."""
    today = local_day(business_now(settings, clock=datetime.now(UTC)), settings.store.zone)
    with kept_by_runs(settings) as engine, engine.connect() as connection:
        return days_until(connection, today)


def _table(days: list[DayStatus], settings: Settings) -> Table:
    table = Table(title=f"The last {len(days)} days in {settings.store_timezone}", title_justify="left")
    table.add_column("day", no_wrap=True)
    for heading in ("orders", "verified", "excluded", "open"):
        table.add_column(heading, justify="right")
    table.add_column("verified sales", justify="right", no_wrap=True)
    table.add_column("verified profit", justify="right", no_wrap=True)
    table.add_column("findings", justify="right")
    table.add_column("last run", no_wrap=True)
    table.add_column("mend until", no_wrap=True)
    for day in reversed(days):
        receipt = day.receipt
        amounts = receipt.amounts_in("verified") if receipt else {}
        table.add_row(
            day.order_day.isoformat() + (" *" if receipt and receipt.partial else ""),
            "-" if day.orders is None else f"{day.orders:,}",
            f"{receipt.orders_in('verified'):,}" if receipt else "",
            f"{receipt.orders_in('excluded'):,}" if receipt else "",
            _marked(day.unverified) if day.orders is not None else "",
            "\n".join(money(sales, currency) for currency, (sales, _) in amounts.items()),
            "\n".join(money(profit, currency) for currency, (_, profit) in amounts.items()),
            _marked(receipt.findings) if receipt else "",
            _last_run(day, settings),
            day.last_day_to_mend.isoformat() if day.orders is not None else "",
        )
    notes = ["open: orders that should be at the vendor and are not proven to be.  * the day was still open"]
    notes.extend(
        f"{day.order_day}: {reason}." for day in reversed(days) if day.receipt for reason in day.receipt.unsettled
    )
    table.caption = "\n".join(notes)
    table.caption_justify = "left"
    return table


def _marked(count: int) -> str:
    return f"[red]{count:,}[/]" if count else "0"


def _last_run(day: DayStatus, settings: Settings) -> str:
    if day.last_run_at is None:
        return ""
    when = day.last_run_at.astimezone(settings.store.zone).strftime("%m-%d %H:%M")
    is_without_receipt = day.receipt is None or day.receipt.run_id != day.last_run_id
    return f"{when} [red]no receipt[/]" if is_without_receipt else when


def _json(day: DayStatus) -> dict[str, Any]:
    receipt = day.receipt
    return {
        "day": day.order_day.isoformat(),
        "orders": day.orders,
        "partial": receipt.partial if receipt else None,
        "states": {state: receipt.orders_in(state) for state in STATES} if receipt else None,
        "unverified": day.unverified,
        "findings": receipt.findings if receipt else None,
        "accounted_for": receipt.is_accounted_for if receipt else None,
        "verified_amounts": {
            currency: {"sales": plain(sales), "profit": plain(profit)}
            for currency, (sales, profit) in (receipt.amounts_in("verified") if receipt else {}).items()
        },
        "receipt_run_id": receipt.run_id if receipt else None,
        "receipt_at": _text(receipt.created_at if receipt else None),
        "computed_at": _text(day.computed_at),
        "last_run_id": day.last_run_id,
        "last_run_at": _text(day.last_run_at),
        "mend_until": day.last_day_to_mend.isoformat(),
    }


def _text(instant: datetime | None) -> str | None:
    return None if instant is None else instant.isoformat()
