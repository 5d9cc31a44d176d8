"""Answering a GET: PostgreSQL writes the whole JSON body, Python passes its bytes on.

Orders come in the order of (order_timestamp, order_id), by the posted timestamp; only enriched ones. Amounts are
numeric's own digits, so what was posted is what is read, to the last decimal.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString

from enrich_pipeline.enrich_api.database import Connection, Database
from enrich_pipeline.enrich_api.key_ring import ApiKey
from enrich_pipeline.enrich_api.problems import unauthorized
from enrich_pipeline.enrich_api.profiles import ServiceProfile

# `||` with one null part is null as a whole: every part that may be null is wrapped.
# The session is in UTC, so a time's text is `2025-06-10 20:19:00.5+00`.
_UTC: LiteralString = "'\"' || replace(left({}::text, -3), ' ', 'T') || 'Z\"'"

_FIVE_FIELDS: LiteralString = (
    "'{\"order_id\":' || to_json(r.order_id)::text"
    " || ',\"order_timestamp\":' || " + _UTC.replace("{}", "r.order_timestamp") + ""
    " || ',\"sales_amount\":' || r.sales_amount::text"
    " || ',\"profit_amount\":' || r.profit_amount::text"
    " || ',\"currency\":\"' || r.currency || '\"'"
)

_STATUS_FIELDS: LiteralString = (
    ' || \',"status":"\' || CASE'
    " WHEN r.generation >= r.current_generation THEN 'pending'"
    " WHEN coalesce(r.ordered_at, r.order_timestamp) >= f.applied_from THEN 'applied'"
    " ELSE 'outside_window' END || '\"'"
    " || ',\"original_sales_amount\":' || coalesce(r.original_sales_amount::text, 'null')"
    " || ',\"original_profit_amount\":' || coalesce(r.original_profit_amount::text, 'null')"
    " || ',\"created_at\":' || " + _UTC.replace("{}", "r.created_at") + ""
    " || ',\"updated_at\":' || " + _UTC.replace("{}", "r.updated_at") + ""
)

_KEY: LiteralString = """
WITH key AS (
    SELECT k.store_id, s.generation
    FROM enrich_api.api_keys AS k
    INNER JOIN enrich_api.stores AS s ON s.store_id = k.store_id
    WHERE k.key_id = %(key_id)s AND (k.revoked_at IS NULL OR k.revoked_at > now())
)
SELECT
    EXISTS (SELECT FROM key),
    count(*),
    convert_to(
        '{"orders":[' || coalesce(string_agg({row} || '}', ',' ORDER BY r.order_timestamp, r.order_id), '') || ']}',
        'UTF8'
    )
FROM ({rows}) AS r
LEFT JOIN enrich_api.refreshes AS f ON f.store_id = r.store_id AND f.generation = r.generation
"""

_WINDOW: LiteralString = "{} >= %(start)s::timestamptz AND {} {end} %(end)s::timestamptz"

# The newest enrichment, pending or not.
_AT_ONCE: LiteralString = """
    SELECT o.*, (SELECT key.generation FROM key) AS current_generation
    FROM enrich_api.orders AS o
    WHERE
        o.store_id = (SELECT key.store_id FROM key) AND o.created_at IS NOT NULL
        AND {window}
    ORDER BY o.order_timestamp, o.order_id
    LIMIT %(limit)s
"""

# The enrichment as the latest refresh left it. Where a newer one is pending its own columns hold it; its timestamp
# stands there only when the newer one moved the order to another time, which is the second branch.
_AFTER_REFRESH: LiteralString = """
    SELECT u.*
    FROM (
        (
            SELECT
                o.store_id, o.order_id, o.generation, o.order_timestamp,
                CASE WHEN o.generation < g.generation THEN o.sales_amount ELSE o.refreshed_sales_amount END
                    AS sales_amount,
                CASE WHEN o.generation < g.generation THEN o.profit_amount ELSE o.refreshed_profit_amount END
                    AS profit_amount,
                CASE WHEN o.generation < g.generation THEN o.currency ELSE o.refreshed_currency END AS currency,
                o.ordered_at, o.original_sales_amount, o.original_profit_amount, o.created_at, o.updated_at,
                g.generation AS current_generation
            FROM (SELECT key.generation FROM key) AS g, enrich_api.orders AS o
            WHERE
                o.store_id = (SELECT key.store_id FROM key)
                AND (
                    o.generation < g.generation
                    OR (o.refreshed_currency IS NOT NULL AND o.refreshed_order_timestamp IS NULL)
                )
                AND {window}
            ORDER BY o.order_timestamp, o.order_id
            LIMIT %(limit)s
        )
        UNION ALL
        (
            SELECT
                o.store_id, o.order_id, o.generation, o.refreshed_order_timestamp,
                o.refreshed_sales_amount, o.refreshed_profit_amount, o.refreshed_currency,
                o.ordered_at, o.original_sales_amount, o.original_profit_amount, o.created_at, o.updated_at,
                g.generation
            FROM (SELECT key.generation FROM key) AS g, enrich_api.orders AS o
            WHERE
                o.store_id = (SELECT key.store_id FROM key)
                AND o.generation >= g.generation
                AND {refreshed_window}
            ORDER BY o.refreshed_order_timestamp, o.order_id
            LIMIT %(limit)s
        )
    ) AS u
    ORDER BY u.order_timestamp, u.order_id
    LIMIT %(limit)s
"""


@dataclass(frozen=True, slots=True)
class Window:
    """What a GET asks for: zone-aware ends, and at most how many rows."""

    start: datetime
    end: datetime
    limit: int


@dataclass(frozen=True, slots=True)
class Listing:
    """A GET's answer: `{"orders": [...]}` as bytes, and how many orders are in it."""

    rows: int
    body: bytes


def listing_statement(profile: ServiceProfile) -> LiteralString:
    """The statement that answers a GET in this profile. Build it once: it is the same for every request."""
    end: LiteralString = "<=" if profile.end_inclusive else "<"
    row: LiteralString = _FIVE_FIELDS + _STATUS_FIELDS if profile.get_row == "status" else _FIVE_FIELDS
    rows: LiteralString = _AT_ONCE if profile.shown == "at_once" else _AFTER_REFRESH
    window: LiteralString = _WINDOW.replace("{end}", end)
    return (
        _KEY.replace("{row}", row)
        .replace("{rows}", rows)
        .replace("{window}", window.replace("{}", "o.order_timestamp"))
        .replace("{refreshed_window}", window.replace("{}", "o.refreshed_order_timestamp"))
    )


async def list_rows(database: Database, key: ApiKey, window: Window, *, statement: LiteralString) -> Listing:
    """Read the window.

    Raises:
        Problem: 401 when the key was replaced meanwhile.
        DatabaseUnavailableError: when the database is out of reach.
    """
    parameters = {"key_id": key.key_id, "start": window.start, "end": window.end, "limit": window.limit}

    async def read(connection: Connection) -> tuple[bool, int, bytes]:
        cursor = await connection.execute(statement, parameters, binary=True)
        return await cursor.fetchone() or (False, 0, b"")

    key_is_good, rows, body = await database.run(read)
    if not key_is_good:
        raise unauthorized("The key was replaced.")
    return Listing(rows, body)
