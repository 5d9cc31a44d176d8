"""What a day costs to upload and verify: peak memory at small and large days, GETs beside the fewest possible.

Each size runs in a process of its own against the sink, which keeps what was posted and answers GET with it.

    .venv-bench/bin/python benchmarks/bench_memory.py --orders 20000 2000000
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from dataclasses import replace

from sink import running_sink
from sqlalchemy import make_url
from store import bench_day, bench_store, client_of, open_run

from enrich_pipeline.domain.contract import FULL
from enrich_pipeline.steps.upload import UploadOptions, upload_day
from enrich_pipeline.steps.verify import verify_day

# The sink knows nothing of a refresh, so its rows say nothing of one.
_PROFILE = replace(FULL, get_rows_carry_status=False)
_ROW = "{:>12} {:>14} {:>14} {:>14} {:>10} {:>18}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--orders", type=int, nargs="+", default=[5_000, 20_000])
    parser.add_argument("--run", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.run:
        _run(*arguments.run)
        return
    print(_ROW.format("orders", "peak RSS MiB", "upload s", "verify s", "GETs", "GETs / minimum"))
    peaks: list[float] = []
    for orders in arguments.orders:
        with bench_store(orders, _PROFILE) as store, running_sink(keep=True) as url:
            command = [sys.executable, __file__, "--run", store.url.render_as_string(hide_password=False), url]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            result = json.loads(done.stdout.splitlines()[-1])
        if result["verified"] != orders:
            raise SystemExit(f"{result['verified']} of {orders} orders were verified")
        # An answer that reaches the limit may hide more, so a window is known to be whole with one row fewer.
        fewest = -(-orders // (_PROFILE.max_get_limit - 1))
        peaks.append(result["peak_mib"])
        print(
            _ROW.format(
                f"{orders:,}",
                f"{result['peak_mib']:.1f}",
                f"{result['upload_seconds']:.2f}",
                f"{result['verify_seconds']:.2f}",
                result["gets"],
                f"{result['gets'] / fewest:.3f}",
            ),
            flush=True,
        )
    print(f"peak of the largest / of the smallest: {peaks[-1] / peaks[0]:.2f}")


def _run(warehouse: str, url: str) -> None:
    with open_run(make_url(warehouse), _PROFILE) as run, client_of(url, _PROFILE) as client:
        began = time.perf_counter()
        upload_day(run, client, bench_day(), UploadOptions(batch_size=500, concurrency=20))
        uploaded = time.perf_counter()
        verification = verify_day(run, client, bench_day())
        ended = time.perf_counter()
    print(
        json.dumps(
            {
                "verified": verification.receipt.orders_in("verified"),
                "gets": verification.receipt.read_requests,
                "upload_seconds": uploaded - began,
                "verify_seconds": ended - uploaded,
                "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            }
        )
    )


if __name__ == "__main__":
    main()
