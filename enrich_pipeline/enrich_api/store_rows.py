"""Storing a POST's rows: one statement, one round trip, one commit, however many rows.

The statement updates the orders that the channel has reported, leaves those alone whose content is the same, and
tells which ids it does not know. It also checks that the key is still good, so that a key stops working the moment
it is replaced, without a query of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import LiteralString

import psycopg

from enrich_pipeline.enrich_api.columns import Columns
from enrich_pipeline.enrich_api.database import Connection, Database
from enrich_pipeline.enrich_api.key_ring import ApiKey
from enrich_pipeline.enrich_api.problems import unauthorized
from enrich_pipeline.enrich_api.profiles import Precision

# Rows are taken in the order of their ids, so that two requests for the same orders queue up instead of deadlocking;
# should the planner choose otherwise, PostgreSQL stops one of them and it is done again.
_MOST_ATTEMPTS = 5

_STORE: LiteralString = """
WITH
key AS (
    SELECT k.store_id, s.generation
    FROM enrich_api.api_keys AS k
    INNER JOIN enrich_api.stores AS s ON s.store_id = k.store_id
    WHERE k.key_id = %(key_id)s AND (k.revoked_at IS NULL OR k.revoked_at > now())
),
posted AS MATERIALIZED (
    SELECT p.order_id, {order_timestamp} AS order_timestamp, p.sales_amount, p.profit_amount, p.currency, p.place
    FROM unnest(
        %(order_ids)s::text[], %(order_timestamps)s::timestamptz[],
        %(sales_amounts)s::numeric[], %(profit_amounts)s::numeric[], %(currencies)s::text[]
    ) WITH ORDINALITY AS p (order_id, order_timestamp, sales_amount, profit_amount, currency, place)
    ORDER BY p.order_id COLLATE "C"
),
stored AS (
    UPDATE enrich_api.orders AS o
    SET
        order_timestamp = p.order_timestamp,
        sales_amount = p.sales_amount,
        profit_amount = p.profit_amount,
        currency = p.currency,
        created_at = coalesce(o.created_at, now()),
        updated_at = now(),
        generation = key.generation,
        refreshed_order_timestamp = CASE
            WHEN o.generation < key.generation THEN nullif(o.order_timestamp, p.order_timestamp)
            WHEN o.refreshed_currency IS NOT NULL
                THEN nullif(coalesce(o.refreshed_order_timestamp, o.order_timestamp), p.order_timestamp)
        END,
        refreshed_sales_amount
            = CASE WHEN o.generation < key.generation THEN o.sales_amount ELSE o.refreshed_sales_amount END,
        refreshed_profit_amount
            = CASE WHEN o.generation < key.generation THEN o.profit_amount ELSE o.refreshed_profit_amount END,
        refreshed_currency
            = CASE WHEN o.generation < key.generation THEN o.currency ELSE o.refreshed_currency END
    FROM posted AS p, key
    WHERE
        o.store_id = key.store_id AND o.order_id = p.order_id
        AND (
            o.created_at IS NULL
            OR (o.order_timestamp, o.sales_amount, o.profit_amount, o.currency)
            IS DISTINCT FROM (p.order_timestamp, p.sales_amount, p.profit_amount, p.currency)
        )
    RETURNING 1
)
SELECT
    EXISTS (SELECT FROM key),
    -- When every row was stored there is nothing to look for.
    ARRAY(
        SELECT p.place
        FROM posted AS p
        WHERE
            (SELECT count(*) FROM stored) < %(rows)s
            AND NOT EXISTS (
                SELECT FROM enrich_api.orders AS o
                WHERE o.store_id = (SELECT key.store_id FROM key) AND o.order_id = p.order_id
            )
        ORDER BY p.place
    )
"""

# A finer timestamp than the profile's is cut off, not rounded: rounding could move an order into the next day.
_STATEMENTS: dict[Precision, LiteralString] = {
    "microsecond": _STORE.replace("{order_timestamp}", "p.order_timestamp"),
    "second": _STORE.replace("{order_timestamp}", "date_trunc('second', p.order_timestamp)"),
}


async def store_rows(database: Database, key: ApiKey, columns: Columns, *, precision: Precision) -> Sequence[int]:
    """Store the rows durably and return the places (from 0) of those whose order the channel has not reported.

    May be repeated: the same rows again change nothing.

    Raises:
        Problem: 401 when the key was replaced meanwhile; nothing is stored.
        DatabaseUnavailableError: when the database is out of reach.
    """
    parameters = {
        "key_id": key.key_id,
        "rows": columns.rows,
        "order_ids": columns.order_ids,
        "order_timestamps": columns.order_timestamps,
        "sales_amounts": columns.sales_amounts,
        "profit_amounts": columns.profit_amounts,
        "currencies": columns.currencies,
    }
    statement = _STATEMENTS[precision]

    async def store(connection: Connection) -> tuple[bool, list[int]]:
        attempts_left = _MOST_ATTEMPTS
        while True:
            attempts_left -= 1
            try:
                cursor = await connection.execute(statement, parameters)
                return await cursor.fetchone() or (False, [])
            except psycopg.errors.DeadlockDetected:
                if not attempts_left:
                    raise

    key_is_good, unknown = await database.run(store)
    if not key_is_good:
        raise unauthorized("The key was replaced.")
    return [place - 1 for place in unknown]
