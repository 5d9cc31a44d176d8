"""The orders as the store's sales channels know them: what a vendor has imported before anybody enriches it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

from sqlalchemy import Connection, text

ChannelOrder = tuple[str, datetime, str | None, Decimal, Decimal]

# A channel knows prices and discounts but no costs: its profit is its sales. What is no number counts for nothing here,
# since these are the wrong sums that the pipeline is there to replace.
_CHANNEL_ORDERS = text("""
    WITH
    finite_lines AS (
        SELECT order_id, sum(quantity * unit_price) AS gross, sum(discount) AS discounts
        FROM (
            SELECT
                order_id,
                CASE WHEN quantity NOT IN ('NaN', 'Infinity', '-Infinity') THEN quantity ELSE 0 END AS quantity,
                CASE WHEN unit_price NOT IN ('NaN', 'Infinity', '-Infinity') THEN unit_price ELSE 0 END AS unit_price,
                CASE WHEN discount NOT IN ('NaN', 'Infinity', '-Infinity') THEN discount ELSE 0 END AS discount
            FROM raw.order_lines
        ) AS lines
        GROUP BY order_id
    ),
    known AS (
        SELECT DISTINCT ON (order_id) *
        FROM raw.orders
        WHERE
            length(order_id) BETWEEN 1 AND 255 AND document_type = 'sale'
            AND order_id !~ '^[[:space:]]|[[:space:]]$|[[:cntrl:]]'
        ORDER BY order_id, ordered_at DESC
    )
    SELECT
        known.order_id, known.ordered_at, known.currency,
        coalesce(lines.gross, 0) - coalesce(lines.discounts, 0)
        - CASE WHEN order_discount NOT IN ('NaN', 'Infinity', '-Infinity') THEN order_discount ELSE 0 END
        + CASE WHEN shipping_charged NOT IN ('NaN', 'Infinity', '-Infinity') THEN shipping_charged ELSE 0 END
        AS sales
    FROM known LEFT JOIN finite_lines AS lines ON known.order_id = lines.order_id
""")


def channel_orders(connection: Connection) -> Iterator[ChannelOrder]:
    """Stream every sale in `raw.orders` that has a usable id, once, as (id, time, currency, sales, profit).

    Sales are lines less discounts plus shipping, unrounded; profit equals sales. An id that stands twice is told by its
    latest row. The rows come from a server-side cursor: memory does not grow with the store.
    """
    rows = connection.execution_options(stream_results=True, yield_per=10_000).execute(_CHANNEL_ORDERS)
    for row in rows:
        yield (row.order_id, row.ordered_at, row.currency, row.sales, row.sales)
