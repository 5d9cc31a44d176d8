"""A store for benchmarks: an embedded PostgreSQL of its own with one computed day of as many orders as asked for."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import psutil
from pydantic import SecretStr
from sqlalchemy import URL, text

from enrich_pipeline.domain.contract import FULL, ContractProfile
from enrich_pipeline.domain.days import StoreDay
from enrich_pipeline.domain.store import Store
from enrich_pipeline.enrich_client import EnrichClient
from enrich_pipeline.steps.context import RunContext
from enrich_pipeline.warehouse.embedded import EmbeddedPostgres
from enrich_pipeline.warehouse.engine import warehouse_engine
from enrich_pipeline.warehouse.raw_schema import create_raw_schema
from enrich_pipeline.warehouse.schema import ensure_schema

STORE = Store(timezone="UTC", currency="USD")
DAY = date(2025, 6, 10)
NOW = datetime(2025, 6, 11, 12, tzinfo=UTC)
# The sink takes any; a service knows its own.
KEY = SecretStr(os.environ.get("BENCHMARK_KEY", "benchmark"))

# Shuffled ids, as a shop's are not in the order of its clock; the orders spread evenly over the day.
_ORDERS = """
    INSERT INTO enrich.order_profit (order_id, order_day, ordered_at, currency, sales_amount, profit_amount,
        copy_number, control_total, incomplete_lines, run_id)
    SELECT 'ORDER' || lpad((number * 7919 % 100000007)::text, 10, '0'), :day,
        CAST(:day AS date)::timestamp AT TIME ZONE 'UTC' + floor(number * 86400.0 / :orders) * interval '1 second',
        'USD', round(10 + number * 37 % 50000 / 100.0, 2), round(number * 53 % 30000 / 100.0 - 50, 2),
        1, round(10 + number * 37 % 50000 / 100.0, 2), 0, 'computed'
    FROM generate_series(0, CAST(:orders AS bigint) - 1) AS number
"""

# One row an order is enough for the marts to agree: an upload makes sure that they do, and that there are costs.
_COSTS = """
    INSERT INTO enrich.order_costs (order_id, order_day, component, source_table, is_estimate, amount, currency,
        ordered_at, copy_number, control_amount, is_incomplete_line, run_id)
    SELECT order_id, order_day, 'cogs', 'order_lines', false, profit_amount, currency,
        ordered_at, 1, control_total, false, run_id
    FROM enrich.order_profit
"""


@dataclass(frozen=True)
class BenchStore:
    """The store's warehouse, and its server for measuring it."""

    url: URL
    postgres: EmbeddedPostgres

    def postgres_cpu_seconds(self) -> float:
        """Processor time that the server's processes have taken so far."""
        pid = int((self.postgres.data_dir / "postgres" / "postmaster.pid").read_text().splitlines()[0])
        server = psutil.Process(pid)
        own = server.cpu_times()
        total = own.user + own.system + own.children_user + own.children_system
        for child in server.children():
            with suppress(psutil.NoSuchProcess):  # it ended just now
                times = child.cpu_times()
                total += times.user + times.system
        return total

    def forget_uploads(self) -> None:
        """Leave the computed day alone in the warehouse, at rest, as each client should find it."""
        engine = warehouse_engine(self.url)
        with engine.begin() as connection:
            connection.execute(
                text("""
                    TRUNCATE enrich.upload_batches, enrich.upload_ledger, enrich.read_backs, enrich.held_orders,
                        enrich.mismatches, enrich.receipts, enrich.upload_runs
                """)
            )
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))
            connection.execute(text("CHECKPOINT"))
        engine.dispose()


@contextmanager
def bench_store(orders: int, profile: ContractProfile = FULL) -> Iterator[BenchStore]:
    """Start a server and compute a day of `orders`; stop and remove it afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="enrich-bench-"))
    folder.chmod(0o755)  # the server runs as a user of its own when started by root
    # Registered before the server's own end of work, so done after it.
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    postgres = EmbeddedPostgres.start(folder / "data")
    url = postgres.url("warehouse", role="postgres")
    engine = warehouse_engine(url)
    ensure_schema(engine, store=STORE, profile=profile, business_now=NOW)
    with engine.begin() as connection:
        create_raw_schema(connection)
        connection.execute(text(_ORDERS), {"day": DAY, "orders": orders})
        connection.execute(text(_COSTS))
        connection.execute(
            text("""
                INSERT INTO enrich.computed_days (mart, order_day, run_id, computed_at)
                SELECT mart, :day, 'computed', now() FROM unnest(ARRAY['order_costs', 'order_profit']) AS mart
            """),
            {"day": DAY},
        )
        connection.execute(
            text("""
                INSERT INTO enrich.source_totals (order_day, currency, orders, control_total, incomplete_lines, run_id)
                SELECT :day, 'USD', count(*), sum(control_total), 0, 'computed' FROM enrich.order_profit
            """),
            {"day": DAY},
        )
        connection.execute(
            text("INSERT INTO enrich.checked_days (order_day, run_id) VALUES (:day, 'computed')"), {"day": DAY}
        )
    engine.dispose()
    store = BenchStore(url=url, postgres=postgres)
    store.forget_uploads()
    yield store


@contextmanager
def open_run(url: URL, profile: ContractProfile = FULL, run_id: str = "bench") -> Iterator[RunContext]:
    """A run over the store."""
    engine = warehouse_engine(url)
    try:
        yield RunContext(engine=engine, store=STORE, profile=profile, run_id=run_id, business_now=NOW)
    finally:
        engine.dispose()


def client_of(base_url: str, profile: ContractProfile = FULL, *, in_flight: int = 20) -> EnrichClient:
    """Our client."""
    return EnrichClient(base_url, KEY, profile, max_connections=in_flight)


def bench_day() -> StoreDay:
    """The day that was computed."""
    return StoreDay(DAY, STORE.zone)
