"""A backfill of 28 days x 2,000 orders: the bare steps, `enrich run`, ours from the UI, and Dagster's default.

Each way starts with the same seeded store on databases of its own, every order new to the vendor, and ends with every
day verified. "From the UI" is what its Launch button sends, a GraphQL mutation, to the real webserver and daemon, timed
until the last day is verified. So is Dagster's default: a run a partition, a process a step. That one is measured on a
few days and scaled, since its runs, not their orders, are its time.

    .venv-bench/bin/python benchmarks/bench_backfill.py [--days 28] [--orders-per-day 2000] [--default-days 4]
"""

from __future__ import annotations

import argparse
import atexit
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import psycopg

from enrich_pipeline.enrich_api.process import ServiceProcess, ServiceSpec
from enrich_pipeline.settings import PROJECT_ROOT
from enrich_pipeline.warehouse.embedded import EmbeddedPostgres, libpq_url
from enrich_pipeline_tests.support.command_line import enrich, environment
from enrich_pipeline_tests.support.dagster_api import DagsterApi

_DEFAULT_DAGSTER_YAML = """\
storage:
  postgres:
    postgres_url:
      env: ENRICH_DAGSTER_STORAGE_URL
telemetry:
  enabled: false
"""
_MOST_SECONDS = 1800


class BackfillStore:
    """A seeded store whose vendor runs, on databases in `folder`.

    Attributes:
        env: what a command needs to work on it.
        keys: its days, ascending.
    """

    def __init__(self, folder: Path, server: EmbeddedPostgres, env: dict[str, str], keys: list[str]) -> None:
        self.folder = folder
        self.server = server
        self.env = env
        self.keys = keys

    def verified_days(self) -> int:
        """Days whose newest receipt accounts for every order, verified or excluded, without a finding."""
        with psycopg.connect(libpq_url(self.server.url("warehouse"))) as connection:
            if connection.execute("SELECT to_regclass('enrich.receipts')").fetchone() == (None,):
                return 0
            row = connection.execute(
                """
                SELECT count(*) FILTER (WHERE is_good) FROM (
                    SELECT DISTINCT ON (order_day) accounted_for AND findings = 0 AND verified > 0 AS is_good
                    FROM enrich.receipts ORDER BY order_day, receipt_id DESC
                ) AS newest
                """
            ).fetchone()
        return int(row[0]) if row else 0


@contextmanager
def backfill_store(*, days: int, orders_per_day: int) -> Iterator[BackfillStore]:
    """Seed a store and serve its vendor."""
    folder = Path(tempfile.mkdtemp(prefix="enrich-bench-"))
    folder.chmod(0o755)  # the server runs as a user of its own when started by root
    # Registered before the server's own end of work, so done after it.
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    today = datetime.now(UTC).date()
    keys = [(today - timedelta(days=back)).isoformat() for back in range(days, 0, -1)]
    env = environment(folder / "data", FIRST_DAY=(today - timedelta(days=40)).isoformat())
    server = EmbeddedPostgres.start(folder / "data")
    _done("seed", "--days", str(days), "--orders-per-day", str(orders_per_day), env=env)
    with ServiceProcess(ServiceSpec(database_url=libpq_url(server.url("enrich_api")))) as service:
        _done("api", "import", env=env)
        env |= {"WORKMAGIC_API_URL": service.base_url, "WORKMAGIC_API_KEY": _done("api", "key", env=env).strip()}
        yield BackfillStore(folder, server, env, keys)


def _done(*arguments: str, env: dict[str, str]) -> str:
    done = enrich(*arguments, env=env, timeout=_MOST_SECONDS)
    if done.returncode:
        raise RuntimeError(f"enrich {' '.join(arguments)}: {done.stderr}")
    return done.stdout


def bare_steps(store: BackfillStore) -> float:
    """The same steps in a process of their own, imports and all, without Dagster."""
    command = [sys.executable, __file__, "--bare", store.keys[0], store.keys[-1]]
    began = time.perf_counter()
    subprocess.run(command, env=store.env, cwd=PROJECT_ROOT, check=True)
    return time.perf_counter() - began


