"""Random faults and kills over many days, by seed: every day must end with the receipt of an undisturbed twin.

First every day is uploaded and verified in peace and its receipt kept; then all is put back, and every day is run
under faults of its own until they end. The same seed makes the same store and the same faults.
"""

from __future__ import annotations

import argparse
import random
import time
from collections import Counter
from contextlib import suppress
from datetime import date, timedelta

import psycopg
from rich.console import Console
from sqlalchemy.exc import DBAPIError

from enrich_pipeline.domain.days import StoreDay, days_between
from enrich_pipeline.domain.errors import EnrichError
from enrich_pipeline.domain.receipts import Receipt
from enrich_pipeline.settings import PROJECT_ROOT
from enrich_pipeline.steps.check_source import check_source_day
from enrich_pipeline.steps.compute import compute_profit
from enrich_pipeline.warehouse.channel_orders import channel_orders
from enrich_pipeline.warehouse.demo_store.seed import seed_store
from enrich_pipeline_tests.faults.day_process import start_day
from enrich_pipeline_tests.faults.failpoints import UPLOADING, VERIFYING, Point, disk_full_at, stop_at, terminate
from enrich_pipeline_tests.faults.laboratory import Laboratory
from enrich_pipeline_tests.faults.trials import IMPATIENT, running
from enrich_pipeline_tests.support.databases import temporary_server
from enrich_pipeline_tests.support.small_store import SmallStore, small_store

_BATCH_SIZE = 100

# What the vendor may do to a day; every kind strikes a share of the requests, or of the rows.
_VENDOR_FAULTS = (
    "latency:0.02,rate=0.5",
    "429:1,rate=0.2",
    "429:date,rate=0.2",
    "500,rate=0.2",
    "502,rate=0.2",
    "503,rate=0.2",
    "reset-before-commit,rate=0.2",
    "reset-after-commit,rate=0.2",
    "cut-answer,rate=0.2",
    "lost-answer,count=1",
    "not-json,rate=0.2",
    "other-shape,count=1,after=2",
    "stores-nothing,rate=0.3",
    "stores-half,rate=0.3",
    "zeroed,rate=0.1",
    "shifted:America/New_York,rate=0.1",
    "truncated,rate=0.5",
    "duplicates,rate=0.1",
)
_MOMENTS = [point for point in (*UPLOADING, *VERIFYING) if point.vendor is None]
_KILLED, _CONNECTION_LOST, _DISK_FULL = 0.2, 0.1, 0.05


