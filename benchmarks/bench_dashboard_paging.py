"""How long the dashboard's pages take when the log is long: at 1 million requests and 1 million orders by default.

Each page is fetched from the running service over HTTP, as a browser would, and again and again. The figures are what a
user waits for: the query, the template and the bytes.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Iterator

import httpx
import psycopg

from enrich_pipeline.enrich_api.dashboard.sessions import PATH, offer_sign_in
from enrich_pipeline.warehouse.embedded import API_ROLE
from enrich_pipeline_tests.support.api_server import running_api
from enrich_pipeline_tests.support.databases import fresh_database, temporary_server
from enrich_pipeline_tests.support.used_service import fill_service


def main() -> None:
    """Fill a service, fetch its pages, print the waiting times."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=1_000_000)
    parser.add_argument("--orders", type=int, default=1_000_000)
    parser.add_argument("--times", type=int, default=20, help="how often each page is fetched")
    options = parser.parse_args()
    with fresh_database(temporary_server(), owner=API_ROLE) as url, running_api(url) as api:
        with psycopg.connect(api.config.database_url) as connection:
            fill_service(connection, orders=options.orders, requests=options.requests)
        with psycopg.connect(api.config.database_url, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")
            addresses = dict(_addresses(connection))
            client = httpx.Client(base_url=api.base_url, follow_redirects=True, timeout=60)
            client.get(offer_sign_in(connection, api.base_url)).raise_for_status()
        print(f"{options.requests:,} requests, {options.orders:,} orders; each page {options.times} times")
        print(f"{'p50 ms':>8} {'p95 ms':>8}")
        for name, address in addresses.items():
            seconds = sorted(_fetch(client, address) for _ in range(options.times))
            p95 = seconds[round(0.95 * (len(seconds) - 1))]
            print(f"{statistics.median(seconds) * 1000:8.1f} {p95 * 1000:8.1f}  {name}", flush=True)


def _addresses(connection: psycopg.Connection) -> Iterator[tuple[str, str]]:
    def one(query: str) -> str:
        row = connection.execute(query).fetchone()  # type: ignore[arg-type]  # our own queries
        return str(row[0]) if row else ""

    deep_request = one("SELECT request_id FROM enrich_api.requests ORDER BY 1 LIMIT 1 OFFSET 5000")
    deep_failure = one("SELECT request_id || '|0' FROM enrich_api.rejected_rows ORDER BY 1 LIMIT 1 OFFSET 2000")
    deep_order = one(
        "SELECT replace(order_timestamp::text, '+00', '%2B00:00') || '|' || order_id"
        " FROM enrich_api.orders ORDER BY order_timestamp LIMIT 1 OFFSET 5000"
    )
    refused = one("SELECT order_id FROM enrich_api.rejected_rows WHERE order_id IS NOT NULL LIMIT 1")
    day = one("SELECT (now() - interval '9 days')::date")
    yield "overview", ""
    yield "requests, first page", "/requests"
    yield "requests, a page at the other end", f"/requests?after={deep_request}"
    for choice in ("succeeded", "failed", "rejected"):
        yield f"requests, {choice}", f"/requests?choice={choice}"
        yield f"requests, {choice}, at the other end", f"/requests?choice={choice}&after={deep_request}"
    yield "requests, GET", "/requests?method=GET"
    yield "requests, failed GET (there is none)", "/requests?method=GET&choice=rejected"
    yield "requests, an hour nine days ago", f"/requests?from={day}T10:00&to={day}T11:00"
    yield "requests, by id", f"/requests?search={deep_request}"
    yield "requests, an id that there is not", "/requests?search=req_none"
    yield "one request", f"/requests/{deep_request}"
    yield "orders, first page", "/orders"
    yield "orders, a page at the other end", f"/orders?after={deep_order}"
    for choice in ("pending", "applied", "outside_window"):
        yield f"orders, {choice}", f"/orders?choice={choice}"
    yield "orders, pending, at the other end (there is none)", f"/orders?choice=pending&after={deep_order}"
    yield "orders, by id", "/orders?search=ORDER100123"
    yield "orders, by the beginning of an id", "/orders?search=ORDER1"
    yield "orders, an id that there is not", "/orders?search=NONE"
    yield "orders, an hour nine days ago", f"/orders?from={day}T10:00&to={day}T11:00"
    yield "one order", "/order?id=ORDER100123"
    yield "failed uploads, first page", "/failed-uploads"
    yield "failed uploads, a page at the other end", f"/failed-uploads?after={deep_failure}"
    yield "failed uploads, by reason", "/failed-uploads?choice=invalid_timestamp"
    yield "failed uploads, a reason that there is not", "/failed-uploads?choice=invalid_currency"
    yield "failed uploads, by order", f"/failed-uploads?search={refused}"
    yield "failed uploads, an order that was never refused", "/failed-uploads?search=ORDER100123"
    yield "export of API requests by day", "/requests-by-day.csv"


def _fetch(client: httpx.Client, address: str) -> float:
    started = time.perf_counter()
    client.get(f"{PATH}{address}").raise_for_status()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
