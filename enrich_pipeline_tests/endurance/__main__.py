"""Run the endurance test in full and print the counts; exit with 1 when anything was lost, doubled, torn or made up."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime

from enrich_pipeline.warehouse.embedded import API_ROLE
from enrich_pipeline_tests.endurance.run import endure, known_orders
from enrich_pipeline_tests.support.api_server import running_api
from enrich_pipeline_tests.support.databases import fresh_database, temporary_server

_NOW = datetime(2026, 1, 2, tzinfo=UTC)


def main() -> int:
    """Run; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m enrich_pipeline_tests.endurance", description=__doc__)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--kill-every", type=float, default=5, metavar="SECONDS")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--orders", type=int, default=600_000, help="orders that there are to post")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    workers = ["--workers", str(options.workers)] if options.workers > 1 else []
    with (
        fresh_database(temporary_server(), owner=API_ROLE) as url,
        running_api(url, now=_NOW, arguments=workers, orders=known_orders(options.orders)) as api,
    ):
        outcome = endure(
            api,
            clients=options.clients,
            seconds=options.seconds,
            kill_every=options.kill_every,
            orders=options.orders,
            seed=options.seed,
        )
    refused = ", ".join(f"{count} x {status}" for status, count in sorted(outcome.refused.items())) or "none"
    print(
        f"{options.clients} clients, {options.seconds:g} s, kill -9 every {options.kill_every:g} s, seed {options.seed}"
    )
    print(f"{outcome.kills:>9,} processes killed; {outcome.broken:,} requests broken off; refused: {refused}")
    print(f"{outcome.acknowledged_requests:>9,} requests and {outcome.acknowledged_rows:,} rows answered 2xx")
    print(f"{outcome.orders:>9,} orders posted; read back afterwards:")
    for name in ("missing", "doubled", "wrong", "half", "never_sent"):
        print(f"{getattr(outcome, name):>9,} {name.replace('_', ' ')}")
    print("\n".join(outcome.examples[:20]))
    return 0 if outcome.is_good and outcome.kills else 1


if __name__ == "__main__":
    sys.exit(main())
