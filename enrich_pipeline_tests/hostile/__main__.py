"""Send every hostile request to a service made for it, and print by kind how many were refused as they must be."""

from __future__ import annotations

import sys
from collections import defaultdict
from datetime import UTC, datetime

import psycopg

from enrich_pipeline.warehouse.embedded import API_ROLE
from enrich_pipeline_tests.hostile.attempt import attempt, orders_stored
from enrich_pipeline_tests.hostile.cases import KNOWN, all_cases
from enrich_pipeline_tests.support.api_server import running_api
from enrich_pipeline_tests.support.databases import fresh_database, temporary_server

_ORDER = (KNOWN, datetime(2025, 6, 10, tzinfo=UTC), "USD", 300, 120)


def main() -> int:
    """Run; return the exit code."""
    counts: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])
    wrong: list[str] = []
    with (
        fresh_database(temporary_server(), owner=API_ROLE) as url,
        running_api(url, orders=[_ORDER]) as api,
        psycopg.connect(api.config.database_url, autocommit=True) as connection,
    ):
        pid = api.process.pid
        for case in all_cases():
            answer = attempt(api, case)
            counts[case.kind][0] += 1
            if answer.fits(case) and orders_stored(connection) == 0:
                counts[case.kind][1] += 1
            else:
                got = answer.status if answer.status != 200 else f"200 {answer.codes}"
                wrong.append(f"  {case.kind}: {case.name}: expected {case.expected}, got {got}")
                connection.execute("UPDATE enrich_api.orders SET created_at = NULL")
        alive = attempt(api, all_cases()[0]).status == 400 and api.process.pid == pid
    for kind, (sent, refused) in counts.items():
        print(f"{refused:>4} of {sent:<4} {kind}")
    total, refused = (sum(pair[place] for pair in counts.values()) for place in (0, 1))
    print(f"{refused:>4} of {total:<4} refused as they must be, nothing stored")
    print(f"The service is {'alive' if alive else 'DEAD'}.")
    print("\n".join(wrong))
    return 0 if alive and not wrong else 1


if __name__ == "__main__":
    sys.exit(main())
