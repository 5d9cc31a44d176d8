"""The clients that `bench_upload.py` compares. Each is loaded first, imports and all, and then timed once."""

from __future__ import annotations

import os
import queue
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import URL

Send = Callable[[URL, str, date, int, int], int]

_KEY = {
    "Authorization": f"Bearer {os.environ.get('BENCHMARK_KEY', 'benchmark')}",
    "Content-Type": "application/json",
}
_COLUMNS = "order_id, ordered_at, sales_amount, profit_amount, currency"
_SELECT = f"SELECT {_COLUMNS} FROM enrich.order_profit WHERE order_day = '{{day}}' AND exclusion IS NULL"


@dataclass(frozen=True)
class Client:
    """A client's name in the table, and what imports its packages and returns how it sends a day."""

    title: str
    load: Callable[[], Send]


def _libpq(url: URL) -> str:
    return url.set(drivername="postgresql").render_as_string(hide_password=False)


def pandas_script() -> Send:
    """A script: read_sql, to_dict, requests, one batch after the other."""
    import pandas as pd
    import requests
    from sqlalchemy import create_engine

    def send(warehouse: URL, url: str, day: date, batch: int, _in_flight: int) -> int:
        frame = pd.read_sql(_SELECT.format(day=day), create_engine(warehouse))
        frame["order_timestamp"] = pd.to_datetime(frame.pop("ordered_at"), utc=True).dt.strftime("%Y-%m-%dT%H:%M:%SZ")
        frame[["sales_amount", "profit_amount"]] = frame[["sales_amount", "profit_amount"]].astype(float)
        sent = 0
        for start in range(0, len(frame), batch):
            orders = frame.iloc[start : start + batch].to_dict("records")
            requests.post(f"{url}/enrich/orders", json={"orders": orders}, headers=_KEY).raise_for_status()
            sent += len(orders)
        return sent

    return send


def threaded_script() -> Send:
    """A good script: psycopg, orjson, a session a thread."""
    import orjson
    import psycopg
    import requests

    def send(warehouse: URL, url: str, day: date, batch: int, in_flight: int) -> int:
        sessions = threading.local()

        def post(rows: list[Any]) -> int:
            if not hasattr(sessions, "session"):
                sessions.session = requests.Session()
                sessions.session.headers.update(_KEY)
            orders = [
                {
                    "order_id": order_id,
                    "order_timestamp": ordered_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
                    "sales_amount": float(sales),
                    "profit_amount": float(profit),
                    "currency": currency,
                }
                for order_id, ordered_at, sales, profit, currency in rows
            ]
            sessions.session.post(f"{url}/enrich/orders", data=orjson.dumps({"orders": orders})).raise_for_status()
            return len(orders)

        with psycopg.connect(_libpq(warehouse)) as connection, ThreadPoolExecutor(in_flight) as pool:
            connection.execute("SET timezone = 'UTC'")
            cursor = connection.cursor("orders")
            cursor.execute(_SELECT.format(day=day))
            futures = []
            while rows := cursor.fetchmany(batch):
                futures.append(pool.submit(post, rows))
            return sum(future.result() for future in futures)

    return send


