"""Durable orders a second: our service, a plain one (FastAPI, pydantic, SQLite), and the bare upsert of the same rows.

All three get the same bodies of 500 orders, four at a time, and every answer comes after its commit reached the disk.
Every turn changes every order: a replay would be cheaper. Then our service's GET of one day, a thousand rows a request.

    .venv-bench/bin/python benchmarks/bench_service.py [--turns 5] [--workers 1] [--day-orders 200000]
"""

from __future__ import annotations

import argparse
import atexit
import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import psycopg
from plain_service import SCHEMA

from enrich_pipeline.enrich_api import (
    ApiConfig,
    ServiceProcess,
    ServiceSpec,
    connect,
    import_channel_orders,
    replace_key,
)
from enrich_pipeline.warehouse.embedded import EmbeddedPostgres, libpq_url

BATCH = 500
CONCURRENCY = 4
ORDERS = 100_000
LIMIT = 1000
DAY = datetime(2025, 6, 10, tzinfo=UTC)
DAY_MICROSECONDS = 24 * 3600 * 1_000_000

BARE_TABLE = """
CREATE TABLE bare_orders (
    order_id text COLLATE "C" PRIMARY KEY, order_timestamp timestamptz, sales_amount numeric, profit_amount numeric,
    currency text
)
"""
BARE_UPSERT = """
INSERT INTO bare_orders (order_id, order_timestamp, sales_amount, profit_amount, currency)
SELECT * FROM unnest(%s::text[], %s::timestamptz[], %s::numeric[], %s::numeric[], %s::text[])
ON CONFLICT (order_id) DO UPDATE SET
    order_timestamp = excluded.order_timestamp, sales_amount = excluded.sales_amount,
    profit_amount = excluded.profit_amount, currency = excluded.currency
"""

Row = tuple[str, str, str, str, str]
Sender = Callable[[Any], None]


def order_time(number: int, orders: int) -> datetime:
    """Spread over the day, so that every order has a moment of its own."""
    return DAY + timedelta(microseconds=number * (DAY_MICROSECONDS // orders))


def rows_of(turn: int) -> list[Row]:
    """Every order once, with amounts of this turn."""
    times = (order_time(number, ORDERS).isoformat().replace("+00:00", "Z") for number in range(ORDERS))
    return [
        (f"gid-Order-{5_000_000_000 + n}", moment, f"{n % 400}.{turn:02}", f"{n % 90 - 30}.{turn:02}", "USD")
        for n, moment in enumerate(times)
    ]


def batches_of(turn: int) -> list[Sequence[Row]]:
    """The turn's orders, a batch a request."""
    rows = rows_of(turn)
    return [rows[start : start + BATCH] for start in range(0, len(rows), BATCH)]


def body_of(rows: Sequence[Row]) -> bytes:
    """A batch as a POST's body."""
    names = ('{"order_id":"', '","order_timestamp":"', '","sales_amount":', ',"profit_amount":', ',"currency":"')
    orders = ["".join(part for pair in zip(names, row, strict=True) for part in pair) + '"}' for row in rows]
    return f'{{"orders":[{",".join(orders)}]}}'.encode()


def arrays_of(rows: Sequence[Row]) -> tuple[str, ...]:
    """A batch as the bare statement's parameters."""
    return tuple("{" + ",".join(column) + "}" for column in zip(*rows, strict=True))


def orders_a_second(open_sender: Callable[[], Sender], requests: Sequence[Any]) -> float:
    """Send the requests from CONCURRENCY threads, each with a sender of its own."""
    left = iter(requests)
    lock = threading.Lock()
    failures: list[BaseException] = []

    def send_until_none_is_left() -> None:
        try:
            send = open_sender()
            while True:
                with lock:
                    request = next(left, None)
                if request is None:
                    return
                send(request)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=send_until_none_is_left) for _ in range(CONCURRENCY)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    elapsed = time.perf_counter() - began
    if failures:
        raise failures[0]
    return len(requests) * BATCH / elapsed


def post_to(port: int, key: str = "none") -> Callable[[], Sender]:
    """Senders of bodies, each over a connection that stays open; a row that is not accepted ends the measurement."""
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}

    def open_sender() -> Sender:
        connection = HTTPConnection("127.0.0.1", port)

        def send(content: bytes) -> None:
            connection.request("POST", "/enrich/orders", content, headers)
            answer = connection.getresponse()
            report = json.loads(answer.read())
            if answer.status != 200 or report["accepted"] != BATCH:
                raise RuntimeError(f"{answer.status}: {report}")

        return send

    return open_sender


