"""Computing costs and profit: a range of days in one go, beside the same days one by one.

.venv-bench/bin/python benchmarks/bench_compute_range.py [--days 7] [--orders-per-day 2000] [--single-days 3]

The size that the project is held to is `--days 28 --orders-per-day 100000`: at most 10 minutes for the range, 1 GiB of
Python, and 0.7 of the time of the days one by one. Those are measured on `--single-days` of the days, spread over the
range, and scaled to all of them. Either is the step itself, fingerprints of the inputs and all, in a Python process of
its own; a range of many orders starts more of them, and their memory is counted.
"""

from __future__ import annotations

import argparse
import atexit
import multiprocessing
import resource
import shutil
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from time import perf_counter

from sqlalchemy import make_url

from enrich_pipeline.domain.contract import profile_named
from enrich_pipeline.domain.days import StoreDay
from enrich_pipeline.domain.store import Store
from enrich_pipeline.steps.compute import compute_profit
from enrich_pipeline.steps.context import RunContext
from enrich_pipeline.warehouse.demo_store import seed_store
from enrich_pipeline.warehouse.embedded import EmbeddedPostgres
from enrich_pipeline.warehouse.engine import warehouse_engine
from enrich_pipeline.warehouse.marts import prepare_manifest
from enrich_pipeline.warehouse.schema import ensure_schema

PROJECT_DIR = Path(__file__).parents[1] / "dbt_costs"
STORE = Store(timezone="America/New_York", currency="USD")
LAST_DAY = date(2025, 6, 28)

Days = tuple[date, date]


def compute(url: str, ranges: Sequence[Days], processes: int) -> tuple[float, float]:
    """Compute the ranges one after another; return the wall time in seconds and the processes' peak memory in MiB."""
    engine = warehouse_engine(url)
    now = datetime.combine(LAST_DAY + timedelta(days=1), time(12), tzinfo=UTC)
    run = RunContext(
        engine=engine,
        store=STORE,
        profile=profile_named("full"),
        run_id="bench",
        business_now=now,
        compute_processes=processes,
    )
    began = perf_counter()
    for first, last in ranges:
        began_range = perf_counter()
        days = (StoreDay(first, STORE.zone), StoreDay(last, STORE.zone))
        compute_profit(run, *days, url=make_url(url), project_dir=PROJECT_DIR, log_dir=None)
        print(f"  {first} to {last}: {perf_counter() - began_range:.1f} s", flush=True)
    seconds = perf_counter() - began
    engine.dispose()
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    others = processes * resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return seconds, (own + others) / (1024 * 1024 if sys.platform == "darwin" else 1024)


def in_a_process_of_its_own(url: str, ranges: Sequence[Days], processes: int) -> tuple[float, float]:
    """`compute` in a new Python process; starting it is not in the time."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(compute, url, ranges, processes).result()


def main() -> None:
    """Seed a store, compute it both ways, print what each took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=int, default=7)
    parser.add_argument("--orders-per-day", type=int, default=2_000)
    parser.add_argument("--single-days", type=int, default=3)
    parser.add_argument("--processes", type=int, default=2, help="COMPUTE_PROCESSES; 2 is the default.")
    arguments = parser.parse_args()
    days: int = arguments.days
    singles: int = min(arguments.single_days, days)

    folder = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder)  # before the server registers its own end, so run after it
    prepare_manifest(PROJECT_DIR)
    url = EmbeddedPostgres.start(folder / "data").url("warehouse")
    engine = warehouse_engine(url)
    ensure_schema(engine, store=STORE, profile=profile_named("full"), business_now=None)
    began = perf_counter()
    summary = seed_store(
        engine, store=STORE, days=days, orders_per_day=arguments.orders_per_day, seed=1, last_day=LAST_DAY
    )
    engine.dispose()
    rows = summary.rows
    print(
        f"{days} days, {rows['orders']:,} orders, {rows['order_lines']:,} lines:"
        f" seeded in {perf_counter() - began:.1f} s"
    )

    plain_url = url.render_as_string(hide_password=False)
    first_day = LAST_DAY - timedelta(days=days - 1)
    range_seconds, range_peak = in_a_process_of_its_own(plain_url, [(first_day, LAST_DAY)], arguments.processes)
    print(f"as a range: {range_seconds:.1f} s, Python's peak {range_peak:.0f} MiB")

    each = [first_day + timedelta(days=n * days // singles) for n in range(singles)]
    single_seconds, single_peak = in_a_process_of_its_own(plain_url, [(day, day) for day in each], arguments.processes)
    one_by_one = single_seconds / singles * days
    scaled = f" (scaled from {singles})" if singles < days else ""
    print(f"day by day: {one_by_one:.1f} s{scaled}, Python's peak {single_peak:.0f} MiB")
    print(f"range / day by day: {range_seconds / one_by_one:.2f}")


if __name__ == "__main__":
    main()
