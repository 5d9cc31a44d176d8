"""Receipts as a person reads them: a table, a row a day; and as JSON for programs."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import iso4217
from rich.table import Table

from enrich_pipeline.domain.receipts import Receipt
from enrich_pipeline.domain.states import STATES, State

_SHORT: dict[str, str] = {"outside_window": "outside", "awaiting_refresh": "awaiting"}


def receipts_table(receipts: Sequence[Receipt]) -> Table:
    """A row a day: orders, states, verified sales and profit by currency, and the verdict."""
    shown: list[State] = [state for state in STATES if any(receipt.orders_in(state) for receipt in receipts)]
    table = Table(title="Receipts, one a store-local day", title_justify="left")
    table.add_column("day", no_wrap=True)
    table.add_column("orders", justify="right")
    for state in shown:
        table.add_column(_SHORT.get(state, state), justify="right")
    table.add_column("verified sales", justify="right", no_wrap=True)
    table.add_column("verified profit", justify="right", no_wrap=True)
    table.add_column("findings", justify="right")
    table.add_column("accounted for")
    reasons: list[str] = []
    for receipt in receipts:
        amounts = receipt.amounts_in("verified")
        table.add_row(
            receipt.order_day.isoformat() + (" *" if receipt.partial else ""),
            f"{receipt.orders:,}",
            *(f"{receipt.orders_in(state):,}" for state in shown),
            "\n".join(money(sales, currency) for currency, (sales, _) in amounts.items()),
            "\n".join(money(profit, currency) for currency, (_, profit) in amounts.items()),
            f"{receipt.findings:,}",
            "[green]yes[/]" if receipt.is_accounted_for else "[red]NO[/]",
        )
        reasons.extend(f"{receipt.order_day}: {reason}." for reason in receipt.unsettled)
    if any(receipt.partial for receipt in receipts):
        reasons.insert(0, "* the day was still open")
    table.caption = "\n".join(reasons) or None
    table.caption_justify = "left"
    return table


def money(amount: Decimal, currency: str) -> str:
    """An amount with the decimals of its currency: exact, since it is a sum of amounts that have them."""
    return f"{amount:,.{iso4217.Currency(currency).exponent}f} {currency}"


def receipt_json(receipt: Receipt) -> dict[str, Any]:
    """A receipt for programs. Amounts are text, so that no reader turns them into floats."""
    return {
        "order_day": receipt.order_day.isoformat(),
        "run_id": receipt.run_id,
        "created_at": None if receipt.created_at is None else receipt.created_at.isoformat(),
        "partial": receipt.partial,
        "sales_basis": receipt.sales_basis,
        "orders": receipt.orders,
        "accounted_for": receipt.is_accounted_for,
        "differences": list(receipt.differences),
        "findings": receipt.findings,
        "applied": receipt.applied,
        "source": [line.as_dict() for line in receipt.source],
        "states": [line.as_dict() for line in receipt.states],
        "computed_hash": receipt.computed_hash,
        "held_hash": receipt.held_hash,
        "overrides": dict(receipt.overrides),
        "holds": list(receipt.holds),
        "upload_requests": receipt.upload_requests,
        "upload_retries": receipt.upload_retries,
        "read_requests": receipt.read_requests,
    }


def is_good(receipt: Receipt) -> bool:
    """Whether the day needs nobody's attention: accounted for, nothing found, and nothing left to send."""
    return receipt.is_accounted_for and receipt.findings == 0 and not receipt.unsettled
