"""What the dashboard shows of orders and requests, a page at a time; each query reads an index, not the table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString

from psycopg.rows import dict_row

from enrich_pipeline.enrich_api.dashboard.paging import PAGE_ROWS, Filters
from enrich_pipeline.enrich_api.dashboard.trend_chart import TrendDay
from enrich_pipeline.enrich_api.database import Connection, Database

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class StoreRows:
    """What the database holds of one store."""

    database: Database
    store_id: int

    async def fetch(self, query: LiteralString, values: Mapping[str, Any]) -> list[Row]:
        """Run a query. It is planned for these very values: a filter that is not set costs nothing."""

        async def run(connection: Connection) -> list[Row]:
            async with connection.cursor(row_factory=dict_row) as cursor:
                await cursor.execute(query, {"store_id": self.store_id, **values}, prepare=False)
                rows: Sequence[Row] = await cursor.fetchall()
                return list(rows)

        return await self.database.run(run)


TREND_DAYS = 7
_LAST_CHARACTER = "\U0010ffff"

_STATUS: LiteralString = """
    CASE
        WHEN o.generation >= s.generation THEN 'pending'
        WHEN coalesce(o.ordered_at, o.order_timestamp) >= r.applied_from THEN 'applied'
        ELSE 'outside_window'
    END
"""
_ENRICHED: LiteralString = """
SELECT
    o.order_id, o.ordered_at, o.order_timestamp, o.created_at, o.updated_at, o.currency, o.sales_amount,
    o.profit_amount, o.original_currency, o.original_sales_amount, o.original_profit_amount, {status} AS status
FROM enrich_api.orders AS o
INNER JOIN enrich_api.stores AS s ON s.store_id = o.store_id
LEFT JOIN enrich_api.refreshes AS r ON r.store_id = o.store_id AND r.generation = o.generation
WHERE
    o.store_id = %(store_id)s
    AND o.created_at IS NOT NULL
"""
_ORDER: LiteralString = (_ENRICHED + "AND o.order_id = %(order_id)s").replace("{status}", _STATUS)
_ORDERS: LiteralString = (
    _ENRICHED
    + """
    AND (%(search)s::text = '' OR (o.order_id >= %(search)s::text AND o.order_id < %(search_end)s::text))
    AND (%(start)s::timestamptz IS NULL OR o.order_timestamp >= %(start)s::timestamptz)
    AND (%(end)s::timestamptz IS NULL OR o.order_timestamp < %(end)s::timestamptz)
    AND (%(choice)s::text = '' OR {status} = %(choice)s::text)
    AND (
        %(after_time)s::timestamptz IS NULL
        OR (o.order_timestamp, o.order_id) < (%(after_time)s::timestamptz, %(after_id)s::text COLLATE "C")
    )
ORDER BY o.order_timestamp DESC, o.order_id DESC
LIMIT %(rows)s
"""
).replace("{status}", _STATUS)

_REQUESTS: LiteralString = """
SELECT * FROM enrich_api.requests AS q
WHERE
    q.store_id = %(store_id)s
    AND (%(search)s::text = '' OR (q.request_id >= %(search)s::text AND q.request_id < %(search_end)s::text))
    AND (%(start_id)s::text IS NULL OR q.request_id >= %(start_id)s::text)
    AND (%(end_id)s::text IS NULL OR q.request_id < %(end_id)s::text)
    AND (%(method)s::text = '' OR q.method = %(method)s::text)
    AND (%(after)s::text = '' OR q.request_id < %(after)s::text)
    {outcome}
ORDER BY q.request_id DESC
LIMIT %(rows)s
"""
_OUTCOMES: Mapping[str, LiteralString] = {
    "": "",
    "succeeded": "AND q.status < 400 AND q.rejected = 0",
    # The first condition is the partial index's own.
    "failed": "AND (q.status >= 400 OR q.rejected > 0) AND q.status >= 400",
    "rejected": "AND (q.status >= 400 OR q.rejected > 0) AND q.rejected > 0",
}

_REQUEST: LiteralString = """
SELECT q.*, b.body, b.answer
FROM enrich_api.requests AS q
LEFT JOIN enrich_api.request_bodies AS b ON b.request_id = q.request_id
WHERE q.store_id = %(store_id)s AND q.request_id = %(request_id)s
"""

_TREND: LiteralString = """
SELECT
    d.day::date AS day,
    coalesce(sum(q.requests), 0)::bigint AS requests,
    coalesce(sum(q.accepted), 0)::bigint AS accepted,
    coalesce(sum(q.rejected), 0)::bigint AS rejected,
    coalesce(sum(q.requests) FILTER (WHERE q.status >= 400), 0)::bigint AS failed_requests
FROM enrich_api.stores AS s
CROSS JOIN generate_series(
    (now() AT TIME ZONE s.timezone)::date - %(days)s::int + 1, (now() AT TIME ZONE s.timezone)::date, '1 day'
) AS d (day)
LEFT JOIN enrich_api.request_days AS q ON q.store_id = s.store_id AND q.day = d.day::date AND q.method = 'POST'
WHERE s.store_id = %(store_id)s
GROUP BY d.day
ORDER BY d.day
"""
_REFRESHED: LiteralString = "SELECT refreshed_at FROM enrich_api.stores WHERE store_id = %(store_id)s"


async def orders_page(store: StoreRows, filters: Filters) -> list[Row]:
    """Enriched orders, latest first; one more row than a page holds tells that there is a next one."""
    after_time, _, after_id = filters.after.partition("|")
    values = _common(filters) | {"after_time": _instant(after_time), "after_id": after_id}
    return await store.fetch(_ORDERS, values)


async def order_detail(store: StoreRows, order_id: str) -> Row | None:
    """One enriched order."""
    rows = await store.fetch(_ORDER, {"order_id": order_id})
    return rows[0] if rows else None


async def requests_page(store: StoreRows, filters: Filters) -> list[Row]:
    """Requests, latest first."""
    outcome = _OUTCOMES.get(filters.choice, "")
    values = _common(filters) | {"start_id": id_at(filters.start), "end_id": id_at(filters.end)}
    return await store.fetch(_REQUESTS.replace("{outcome}", outcome), values)


async def request_detail(store: StoreRows, request_id: str) -> Row | None:
    """One request with its bodies, while they are kept."""
    rows = await store.fetch(_REQUEST, {"request_id": request_id})
    return rows[0] if rows else None


async def trend(store: StoreRows) -> list[TrendDay]:
    """The last seven store-local days of POST requests, today last."""
    return [TrendDay(**row) for row in await store.fetch(_TREND, {"days": TREND_DAYS})]


async def refreshed_at(store: StoreRows) -> datetime:
    """When the store was refreshed last."""
    [row] = await store.fetch(_REFRESHED, {})
    return row["refreshed_at"]


def id_at(moment: datetime | None) -> str | None:
    """Where a request of this moment would stand among the ids, which sort by time."""
    return None if moment is None else f"req_{max(0, int(moment.timestamp() * 1_000_000)):014x}"


def _common(filters: Filters) -> dict[str, Any]:
    return {
        "search": filters.search,
        "search_end": filters.search + _LAST_CHARACTER,
        "start": filters.start,
        "end": filters.end,
        "choice": filters.choice,
        "method": filters.method,
        "after": filters.after,
        "rows": PAGE_ROWS + 1,
    }


def _instant(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else None