def dlt_pipeline() -> Send:
    """Dlt with a custom destination and as many workers, its files small enough to keep them all busy."""
    folder = tempfile.mkdtemp(prefix="enrich-bench-dlt-")
    os.environ |= {
        "DLT_DATA_DIR": folder,
        "RUNTIME__DLTHUB_TELEMETRY": "false",
        "RUNTIME__LOG_LEVEL": "CRITICAL",
        "DATA_WRITER__FILE_MAX_ITEMS": "5000",
        "DATA_WRITER__BUFFER_MAX_ITEMS": "5000",
    }
    import dlt
    import orjson
    import psycopg
    import requests

    def send(warehouse: URL, url: str, day: date, batch: int, in_flight: int) -> int:
        os.environ["LOAD__WORKERS"] = str(in_flight)
        sessions = threading.local()
        counts: list[int] = []

        @dlt.destination(
            batch_size=batch, loader_file_format="typed-jsonl", name="enrich", max_parallel_load_jobs=in_flight
        )
        def enrich(items: list[dict[str, Any]], _table: Any) -> None:
            if not hasattr(sessions, "session"):
                sessions.session = requests.Session()
                sessions.session.headers.update(_KEY)
            orders = [
                {
                    "order_id": item["order_id"],
                    "order_timestamp": item["ordered_at"].strftime("%Y-%m-%dT%H:%M:%SZ"),
                    "sales_amount": float(item["sales_amount"]),
                    "profit_amount": float(item["profit_amount"]),
                    "currency": item["currency"],
                }
                for item in items
            ]
            sessions.session.post(f"{url}/enrich/orders", data=orjson.dumps({"orders": orders})).raise_for_status()
            counts.append(len(orders))

        def rows() -> Any:
            with psycopg.connect(_libpq(warehouse)) as connection:
                cursor = connection.cursor("orders")
                cursor.execute(_SELECT.format(day=day))
                names = _COLUMNS.split(", ")
                while chunk := cursor.fetchmany(5000):
                    yield [dict(zip(names, row, strict=True)) for row in chunk]

        pipeline = dlt.pipeline("bench_upload", destination=enrich, progress=None)
        pipeline.run(dlt.resource(rows, name="orders"), table_name="orders")
        return sum(counts)

    return send


def without_a_ledger() -> Send:
    """The same bodies, built by PostgreSQL, posted by the same HTTP library from as many threads, and no ledger."""
    import httpx
    import psycopg

    from enrich_pipeline.warehouse.upload_ledger import PAYLOAD

    bodies_of_a_day = f"""
        SELECT '{{"orders":[' || string_agg({PAYLOAD}, ',' ORDER BY position) || ']}}', count(*)
        FROM (
            SELECT *, ordered_at AS order_timestamp,
                row_number() OVER (ORDER BY ordered_at, order_id COLLATE "C") - 1 AS position
            FROM enrich.order_profit WHERE order_day = %s AND exclusion IS NULL
        ) AS orders
        GROUP BY position / %s
    """

    def send(warehouse: URL, url: str, day: date, batch: int, in_flight: int) -> int:
        bodies: queue.Queue[tuple[str, int] | None] = queue.Queue(2 * in_flight)
        counts: list[int] = []

        def work(client: httpx.Client) -> None:
            while (item := bodies.get()) is not None:
                client.post("/enrich/orders", content=item[0].encode()).raise_for_status()
                counts.append(item[1])

        limits = httpx.Limits(max_connections=in_flight, max_keepalive_connections=in_flight)
        with (
            httpx.Client(base_url=url, headers=_KEY, limits=limits, trust_env=False) as client,
            psycopg.connect(_libpq(warehouse)) as connection,
        ):
            threads = [threading.Thread(target=work, args=(client,)) for _ in range(in_flight)]
            for thread in threads:
                thread.start()
            connection.execute("SET timezone = 'UTC'")
            # One row a body, as they are built: the first is posted while the last is still text to come.
            for row in connection.cursor().stream(bodies_of_a_day, (day, batch)):
                bodies.put(row)
            for _ in threads:
                bodies.put(None)
            for thread in threads:
                thread.join()
        return sum(counts)

    return send


def ours() -> Send:
    """The upload step itself: state of every order, ledger, outcomes, adapting concurrency."""
    from store import bench_day, client_of, open_run

    from enrich_pipeline.steps.upload import UploadOptions, upload_day

    def send(warehouse: URL, url: str, _day: date, batch: int, in_flight: int) -> int:
        with open_run(warehouse) as run, client_of(url, in_flight=in_flight) as client:
            return upload_day(run, client, bench_day(), UploadOptions(batch_size=batch, concurrency=in_flight)).answered

    return send


CLIENTS = {
    "pandas": Client("pandas to_dict + requests", pandas_script),
    "dlt": Client("dlt, custom destination", dlt_pipeline),
    "threaded": Client("threads + requests + orjson", threaded_script),
    "ledgerless": Client("bodies from Postgres, no ledger", without_a_ledger),
    "ours": Client("ours, with the ledger", ours),
}