def upsert_into(url: str) -> Callable[[], Sender]:
    """Senders of the bare statement, prepared, a commit each."""

    def open_sender() -> Sender:
        connection = psycopg.connect(url, autocommit=True, prepare_threshold=0, options="-c jit=off -c timezone=UTC")
        return lambda arrays: connection.execute(BARE_UPSERT, arrays) and None

    return open_sender


@contextmanager
def plain_service(folder: Path) -> Iterator[int]:
    """The plain service in a process of its own; it knows the orders. Yields its port."""
    path = folder / "plain.db"
    with sqlite3.connect(path) as database:
        database.executescript(SCHEMA)
        database.executemany("INSERT INTO orders VALUES (?, ?, ?, ?, ?)", rows_of(0))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", "plain_service:app", "--port", str(port), "--log-level", "warning"]
    environment = os.environ | {"PLAIN_DATABASE": str(path)}
    process = subprocess.Popen([*command, "--no-access-log"], cwd=Path(__file__).parent, env=environment)
    try:
        while socket.socket().connect_ex(("127.0.0.1", port)):
            time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait()


def measure_posts(url: str, folder: Path, *, turns: int, workers: int) -> None:
    """Print the three figures and how they compare."""
    with psycopg.connect(url) as connection:
        connection.execute(BARE_TABLE)
    known = batches_of(0)
    work = [batch for turn in range(1, turns + 1) for batch in batches_of(turn)]
    bodies, arrays = [body_of(batch) for batch in work], [arrays_of(batch) for batch in work]
    orders_a_second(upsert_into(url), [arrays_of(batch) for batch in known])
    bare = orders_a_second(upsert_into(url), arrays)
    print(f"bare upsert, {CONCURRENCY} connections: {bare:,.0f} orders/s")
    with connect(ApiConfig(database_url=url)) as connection:
        key = replace_key(connection)
        import_channel_orders(
            connection, ((r[0], order_time(n, ORDERS), "USD", 1, 1) for n, r in enumerate(rows_of(0)))
        )
    with ServiceProcess(ServiceSpec(database_url=url, arguments=["--workers", str(workers)])) as service:
        orders_a_second(post_to(service.port, key), [body_of(batch) for batch in known])
        ours = orders_a_second(post_to(service.port, key), bodies)
    print(f"ours, {workers} worker(s): {ours:,.0f} orders/s")
    with plain_service(folder) as port:
        plain = orders_a_second(post_to(port), bodies)
    print(f"FastAPI + pydantic + SQLite: {plain:,.0f} orders/s")
    print(f"ours is {ours / plain:.2f} of the plain service and {ours / bare:.2f} of the bare upsert")


def measure_get(url: str, *, orders: int) -> None:
    """Print how fast a whole day is read, in windows of LIMIT rows."""
    ids = [f"DAY{number}" for number in range(orders)]
    with connect(ApiConfig(database_url=url)) as connection:
        connection.execute("TRUNCATE enrich_api.orders")
        key = replace_key(connection)
        import_channel_orders(connection, [(name, order_time(n, orders), "USD", 1, 1) for n, name in enumerate(ids)])
        connection.execute(
            "UPDATE enrich_api.orders SET created_at = now(), updated_at = now(), currency = 'USD', generation = 1, "
            "sales_amount = 269.94, profit_amount = -65.40"
        )
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE enrich_api.orders")
    windows = [(order_time(n, orders), order_time(min(n + LIMIT, orders) - 1, orders)) for n in range(0, orders, LIMIT)]
    with ServiceProcess(ServiceSpec(database_url=url)) as service:
        connection = HTTPConnection("127.0.0.1", service.port)
        found = 0
        began = time.perf_counter()
        for start, end in windows:
            query = urlencode({"start": start.isoformat(), "end": end.isoformat(), "limit": LIMIT})
            connection.request("GET", f"/enrich/orders?{query}", headers={"Authorization": f"Bearer {key}"})
            found += connection.getresponse().read().count(b'"order_id"')
        elapsed = time.perf_counter() - began
    if found != orders:
        raise RuntimeError(f"{found} of {orders} orders came")
    print(f"GET of a day of {orders:,} orders, {LIMIT} a request: {orders / elapsed:,.0f} rows/s")


def main() -> None:
    """Measure everything on a database of its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=5, help=f"how often each of {ORDERS:,} orders is posted")
    parser.add_argument("--workers", type=int, default=1, help="worker processes of our service")
    parser.add_argument("--day-orders", type=int, default=200_000, help="orders of the day that GET reads")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder)  # before the server registers its own end, so run after it
    url = libpq_url(EmbeddedPostgres.start(folder / "data").url("enrich_api"))
    measure_posts(url, folder, turns=options.turns, workers=options.workers)
    measure_get(url, orders=options.day_orders)


if __name__ == "__main__":
    main()
