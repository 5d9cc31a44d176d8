"""The last five weeks as Dagster shows them: an observation of `upload_verification`, made when something changed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

import dagster as dg

from enrich_pipeline.domain.day_status import DayStatus
from enrich_pipeline.domain.receipts import in_currency
from enrich_pipeline.orchestration.flow import UPLOAD_VERIFICATION

_CURSOR_VERSION = 1


def status_observation(days: Sequence[DayStatus]) -> dg.AssetObservation:
    """A table with a row a day, newest first; days that nobody has looked at are left out."""
    records = [dg.TableRecord(_row(day)) for day in reversed(days) if day.orders is not None]
    return dg.AssetObservation(
        UPLOAD_VERIFICATION.key,
        description="The last five weeks, a row a day; `enrich status` shows the same in a terminal.",
        metadata={
            "enrich/status": dg.MetadataValue.table(records) if records else dg.MetadataValue.text("no day yet"),
            "enrich/unverified_orders": sum(day.unverified for day in days),
        },
    )


def seen_cursor(days: Sequence[DayStatus]) -> str:
    """A cursor that differs when any day's receipt or last run does."""
    seen = [
        (day.order_day.isoformat(), str(day.receipt and day.receipt.created_at), str(day.last_run_at), day.orders)
        for day in days
    ]
    return json.dumps({"version": _CURSOR_VERSION, "seen": hashlib.sha256(repr(seen).encode()).hexdigest()})


def _row(day: DayStatus) -> dict[str, str | int]:
    receipt = day.receipt
    amounts = receipt.amounts_in("verified") if receipt else {}
    return {
        "day": day.order_day.isoformat(),
        "orders": day.orders or 0,
        "verified": receipt.orders_in("verified") if receipt else 0,
        "excluded": receipt.orders_in("excluded") if receipt else 0,
        "unverified": day.unverified,
        "findings": receipt.findings if receipt else 0,
        "sales": ", ".join(f"{in_currency(sales, currency)} {currency}" for currency, (sales, _) in amounts.items()),
        "profit": ", ".join(f"{in_currency(profit, currency)} {currency}" for currency, (_, profit) in amounts.items()),
        "last run": "" if day.last_run_at is None else day.last_run_at.isoformat(timespec="seconds"),
        "to be mended until": day.last_day_to_mend.isoformat(),
    }