def run_bare(first: str, last: str) -> None:
    """Compute, upload and verify the days."""
    from enrich_pipeline.domain.contract import profile_named
    from enrich_pipeline.domain.days import StoreDay, days_between
    from enrich_pipeline.enrich_client import EnrichClient
    from enrich_pipeline.settings import api_key, load_settings
    from enrich_pipeline.steps.check_source import check_source_day
    from enrich_pipeline.steps.compute import compute_profit
    from enrich_pipeline.steps.context import RunContext
    from enrich_pipeline.steps.deliver import deliver_days
    from enrich_pipeline.steps.upload import UploadOptions
    from enrich_pipeline.warehouse.embedded import database_url
    from enrich_pipeline.warehouse.engine import warehouse_engine
    from enrich_pipeline.warehouse.schema import ensure_schema

    settings = load_settings()
    profile = profile_named(settings.contract_profile)
    url = database_url(settings.warehouse_url, "warehouse", data_dir=settings.enrich_data_dir)
    engine = warehouse_engine(url)
    ensure_schema(engine, store=settings.store, profile=profile, business_now=None)
    run = RunContext(
        engine=engine, store=settings.store, profile=profile, run_id="bare", business_now=datetime.now(UTC)
    )
    zone = settings.store.zone
    days = [StoreDay(day, zone) for day in days_between(date.fromisoformat(first), date.fromisoformat(last))]
    for day in days:
        check_source_day(run, day)
    compute_profit(run, days[0], days[-1], url=url, project_dir=PROJECT_ROOT / "dbt_costs", log_dir=None)
    options = UploadOptions(batch_size=profile.max_batch_orders, concurrency=settings.upload_concurrency)
    with EnrichClient(settings.workmagic_api_url, api_key(settings), profile) as client:
        failed = [done for done in deliver_days(run, client, days, options) if done.error]
    engine.dispose()
    if failed:
        raise SystemExit(f"{failed[0].day.key}: {failed[0].error}")


def by_enrich_run(store: BackfillStore) -> float:
    """`enrich run --from --to`."""
    began = time.perf_counter()
    _done("run", "--from", store.keys[0], "--to", store.keys[-1], env=store.env)
    return time.perf_counter() - began


def from_the_ui(store: BackfillStore) -> float:
    """A backfill launched in the UI that `enrich ui` opens."""
    return _backfill(store, [str(Path(sys.executable).with_name("enrich")), "ui"], "--port", env=store.env)


def by_default(store: BackfillStore) -> float:
    """A backfill of the same assets without our policies: runs of a day each, processes of a step each."""
    home = store.folder / "default_home"
    home.mkdir()
    (home / "dagster.yaml").write_text(_DEFAULT_DAGSTER_YAML)
    env = store.env | {
        "DAGSTER_HOME": str(home),
        "ENRICH_DAGSTER_STORAGE_URL": libpq_url(store.server.url("dagster")),
        "PYTHONWARNINGS": "ignore",
    }
    dagster = str(Path(sys.executable).with_name("dagster"))
    definitions = str(Path(__file__).with_name("default_backfill.py"))
    return _backfill(store, [dagster, "dev", "-f", definitions, "-h", "127.0.0.1"], "-p", env=env)


def _backfill(store: BackfillStore, server: list[str], port_option: str, *, env: dict[str, str]) -> float:
    """Start the webserver and the daemon, launch a backfill of every day, and time it until each is verified.

    The backfill's page says so up to half a minute later, when the daemon looks again.
    """
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with (store.folder / "dagster.log").open("wb") as log:
        process = subprocess.Popen(
            [*server, port_option, str(port)], env=env, cwd=PROJECT_ROOT, stdout=log, stderr=log, start_new_session=True
        )
    try:
        with DagsterApi(f"http://127.0.0.1:{port}") as dagster:
            dagster.wait_until_loaded()
            began = time.perf_counter()
            backfill = dagster.launch_backfill(store.keys)
            dagster.wait_for(lambda: store.verified_days() == len(store.keys), seconds=_MOST_SECONDS)
            seconds = time.perf_counter() - began
            status = dagster.wait_for_backfill(backfill, seconds=_MOST_SECONDS)
    finally:
        os.killpg(process.pid, signal.SIGINT)
        process.wait(timeout=60)
    if status != "COMPLETED_SUCCESS":
        raise RuntimeError(f"the backfill ended {status}: {(store.folder / 'dagster.log').read_text()[-2000:]}")
    return seconds


def main() -> None:
    """Measure each way on a store of its own, and print how they compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=int, default=28)
    parser.add_argument("--orders-per-day", type=int, default=2000)
    parser.add_argument("--default-days", type=int, default=4, help="days that the default is measured on")
    parser.add_argument("--bare", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.bare:
        run_bare(*options.bare)
        return
    print(f"{options.days} days x {options.orders_per_day:,} orders", flush=True)
    ways: list[tuple[str, Callable[[BackfillStore], float], int]] = [
        ("the bare steps, without Dagster", bare_steps, options.days),
        ("enrich run", by_enrich_run, options.days),
        ("from the UI", from_the_ui, options.days),
        ("Dagster's default", by_default, options.default_days),
    ]
    seconds: dict[str, float] = {}
    for name, way, days in ways:
        with backfill_store(days=days, orders_per_day=options.orders_per_day) as store:
            measured = way(store)
            if store.verified_days() != days:
                raise RuntimeError(f"{name}: {store.verified_days()} of {days} days are verified")
        seconds[name] = measured * options.days / days
        scaled = "" if days == options.days else f", scaled from {measured:.1f} s for {days} days"
        print(f"{seconds[name]:8.1f} s  {name}{scaled}", flush=True)
    bare, run, ui, default = seconds.values()
    print(f"enrich run is {run / default:.3f} of the default, and {run - bare:.1f} s above the bare steps;")
    print(f"from the UI is {ui - run:.1f} s above enrich run")


if __name__ == "__main__":
    main()