class Campaign:
    """One store of many days, and what was done to them."""

    def __init__(self, store: SmallStore, *, days: int, orders: int, seed: int) -> None:
        self.laboratory = Laboratory(store, batch_size=_BATCH_SIZE, allow_outside_window=True)
        self.done: Counter[str] = Counter()
        self._store = store
        self._random = random.Random(seed)
        self._last = store.day.day
        self._first = self._last - timedelta(days=days - 1)
        seed_store(store.engine, store=store.store, days=days, orders_per_day=orders, seed=seed, last_day=self._last)
        with store.engine.connect() as connection:
            store.api.import_orders(channel_orders(connection))

    def compute(self) -> None:
        """Check and compute every day, once for both passes."""
        run = self._store.context()
        for day in self._days():
            check_source_day(run, day)
        first, last = (StoreDay(day, self._store.store.zone) for day in (self._first, self._last))
        project = PROJECT_ROOT / "dbt_costs"
        compute_profit(run, first, last, url=self._store.url, project_dir=project, log_dir=None)
        self._store.execute("ANALYZE")
        self.laboratory.keep()

    def in_peace(self, progress: Console) -> dict[date, Receipt]:
        """Run every day undisturbed."""
        return {day.day: self._settle(day, progress, "in peace") for day in self._days()}

    def disturbed(self, progress: Console) -> tuple[dict[date, Receipt], list[str]]:
        """Run every day under faults, then again without; return the receipts, and what was wrongly verified."""
        self.laboratory.put_back()
        receipts: dict[date, Receipt] = {}
        wrong: list[str] = []
        for day in self._days():
            self._store.day = day
            for _ in range(self._random.randint(1, 3)):
                self._disturb()
                wrong += self.laboratory.wrongly_verified()
            receipts[day.day] = self._settle(day, progress, "disturbed")
            self.laboratory.renew_key()
        return receipts, wrong

    def _days(self) -> list[StoreDay]:
        return [StoreDay(day, self._store.store.zone) for day in days_between(self._first, self._last)]

    def _settle(self, day: StoreDay, progress: Console, title: str) -> Receipt:
        self._store.day = day
        receipt = self.laboratory.settle()
        number = (day.day - self._first).days + 1
        if number % 10 == 0 or day.day == self._last:
            progress.print(f"{title}: {number} days, {dict(self.done)}")
        return receipt

    def _disturb(self) -> None:
        """Run the day once with something in its way."""
        specs = [f"{spec},seed={self._random.randrange(1000)}" for spec in self._pick_faults()]
        chance = self._random.random()
        moment = self._random.choice(_MOMENTS)
        self.laboratory.begin_faults(*specs)
        try:
            if chance < _KILLED:
                self.done["killed"] += self._kill_at(moment)
            elif chance < _KILLED + _CONNECTION_LOST:
                self.done["connections lost"] += self._lose_connection_at(moment)
            elif chance < _KILLED + _CONNECTION_LOST + _DISK_FULL:
                with disk_full_at(self.laboratory, moment):
                    self._run_once()
                self.done["disks full"] += 1
            else:
                self._run_once()
        finally:
            self.done["faults struck"] += self.laboratory.end_faults()

    def _pick_faults(self) -> list[str]:
        return self._random.sample(_VENDOR_FAULTS, k=self._random.randint(1, 3))

    def _run_once(self) -> None:
        with suppress(EnrichError, DBAPIError, psycopg.Error):
            self.laboratory.upload(timeouts=IMPATIENT)
            self.laboratory.verify(timeouts=IMPATIENT)
            return
        self.done["runs failed"] += 1

    def _kill_at(self, moment: Point) -> int:
        """Kill a run in a process of its own at a moment, unless its faults end it before."""
        with stop_at(self.laboratory, moment) as stop:
            process = start_day(self._store, batch_size=_BATCH_SIZE, allow_outside_window=True)
            reached = stop.reached_unless(lambda: process.poll() is not None)
            process.kill()
            process.wait()
        return int(reached is not None)

    def _lose_connection_at(self, moment: Point) -> int:
        with stop_at(self.laboratory, moment) as stop, running(self._run_once) as run:
            reached = stop.reached_unless(run.done)
            if reached is not None:
                terminate(self.laboratory, reached)
            stop.let_go()
            run.result(timeout=120)
        return int(reached is not None)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(
        prog="python -m enrich_pipeline_tests.faults.campaign",
        description=__doc__,
        epilog="example: python -m enrich_pipeline_tests.faults.campaign --days 200 --orders 2000 --seed 1",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--days", type=int, default=200)
    parser.add_argument("--orders", type=int, default=2000, help="orders of a usual day")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--profile", choices=("full", "minimal"), default="full")
    arguments = parser.parse_args()
    began = time.monotonic()
    console, progress = Console(width=140, highlight=False), Console(stderr=True, highlight=False)
    postgres = temporary_server()
    with small_store(
        postgres, profile=arguments.profile, api_arguments=["--fault-control"], allow_outside_window=True
    ) as store:
        campaign = Campaign(store, days=arguments.days, orders=arguments.orders, seed=arguments.seed)
        campaign.compute()
        progress.print(f"computed after {time.monotonic() - began:.0f} s")
        undisturbed = campaign.in_peace(progress)
        disturbed, wrong = campaign.disturbed(progress)
    different = [day for day, receipt in undisturbed.items() if not receipt.equals(disturbed[day])]
    orders = sum(receipt.orders for receipt in undisturbed.values())
    console.print(
        f"{len(undisturbed)} days, {orders:,} orders, seed {arguments.seed}, profile {arguments.profile}: "
        f"{len(different)} different receipts, {len(wrong)} orders wrongly called verified; "
        f"{', '.join(f'{count:,} {what}' for what, count in sorted(campaign.done.items()))}; "
        f"{time.monotonic() - began:.0f} s"
    )
    for day in different:
        console.print(f"{day}: {undisturbed[day]}\n  became {disturbed[day]}")
    raise SystemExit(1 if different or wrong else 0)


if __name__ == "__main__":
    main()
