"""`enrich explain`: one order on one screen, from its raw rows to what the vendor holds and why."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from decimal import Decimal
from typing import Any

import click
from rich.table import Table
from rich.text import Text

from enrich_pipeline.commands.boundary import out, reported
from enrich_pipeline.commands.data import kept_by_runs
from enrich_pipeline.domain.errors import SettingsError
from enrich_pipeline.domain.receipts import plain
from enrich_pipeline.settings import load_settings
from enrich_pipeline.warehouse.order_story import OrderStory, Row, order_story

_MEANINGS = {
    "excluded": "it must not be sent",
    "outside_window": "its day is older than four weeks and was not sent",
    "rejected": "the vendor refused it",
    "unknown": "it was sent, and whether it arrived is not known yet: run the day again",
    "ready": "it was not sent yet, or has changed since: run the day",
    "awaiting_refresh": "the vendor accepted it and shows it after its next data refresh",
    "mismatched": "the vendor holds something else; running the day again sends it once more",
    "verified": "the vendor holds exactly what the warehouse computes",
}


@click.command("explain")
@click.argument("order_id")
@click.option("--json", "as_json", is_flag=True, help="Print JSON; amounts are text.")
def explain_command(order_id: str, *, as_json: bool) -> None:
    """Explain ORDER_ID: its raw rows, each cost with its rule, what was sent, what is held, its state and why.

    Exits 2 when neither the warehouse nor the vendor knows the order.

    \b
    Examples:
      enrich explain 5000000123
      enrich explain 5000000123 --json
    """
    with reported():
        with kept_by_runs(load_settings()) as engine, engine.connect() as connection:
            story = order_story(connection, order_id)
        if not story.is_known:
            raise SettingsError(
                f"Nobody knows an order {order_id!r}: it is neither in raw.orders nor was it ever sent."
            )
    if as_json:
        click.echo(json.dumps(asdict(story), indent=2, default=_json_value))
        return
    for part in _screen(story):
        out.print(part)


def _json_value(value: object) -> str:
    if isinstance(value, Decimal):
        return plain(value)
    raise TypeError(f"{type(value)} is no value of an order")


def _screen(story: OrderStory) -> Iterable[Text | Table]:
    """The parts from top to bottom: the answer first, then what it rests on."""
    yield Text(f"Order {story.order_id}", style="bold")
    for state in story.states:
        reason = f" ({state['reason']})" if state["reason"] else ""
        yield Text(f"{state['order_day']}: {state['state']}{reason}: {_MEANINGS.get(state['state'], '')}")
    for found in story.findings:
        cause = found["diagnosis"] or "no cause is recognised"
        yield Text(f"{found['kind']}: {found['expected']} expected, {found['held']} held. {cause}", style="red")
    for table, rows in story.raw.items():
        if rows:
            yield _table(f"raw.{table}", rows, [name for name in rows[0] if name != "order_id"])
    yield _table(
        "costs", story.costs, ("component", "line_id", "source_table", "source_id", "rule_id", "rule", "amount")
    )
    yield _table("payload", story.states, _PAYLOAD)
    yield _table(
        "attempts",
        story.attempts,
        ("sent_at", "status", "http_status", "attempts", "request_id", *_PAYLOAD[1:], "error_code", "rejection_code"),
    )
    yield _table("held by the vendor", story.held, ("read_at", *_PAYLOAD, "status"))


_PAYLOAD = ("order_timestamp", "sales_amount", "profit_amount", "currency")


def _table(title: str, rows: Sequence[Row], columns: Sequence[str]) -> Table:
    """Rows as a table without the columns that are empty in every row."""
    shown = [name for name in columns if any(row[name] is not None for row in rows)]
    table = Table(*shown, title=title if rows else f"{title}: nothing", title_justify="left")
    for row in rows:
        table.add_row(*(_cell(row[name]) for name in shown))
    return table


def _cell(value: Any) -> Text:
    if value is None:
        return Text("")
    return Text(plain(value) if isinstance(value, Decimal) else str(value))
