"""A seeded store whose vendor runs, and `enrich ui` on it: Dagster's real webserver and daemon, on Postgres storage."""

from __future__ import annotations

import socket
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg

from enrich_pipeline.enrich_api.process import ServiceProcess, ServiceSpec
from enrich_pipeline.warehouse.embedded import Database, EmbeddedPostgres, libpq_url
from enrich_pipeline_tests.support.command_line import enrich, environment, start_enrich
from enrich_pipeline_tests.support.dagster_api import DagsterApi


@dataclass(frozen=True)
class Shop:
    """A seeded store whose vendor runs, and what a command needs to work on it. `keys` are its days, in order."""

    data_dir: Path
    env: dict[str, str]
    server: EmbeddedPostgres
    keys: list[str]

    def url(self, database: Database) -> str:
        return libpq_url(self.server.url(database))

    def run(self, *arguments: str) -> None:
        """Run a command, which must succeed."""
        done = enrich(*arguments, env=self.env)
        assert done.returncode == 0, done.stderr

    def fetch(self, query: str, *, database: Database = "warehouse") -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            return connection.execute(query).fetchall()  # type: ignore[arg-type]  # the tests' own queries

    def execute(self, *statements: str, database: Database = "warehouse") -> None:
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)  # type: ignore[arg-type]  # the tests' own statements

    def good_days(self) -> set[str]:
        """Days whose newest receipt accounts for every order, none of them left over and no finding."""
        rows = self.fetch("""
            SELECT DISTINCT ON (order_day) order_day, accounted_for AND findings = 0 AND verified > 0
            FROM enrich.receipts ORDER BY order_day, receipt_id DESC
        """)
        return {day.isoformat() for day, is_good in rows if is_good}


@contextmanager
def seeded_shop(folder: Path, *, days: int, orders_per_day: int, **variables: str) -> Generator[Shop]:
    """Seed a store with its last `days` days; its vendor knows them. Further settings as `variables`."""
    today = datetime.now(UTC).date()
    keys = [(today - timedelta(days=back)).isoformat() for back in range(days, 0, -1)]
    data_dir = folder / "data"
    env = environment(data_dir, FIRST_DAY=(today - timedelta(days=40)).isoformat(), **variables)
    server = EmbeddedPostgres.start(data_dir)
    seeded = enrich("seed", "--days", str(days), "--orders-per-day", str(orders_per_day), env=env)
    assert seeded.returncode == 0, seeded.stderr
    with ServiceProcess(ServiceSpec(database_url=libpq_url(server.url("enrich_api")))) as service:
        assert enrich("api", "import", env=env).returncode == 0
        key = enrich("api", "key", env=env).stdout.strip()
        env |= {"WORKMAGIC_API_URL": service.base_url, "WORKMAGIC_API_KEY": key}
        yield Shop(data_dir, env, server, keys)


@contextmanager
def running_ui(shop: Shop) -> Generator[DagsterApi]:
    """`enrich ui` on the shop, once it knows the flow; stopped as a supervisor does, and then none of it is left."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    process = start_enrich("ui", "--port", str(port), env=shop.env, output=shop.data_dir / "ui.log")
    try:
        with DagsterApi(f"http://127.0.0.1:{port}") as dagster:
            dagster.wait_until_loaded()
            yield dagster
    finally:
        process.terminate()
        process.wait(timeout=60)
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", port)) != 0, "the webserver outlived `enrich ui`"
