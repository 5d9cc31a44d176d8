"""How fast a day's orders leave: ours beside the ways a good engineer would otherwise take, in one run, equal N.

Every client reads the same table of the same PostgreSQL inside its time and posts the same orders, 500 a request, to
the same sink, which waits and answers. Ours keeps its ledger; none of the others keeps one. With --service each also
posts once to our durable service, which knows the orders and holds nothing of them yet.

    .venv-bench/bin/python benchmarks/bench_upload.py --orders 200000 --delay-ms 50 0 --service
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psutil
import psycopg
from sink import running_sink
from sqlalchemy import make_url
from store import DAY, BenchStore, bench_store
from upload_clients import CLIENTS

from enrich_pipeline.enrich_api import (
    ApiConfig,
    ServiceProcess,
    ServiceSpec,
    connect,
    import_channel_orders,
    replace_key,
)
from enrich_pipeline.warehouse.embedded import create_database, libpq_url

_ROW = "{:<34} {:>10} {:>9} {:>14} {:>14}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--orders", type=int, default=20_000)
    parser.add_argument("--delay-ms", type=float, nargs="+", default=[50, 0], help="what the sink waits; each is a run")
    parser.add_argument("--batch", type=int, default=500)
    parser.add_argument("--in-flight", type=int, default=20)
    parser.add_argument("--clients", nargs="+", choices=list(CLIENTS), default=list(CLIENTS))
    parser.add_argument("--rounds", type=int, default=1, help="the best of so many counts")
    parser.add_argument("--service", action="store_true", help="post to our durable service too, once each")
    parser.add_argument("--run-client", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.run_client:
        _run_client(**json.loads(arguments.run_client))
        return
    with bench_store(arguments.orders) as store:
        for delay_ms in arguments.delay_ms:
            with running_sink(delay_ms=delay_ms) as url:
                _print_head(arguments, f"sink that waits {delay_ms:g} ms")
                for name in arguments.clients:
                    _print_row(
                        name, min(_measure(store, url, name, arguments) for _ in range(arguments.rounds)), arguments
                    )
        if arguments.service:
            _print_head(arguments, "our durable service")
            for name in arguments.clients:
                with _service(store, name) as (url, key):
                    _print_row(name, _measure(store, url, name, arguments, key=key), arguments)


@contextmanager
def _service(store: BenchStore, name: str) -> Iterator[tuple[str, str]]:
    """Our service on a database of its own that knows the day's orders; its base URL and a key."""
    database = f"service_{name}"
    with psycopg.connect(libpq_url(store.postgres.admin_url()), autocommit=True) as admin:
        create_database(admin, database, owner="postgres")
    url = libpq_url(store.postgres.url(database, role="postgres"))
    with psycopg.connect(libpq_url(store.url)) as warehouse, connect(ApiConfig(database_url=url)) as connection:
        key = replace_key(connection)
        orders = warehouse.execute("SELECT order_id, ordered_at, currency, 1, 1 FROM enrich.order_profit")
        import_channel_orders(connection, orders)
    with ServiceProcess(ServiceSpec(database_url=url)) as service:
        yield service.base_url, key


def _print_head(arguments: argparse.Namespace, target: str) -> None:
    print(f"\n{arguments.orders:,} orders, {arguments.batch} a request, {arguments.in_flight} in flight, {target}")
    print(_ROW.format("", "orders/s", "seconds", "CPU s/million", "with Postgres"))


def _print_row(name: str, measured: tuple[float, float, float], arguments: argparse.Namespace) -> None:
    seconds, own, server = measured
    millions = arguments.orders / 1e6
    print(
        _ROW.format(
            CLIENTS[name].title,
            f"{arguments.orders / seconds:,.0f}",
            f"{seconds:.2f}",
            f"{own / millions:.1f}",
            f"{(own + server) / millions:.1f}",
        ),
        flush=True,
    )


def _measure(
    store: BenchStore, url: str, name: str, arguments: argparse.Namespace, *, key: str = "any"
) -> tuple[float, float, float]:
    """Seconds, processor seconds of the client, and of PostgreSQL: a client in a process of its own, imports done."""
    store.forget_uploads()
    task = {
        "name": name,
        "warehouse": store.url.render_as_string(hide_password=False),
        "url": url,
        "batch": arguments.batch,
        "in_flight": arguments.in_flight,
    }
    before = store.postgres_cpu_seconds()
    done = subprocess.run(
        [sys.executable, __file__, "--run-client", json.dumps(task)],
        check=True,
        env=os.environ | {"BENCHMARK_KEY": key},
        stdout=subprocess.PIPE,
        text=True,
    )
    result = json.loads(done.stdout.splitlines()[-1])
    if result["sent"] != arguments.orders:
        raise SystemExit(f"{name} sent {result['sent']} of {arguments.orders} orders")
    return result["seconds"], result["cpu_seconds"], store.postgres_cpu_seconds() - before


def _run_client(*, name: str, warehouse: str, url: str, batch: int, in_flight: int) -> None:
    send: Callable[..., int] = CLIENTS[name].load()
    process = psutil.Process()
    before, began = process.cpu_times(), time.perf_counter()
    sent = send(make_url(warehouse), url, DAY, batch, in_flight)
    seconds, after = time.perf_counter() - began, process.cpu_times()
    cpu = after.user + after.system - before.user - before.system
    print(json.dumps({"sent": sent, "seconds": seconds, "cpu_seconds": cpu}))


if __name__ == "__main__":
    main()
