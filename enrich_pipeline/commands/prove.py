"""`enrich prove FOLDER`: run a folder of orders end to end and hold the result against what it should be.

FOLDER has the raw tables as CSV, `STORE` with zone and currency, and `expected.csv` with what the default rules must
compute for every order: amounts, timestamp, currency, and `ok` or the reason it is excluded.
"""

from __future__ import annotations

import csv
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import click
from sqlalchemy import text

from enrich_pipeline.commands.boundary import DATA_IS_WRONG, out, reported
from enrich_pipeline.commands.data import Bar, open_warehouse
from enrich_pipeline.commands.run import run_and_show
from enrich_pipeline.commands.sandbox import sandbox
from enrich_pipeline.domain.errors import SettingsError
from enrich_pipeline.domain.store import Store
from enrich_pipeline.settings import Settings, load_settings
from enrich_pipeline.warehouse.load import load_folder
from enrich_pipeline.warehouse.store_file import read_store_file

_SHOWN = 20


class ExpectedOrder(NamedTuple):
    """One row of `expected.csv`; the amounts are None where `status` is a reason for exclusion."""

    order_id: str
    order_timestamp: datetime
    order_day: date
    sales_amount: Decimal | None
    profit_amount: Decimal | None
    currency: str
    status: str


class ProvenOrder(NamedTuple):
    """What the warehouse computed for an order, and the state it ended in."""

    order: ExpectedOrder
    state: str


@click.command("prove")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
def prove_command(folder: Path) -> None:
    """Run every day of FOLDER through Dagster against a running service, and compare with its expected.csv.

    The business clock is set to the folder's last day and the four-week rule is lifted. Databases and service are of
    the command's own. Exits 0 only if every order is as expected, to the cent and the second, and verified.

    \b
    Example:
      enrich prove enrich_pipeline_tests/data/contoso
    """
    with reported():
        store = read_store_file(folder)
        if store is None:
            raise SettingsError(f"{folder}/STORE is missing: it names STORE_TIMEZONE and STORE_CURRENCY.")
        expected = read_expected(folder)
        differences = _prove(folder, store, expected)
    for difference in differences[:_SHOWN]:
        out.print(difference)
    if differences:
        out.print(f"[red]{len(differences):,} differences[/] on {len(expected):,} orders.")
    else:
        out.print(f"[green]All {len(expected):,} orders are as expected, and every one to be sent is verified.[/]")
    raise SystemExit(DATA_IS_WRONG if differences else 0)


def read_expected(folder: Path) -> list[ExpectedOrder]:
    """Read `expected.csv`."""
    with (folder / "expected.csv").open(newline="", encoding="utf-8") as file:
        return [
            ExpectedOrder(
                order_id=row["order_id"],
                order_timestamp=datetime.fromisoformat(row["order_timestamp"]),
                order_day=date.fromisoformat(row["order_day"]),
                sales_amount=Decimal(row["sales_amount"]) if row["sales_amount"] else None,
                profit_amount=Decimal(row["profit_amount"]) if row["profit_amount"] else None,
                currency=row["currency"],
                status=row["status"],
            )
            for row in csv.DictReader(file)
        ]


def _prove(folder: Path, store: Store, expected: list[ExpectedOrder]) -> list[str]:
    first, last = min(row.order_day for row in expected), max(row.order_day for row in expected)
    # One second before the last day ends: that day is the store's today, and none is in the future.
    midnight = datetime.combine(last + timedelta(days=1), time.min, tzinfo=store.zone)
    with sandbox(
        f"prove-{folder.resolve().name}",
        STORE_TIMEZONE=store.timezone,
        STORE_CURRENCY=store.currency,
        FIRST_DAY=first.isoformat(),
        ENRICH_NOW=(midnight - timedelta(seconds=1)).isoformat(),
    ) as box:
        settings = load_settings()
        with Bar("Loading") as bar:
            load_folder(open_warehouse(settings), folder, on_progress=bar)
        with box.serving(settings, allow_outside_window=True) as settings:
            upload_config = {"allow_outside_window": True, "override_guards": "every order is compared by itself"}
            receipts = run_and_show(settings, first, last, upload_config=upload_config, show_table=False).receipts
            wrong = [
                f"{receipt.order_day}: {'; '.join(receipt.differences)}"
                for receipt in receipts
                if not receipt.is_accounted_for
            ]
            if len(receipts) != (last - first).days + 1:
                wrong.append(f"{len(receipts)} receipts for the days {first} to {last}")
            return wrong + compare(expected, _proven(settings))


def _proven(settings: Settings) -> list[ProvenOrder]:
    with open_warehouse(settings).connect() as connection:
        rows = connection.execute(
            text("""
                SELECT order_id, ordered_at, order_day, sales_amount, profit_amount, currency, state, reason
                FROM enrich.order_states
            """)
        )
        return [
            ProvenOrder(
                ExpectedOrder(
                    order_id=row.order_id or "",
                    order_timestamp=row.ordered_at,
                    order_day=row.order_day,
                    sales_amount=row.sales_amount,
                    profit_amount=row.profit_amount,
                    currency=row.currency or "",
                    status=row.reason if row.state == "excluded" else "ok",
                ),
                row.state,
            )
            for row in rows
        ]


def compare(expected: list[ExpectedOrder], proven: list[ProvenOrder]) -> list[str]:
    """Name every order that differs, is missing, came unasked, or was to be sent and is not verified."""
    wanted, found = _by_content(expected), _by_content([each.order for each in proven])
    differences = [f"expected {row}" for row in sorted(wanted) if wanted[row] > found.get(row, 0)]
    differences += [f"computed {row}" for row in sorted(found) if found[row] > wanted.get(row, 0)]
    differences += [
        f"order {each.order.order_id} is {each.state}" for each in proven if each.state not in {"verified", "excluded"}
    ]
    return differences


def _by_content(orders: list[ExpectedOrder]) -> dict[tuple[str, ...], int]:
    """Count orders by what must agree: amounts as they are written, the second, the currency, the reason."""
    counts: dict[tuple[str, ...], int] = {}
    for order in orders:
        content = (
            order.order_id,
            order.order_timestamp.astimezone(UTC).replace(microsecond=0).isoformat(),
            order.order_day.isoformat(),
            "" if order.sales_amount is None else f"{order.sales_amount:f}",
            "" if order.profit_amount is None else f"{order.profit_amount:f}",
            order.currency,
            order.status,
        )
        counts[content] = counts.get(content, 0) + 1
    return counts
