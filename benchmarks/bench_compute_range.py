"""Computing costs and profit: a range of days in one go, beside the same days one by one.

.venv-bench/bin/python benchmarks/bench_compute_range.py [--days 7] [--orders-per-day 2000] [--single-days 3]

The size that the project is held to is `--days 28 --orders-per-day 100000`: at most 10 minutes for the range, 1 GiB of
Python, and 0.7 of the time of the days one by one. Those are measured on `--single-days` of the days, spread over the
range, and scaled to all of them. Each of the two runs in a Python process of its own, whose peak memory is its own.
"""

from __future__ import annotations

import argparse
import atexit
import multiprocessing
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import date, timedelta
from pathlib import Path

from enrich_pipeline.domain.contract import profile_named
from enrich_pipeline.domain.store import Store
from enrich_pipeline.warehouse.demo_store import seed_store
from enrich_pipeline.warehouse.embedded import EmbeddedPostgres
from enrich_pipeline.warehouse.engine import warehouse_engine
from enrich_pipeline.warehouse.marts import compute_days, prepare_manifest
from enrich_pipeline.warehouse.schema import ensure_schema

PROJECT_DIR = Path(__file__).parents[1] / "dbt_costs"
STORE = Store(timezone="America/New_York", currency="USD")
LAST_DAY = date(2025, 6, 28)

Days = tuple[date, date]


def compute(url: str, target_dir: Path, ranges: Sequence[Days]) -> tuple[float, float]:
    """Compute the ranges one after another; return the wall time in seconds and the process's peak memory in MiB."""
    began = time.perf_counter()
    for first, last in ranges:
        marts = compute_days(
            url=url, project_dir=PROJECT_DIR, store=STORE, first=first, last=last, run_id="bench", target_dir=target_dir
        )
        print(f"  {first} to {last}: " + ", ".join(f"{mart.mart} {mart.seconds:.1f} s" for mart in marts), flush=True)
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return seconds, peak / (1024 * 1024 if sys.platform == "darwin" else 1024)


def in_a_process_of_its_own(url: str, target_dir: Path, ranges: Sequence[Days]) -> tuple[float, float]:
    """`compute` in a new Python process; starting it is not in the time."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(compute, url, target_dir, ranges).result()


def main() -> None:
    """Seed a store, compute it both ways, print what each took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=int, default=7)
    parser.add_argument("--orders-per-day", type=int, default=2_000)
    parser.add_argument("--single-days", type=int, default=3)
    arguments = parser.parse_args()
    days: int = arguments.days
    singles: int = min(arguments.single_days, days)

    folder = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder)  # before the server registers its own end, so run after it
    prepare_manifest(PROJECT_DIR, target_dir=folder / "dbt")
    url = EmbeddedPostgres.start(folder / "data").url("warehouse")
    engine = warehouse_engine(url)
    ensure_schema(engine, store=STORE, profile=profile_named("full"), business_now=None)
    began = time.perf_counter()
    summary = seed_store(
        engine, store=STORE, days=days, orders_per_day=arguments.orders_per_day, seed=1, last_day=LAST_DAY
    )
    engine.dispose()
    rows = summary.rows
    print(
        f"{days} days, {rows['orders']:,} orders, {rows['order_lines']:,} lines:"
        f" seeded in {time.perf_counter() - began:.1f} s"
    )

    plain_url = url.render_as_string(hide_password=False)
    first_day = LAST_DAY - timedelta(days=days - 1)
    range_seconds, range_peak = in_a_process_of_its_own(plain_url, folder / "dbt", [(first_day, LAST_DAY)])
    print(f"as a range: {range_seconds:.1f} s, Python's peak {range_peak:.0f} MiB")

    each = [first_day + timedelta(days=n * days // singles) for n in range(singles)]
    single_seconds, single_peak = in_a_process_of_its_own(plain_url, folder / "dbt", [(day, day) for day in each])
    one_by_one = single_seconds / singles * days
    scaled = f" (scaled from {singles})" if singles < days else ""
    print(f"day by day: {one_by_one:.1f} s{scaled}, Python's peak {single_peak:.0f} MiB")
    print(f"range / day by day: {range_seconds / one_by_one:.2f}")


if __name__ == "__main__":
    main()
