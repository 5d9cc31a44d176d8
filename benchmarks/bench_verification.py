"""Reading a day back and comparing it: GETs beside the fewest possible, beside naive bisection, and the comparison.

A day is uploaded to the sink, which keeps it and answers GET with it. It is read by our windows, planned from the
timestamps that are known, and by bisection, which knows nothing and halves whatever comes back full; both with as many
requests in flight. Then differences of each kind are planted in what was read, and the comparison alone is timed: it
must find each of them and nothing else.

    .venv-bench/bin/python benchmarks/bench_verification.py [--orders 200000] [--planted 500] [--rounds 3]
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace

from sink import running_sink
from sqlalchemy import text
from store import bench_day, bench_store, client_of, open_run

from enrich_pipeline.domain.contract import FULL
from enrich_pipeline.domain.windows import Window
from enrich_pipeline.enrich_client import EnrichClient, read_day
from enrich_pipeline.steps.context import RunContext
from enrich_pipeline.steps.read_back import ReadBack, read_back_day
from enrich_pipeline.steps.upload import UploadOptions, upload_day
from enrich_pipeline.warehouse.order_states import decide_states, state_totals
from enrich_pipeline.warehouse.read_backs import record_mismatches
from enrich_pipeline.warehouse.receipts import fingerprints

# The sink knows nothing of a refresh, so its rows say nothing of one.
_PROFILE = replace(FULL, get_rows_carry_status=False)
_IN_FLIGHT = 4

_PLANT = {
    "missing": "DELETE FROM enrich.held_orders",
    "zeroed": "UPDATE enrich.held_orders SET sales_amount = 0, profit_amount = 0",
    "sales_amount": "UPDATE enrich.held_orders SET sales_amount = sales_amount + 0.001",
    "profit_amount": "UPDATE enrich.held_orders SET profit_amount = profit_amount - 0.01",
    "currency": "UPDATE enrich.held_orders SET currency = 'EUR'",
    "order_timestamp": "UPDATE enrich.held_orders SET order_timestamp = order_timestamp + interval '5 hours'",
}


def read_by_bisection(client: EnrichClient) -> tuple[int, int]:
    """Read the day from one window on, halving what comes back full; return its requests and rows."""
    reading = read_day(client, [Window(bench_day().start, bench_day().end)], concurrency=_IN_FLIGHT)
    rows = sum(len(held) for held in reading)
    return reading.summary.requests, rows


def plant(run: RunContext, read_back: ReadBack, planted: int) -> None:
    """Make so many orders of the reading differ, in each way."""
    with run.engine.begin() as connection:
        for place, statement in enumerate(_PLANT.values()):
            connection.execute(
                text(f"""
                    {statement} WHERE read_back_id = :read_back_id AND order_id IN (
                        SELECT order_id FROM enrich.order_profit ORDER BY ordered_at, order_id
                        OFFSET :skipped LIMIT :planted
                    )
                """),
                {"read_back_id": read_back.read_back_id, "skipped": place * planted, "planted": planted},
            )


def compare(run: RunContext, read_back: ReadBack) -> tuple[float, float]:
    """Compare as a verification does, and take it back; return the seconds, and those with the receipt's proof."""
    day = bench_day().day
    began = time.perf_counter()
    with run.engine.connect() as connection:
        decide_states(connection, day)
        record_mismatches(connection, day, read_back_id=read_back.read_back_id, run_id=run.run_id)
        compared = time.perf_counter() - began
        fingerprints(connection, day, read_back_id=read_back.read_back_id)
        state_totals(connection)
        return compared, time.perf_counter() - began


def found(run: RunContext, read_back: ReadBack) -> dict[str, int]:
    """The findings of the comparison, by kind."""
    day = bench_day().day
    with run.engine.connect() as connection:
        decide_states(connection, day)
        record_mismatches(connection, day, read_back_id=read_back.read_back_id, run_id=run.run_id)
        rows = connection.execute(text("SELECT kind, count(*) AS findings FROM enrich.mismatches GROUP BY kind"))
        return {row.kind: row.findings for row in rows}


def main() -> None:
    """Upload a day, read it in both ways, plant differences, compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--orders", type=int, default=200_000)
    parser.add_argument("--planted", type=int, default=500, help="orders that differ, of each kind")
    parser.add_argument("--rounds", type=int, default=3, help="the best of so many comparisons counts")
    options = parser.parse_args()
    orders = options.orders
    # An answer that reaches the limit may hide more, so a window is known to be whole with one row fewer.
    fewest = -(-orders // (_PROFILE.max_get_limit - 1))
    with (
        bench_store(orders, _PROFILE) as store,
        running_sink(keep=True) as url,
        open_run(store.url, _PROFILE) as run,
        client_of(url, _PROFILE) as client,
    ):
        upload_day(run, client, bench_day(), UploadOptions(batch_size=500, concurrency=20))
        client.get_orders(bench_day().start, bench_day().start, 1)  # the sink sorts what it holds when first asked
        began = time.perf_counter()
        read_back = read_back_day(run, client, bench_day())
        ours, began = time.perf_counter() - began, time.perf_counter()
        requests, rows = read_by_bisection(client)
        bisection = time.perf_counter() - began
        if rows != orders or read_back.rows != orders:
            raise SystemExit(f"{read_back.rows} and {rows} of {orders} rows were read")
        gets = read_back.summary.requests
        print(f"{orders:,} orders, limit {_PROFILE.max_get_limit}, {_IN_FLIGHT} in flight; fewest GETs: {fewest}")
        for name, sent, seconds in (
            ("our windows, stored", gets, ours),
            ("bisection, not stored", requests, bisection),
        ):
            print(f"{name + ':':24} {sent:6} GETs, {sent / fewest:.3f} of the fewest, {orders / seconds:,.0f} rows/s")
        plant(run, read_back, options.planted)
        compared, proven = min(compare(run, read_back) for _ in range(options.rounds))
        print(f"comparison, each order's state and findings: {orders / compared:,.0f} rows/s")
        print(f"with both sides' hashes and sums, for the receipt: {orders / proven:,.0f} rows/s")
        findings = found(run, read_back)
    if findings != dict.fromkeys(_PLANT, options.planted):
        raise SystemExit(f"planted were {options.planted} of each kind, found {findings}")
    print(f"found: {options.planted} of {options.planted} of each: {', '.join(_PLANT)}")


if __name__ == "__main__":
    main()
