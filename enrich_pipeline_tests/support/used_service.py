"""A service's database as weeks of use leave it: orders of every status, requests, refused rows, days. Made by SQL.

It writes the tables directly because a page is measured and looked at with up to a million requests, which no test
could post. The rows follow from their numbers alone: the same call makes the same store.
"""

from __future__ import annotations

from typing import Any, LiteralString

import psycopg

_REFRESHES: LiteralString = """
UPDATE enrich_api.stores SET generation = 3 WHERE store_id = 1;
INSERT INTO enrich_api.refreshes (store_id, generation, refreshed_at, applied_from)
VALUES
    (1, 1, now() - interval '33 hours', now() - interval '28 days'),
    (1, 2, now() - interval '9 hours', now() - interval '28 days');
"""

# One order in fifty was never enriched; one in nine sold in another currency than was posted.
_ORDERS: LiteralString = """
INSERT INTO enrich_api.orders (
    store_id, order_id, ordered_at, original_currency, original_sales_amount, original_profit_amount,
    order_timestamp, sales_amount, profit_amount, currency, created_at, updated_at, generation
)
SELECT
    1, 'ORDER' || 100000 + n, at, CASE WHEN n %% 9 = 4 THEN 'EUR' ELSE 'USD' END, sales, round(sales * 0.61, 2),
    at,
    CASE WHEN n %% 50 > 0 THEN sales - (n %% 7) * 1.25 END,
    CASE WHEN n %% 50 > 0 THEN round(sales * 0.61, 2) - (n %% 31) * 3.4 END,
    CASE WHEN n %% 50 > 0 THEN 'USD' END,
    CASE WHEN n %% 50 > 0 THEN least(at + interval '5 hours', now()) END,
    CASE WHEN n %% 50 > 0 THEN least(at + interval '7 hours', now()) END,
    CASE WHEN n %% 50 > 0 THEN CASE WHEN at > now() - interval '20 hours' THEN 3 WHEN n %% 2 = 0 THEN 2 ELSE 1 END END
FROM (
    SELECT
        n,
        date_trunc('second', now() - interval '35 days' * n / %(orders)s) AS at,
        round(8.5 + (n::bigint * 7919 %% 40009) / 100.0, 2) AS sales
    FROM generate_series(0, %(orders)s - 1) AS n
) AS numbered
"""

# One POST in 40 is refused as a whole, one in 12 has refused rows, every fourth request is a GET.
_REQUESTS: LiteralString = """
INSERT INTO enrich_api.requests (
    request_id, store_id, key_label, received_at, method, path, query, status, latency_us, request_bytes,
    response_bytes, order_rows, accepted, rejected, problem
)
SELECT
    'req_' || lpad(to_hex((extract(epoch FROM at) * 1000000)::bigint), 14, '0') || lpad(to_hex(n), 10, '0'),
    1, CASE WHEN status <> 401 THEN '...k3Yz' END, at, method, '/enrich/orders',
    CASE WHEN method = 'GET' THEN 'start=2026-11-01T00:00:00Z&end=2026-11-02T00:00:00Z&limit=1000' ELSE '' END,
    status, 1800 + n::bigint * 7919 %% 60000, CASE WHEN method = 'POST' THEN 118 * sent ELSE 0 END, 96 + refused * 140,
    sent, CASE WHEN method = 'POST' AND status = 200 THEN sent - refused ELSE 0 END, refused,
    CASE status WHEN 401 THEN 'unauthorized' WHEN 400 THEN 'not_json' WHEN 413 THEN 'body_too_large' END
FROM (
    SELECT
        *, CASE WHEN status = 200 THEN 20 + (n::bigint * 104729 %% 480)::int ELSE 0 END AS sent,
        CASE WHEN status = 200 AND method = 'POST' AND n %% 12 = 7 THEN 1 + n %% 5 ELSE 0 END AS refused
    FROM (
        SELECT
            n, date_trunc('milliseconds', now() - make_interval(days => %(days)s) * n / %(requests)s) AS at,
            CASE WHEN n %% 4 = 2 THEN 'GET' ELSE 'POST' END AS method,
            CASE WHEN n %% 40 = 5 THEN (ARRAY[401, 400, 413])[1 + n / 40 %% 3] ELSE 200 END AS status
        FROM generate_series(0, %(requests)s - 1) AS n
    ) AS numbered
) AS sized
"""

_REJECTED: LiteralString = """
INSERT INTO enrich_api.rejected_rows (request_id, store_id, place, order_id, code, message)
SELECT
    q.request_id, 1, place * 3,
    CASE WHEN place = 4 THEN NULL ELSE 'ORDER' || 900000 + abs(hashtext(q.request_id || place)) %% 90000 END,
    (ARRAY['unknown_order', 'invalid_amount', 'invalid_timestamp', 'unknown_order', 'invalid_id'])[1 + place],
    (ARRAY[
        'The store has no such order: only orders that its sales channels reported can be enriched.',
        'sales_amount must be a JSON number, not a string.',
        'order_timestamp must be ISO 8601 with an offset, like 2025-06-10T20:19:00Z.',
        'The store has no such order: only orders that its sales channels reported can be enriched.',
        'order_id must be a string.'
    ])[1 + place]
FROM enrich_api.requests AS q
CROSS JOIN LATERAL generate_series(0, q.rejected - 1) AS place
"""

_DAYS: LiteralString = """
INSERT INTO enrich_api.request_days (
    store_id, day, method, status, requests, order_rows, accepted, rejected, request_bytes, latency_us
)
SELECT
    r.store_id, (r.received_at AT TIME ZONE s.timezone)::date AS day, r.method, r.status,
    count(*), sum(r.order_rows), sum(r.accepted), sum(r.rejected), sum(r.request_bytes), sum(r.latency_us)
FROM enrich_api.requests AS r
INNER JOIN enrich_api.stores AS s ON s.store_id = r.store_id
GROUP BY r.store_id, day, r.method, r.status
"""


def fill_service(connection: psycopg.Connection[Any], *, orders: int, requests: int, days: int = 14) -> None:
    """Fill an empty service's tables: orders over 35 days, requests over the last `days`. Not to be repeated."""
    values = {"orders": orders, "requests": requests, "days": days}
    connection.execute(_REFRESHES)
    for statement in (_ORDERS, _REQUESTS, _REJECTED, _DAYS):
        connection.execute(statement, values)
    for table in ("orders", "requests", "rejected_rows", "request_days"):
        connection.execute(f"ANALYZE enrich_api.{table}")  # type: ignore[arg-type]  # our own names
