"""CSV files: API requests by day, and failed uploads. Streamed, and safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncGenerator, Iterable, Sequence
from dataclasses import replace
from typing import Any, LiteralString

from enrich_pipeline.enrich_api.dashboard.failures import failures_page
from enrich_pipeline.enrich_api.dashboard.paging import Filters
from enrich_pipeline.enrich_api.dashboard.queries import StoreRows

_CHUNK_ROWS = 5000
# A spreadsheet takes a text that begins so for a formula.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")

_DAYS: LiteralString = """
SELECT
    day, method, status, requests, order_rows, accepted, rejected, request_bytes,
    round(latency_us::numeric / requests / 1000, 1) AS mean_latency_ms
FROM enrich_api.request_days
WHERE store_id = %(store_id)s
ORDER BY day DESC, method, status
"""


async def requests_by_day(store: StoreRows) -> AsyncGenerator[str]:
    """Requests of each store-local day by method and status."""
    names = (
        "day",
        "method",
        "status",
        "requests",
        "orders",
        "accepted",
        "rejected",
        "request_bytes",
        "mean_latency_ms",
    )
    yield _csv([names])
    yield _csv(tuple(row.values()) for row in await store.fetch(_DAYS, {}))


async def failed_uploads(store: StoreRows, filters: Filters) -> AsyncGenerator[str]:
    """The refused rows that the filters leave, all pages of them."""
    yield _csv([("received_at_utc", "request_id", "row", "order_id", "code", "message")])
    while rows := await failures_page(store, filters, rows=_CHUNK_ROWS):
        yield _csv(
            (
                row["received_at"].isoformat(),
                row["request_id"],
                row["place"],
                row["order_id"],
                row["code"],
                row["message"],
            )
            for row in rows
        )
        filters = replace(filters, after=f"{rows[-1]['request_id']}|{rows[-1]['place']}")


def _csv(rows: Iterable[Sequence[Any]]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text).writerows([_defused(value) for value in row] for row in rows)
    return text.getvalue()


def _defused(value: Any) -> Any:
    """A text that a spreadsheet would run as a formula, made a text again. Numbers stay numbers."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA_STARTS) else value
