"""What the store's sales channels reported: the orders that may be enriched, and their original sales and profit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, LiteralString, NamedTuple

import psycopg

from enrich_pipeline.enrich_api.config import DEFAULT_STORE_ID

_STAGE: LiteralString = """
CREATE TEMPORARY TABLE reported (
    order_id text COLLATE "C", ordered_at timestamptz, currency text, sales_amount numeric, profit_amount numeric
) ON COMMIT DROP
"""

_COPY: LiteralString = "COPY reported (order_id, ordered_at, currency, sales_amount, profit_amount) FROM STDIN"

# An order reported twice counts once, by its latest time; one without an id cannot be enriched. JSON has no NaN.
_MERGE: LiteralString = """
WITH
latest AS (
    SELECT DISTINCT ON (order_id)
        order_id,
        ordered_at,
        coalesce(currency, (SELECT currency FROM enrich_api.stores WHERE store_id = %(store_id)s)) AS currency,
        CASE WHEN sales_amount NOT IN ('NaN', 'Infinity', '-Infinity') THEN sales_amount END AS sales_amount,
        CASE WHEN profit_amount NOT IN ('NaN', 'Infinity', '-Infinity') THEN profit_amount END AS profit_amount
    FROM reported
    WHERE order_id <> ''
    ORDER BY order_id, ordered_at DESC NULLS LAST
),
merged AS (
    INSERT INTO enrich_api.orders AS o (
        store_id, order_id, ordered_at, original_currency, original_sales_amount, original_profit_amount,
        order_timestamp
    )
    SELECT %(store_id)s, order_id, ordered_at, currency, sales_amount, profit_amount, ordered_at FROM latest
    ON CONFLICT (store_id, order_id) DO UPDATE
    SET
        ordered_at = excluded.ordered_at,
        original_currency = excluded.original_currency,
        original_sales_amount = excluded.original_sales_amount,
        original_profit_amount = excluded.original_profit_amount,
        order_timestamp = CASE WHEN o.created_at IS NULL THEN excluded.ordered_at ELSE o.order_timestamp END
    WHERE
        (o.ordered_at, o.original_currency, o.original_sales_amount, o.original_profit_amount)
        IS DISTINCT FROM (
            excluded.ordered_at, excluded.original_currency,
            excluded.original_sales_amount, excluded.original_profit_amount
        )
    RETURNING (xmax = 0) AS is_new
)
SELECT
    (SELECT count(*) FROM reported),
    (SELECT count(*) FROM latest),
    count(*) FILTER (WHERE is_new),
    count(*) FILTER (WHERE NOT is_new)
FROM merged
"""


class ChannelOrder(NamedTuple):
    """An order as a sales channel reported it: exact amounts, zone-aware time; no currency means the store's.

    A plain tuple of the same five values does as well, so that a cursor's rows can be passed as they are.
    """

    order_id: str
    ordered_at: datetime | None
    currency: str | None
    sales_amount: Decimal | None
    profit_amount: Decimal | None


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What an import did: rows read, distinct orders among them, and how many were new or had changed."""

    rows: int
    orders: int
    added: int
    changed: int


def import_channel_orders(
    connection: psycopg.Connection[Any],
    rows: Iterable[ChannelOrder | tuple[Any, ...]],
    *,
    store_id: int = DEFAULT_STORE_ID,
) -> ImportResult:
    """Load `rows`, which may be a stream, and commit them together. May be repeated: the same orders change nothing.

    Enrichments are never touched. An order that the channel no longer reports stays.
    """
    with connection.transaction():
        connection.execute(_STAGE)
        with connection.cursor() as cursor, cursor.copy(_COPY) as copy:
            for row in rows:
                copy.write_row(row)
        connection.execute("ANALYZE reported")
        counts = connection.execute(_MERGE, {"store_id": store_id}).fetchone()
    connection.execute("ANALYZE enrich_api.orders")
    return ImportResult(*(counts or (0, 0, 0, 0)))
