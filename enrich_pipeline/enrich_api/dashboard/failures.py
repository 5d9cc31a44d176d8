"""Failed uploads: the rows that were refused, and why."""

from __future__ import annotations

from typing import Any, LiteralString

from enrich_pipeline.enrich_api.dashboard.paging import PAGE_ROWS, Filters
from enrich_pipeline.enrich_api.dashboard.queries import Row, StoreRows, id_at

EXPLANATIONS = {
    "unknown_order": "The store has no such order",
    "duplicate_in_request": "The order stood twice in the request",
    "invalid_id": "The order id cannot be one",
    "invalid_amount": "An amount was missing or no number",
    "invalid_timestamp": "The time had no offset or was none",
    "invalid_currency": "The currency is not in ISO 4217",
}

_FAILURES: LiteralString = """
SELECT f.request_id, f.place, f.order_id, f.code, f.message, q.received_at
FROM enrich_api.rejected_rows AS f
INNER JOIN enrich_api.requests AS q ON q.request_id = f.request_id
WHERE
    f.store_id = %(store_id)s
    AND (%(search)s::text = '' OR f.order_id = %(search)s::text)
    AND (%(choice)s::text = '' OR f.code = %(choice)s::text)
    AND (%(start_id)s::text IS NULL OR f.request_id >= %(start_id)s::text)
    AND (%(end_id)s::text IS NULL OR f.request_id < %(end_id)s::text)
    AND (
        %(after_request)s::text = ''
        OR (f.request_id, f.place) < (%(after_request)s::text COLLATE "C", %(after_place)s::int)
    )
ORDER BY f.request_id DESC, f.place DESC
LIMIT %(rows)s
"""
_OF_REQUEST: LiteralString = """
SELECT place, order_id, code, message FROM enrich_api.rejected_rows
WHERE store_id = %(store_id)s AND request_id = %(request_id)s
ORDER BY place
LIMIT %(rows)s
"""


async def failures_of_order(store: StoreRows, order_id: str) -> list[Row]:
    """The latest refusals of one order."""
    return await failures_page(store, Filters(search=order_id), rows=PAGE_ROWS)


async def failures_page(store: StoreRows, filters: Filters, *, rows: int = PAGE_ROWS + 1) -> list[Row]:
    """Refused rows, latest first."""
    request_id, _, place = filters.after.partition("|")
    values: dict[str, Any] = {
        "search": filters.search,
        "choice": filters.choice,
        "start_id": id_at(filters.start),
        "end_id": id_at(filters.end),
        "after_request": request_id,
        "after_place": int(place) if place.isascii() and place.isdigit() and len(place) < 9 else 0,
        "rows": rows,
    }
    return await store.fetch(_FAILURES, values)


async def failures_of(store: StoreRows, request_id: str) -> list[Row]:
    """The refused rows of one request, in its own order."""
    return await store.fetch(_OF_REQUEST, {"request_id": request_id, "rows": PAGE_ROWS})
