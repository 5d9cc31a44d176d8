"""Importing channel orders: a million from a CSV file, through the command that users run, in at most a minute.

.venv-bench/bin/python benchmarks/bench_import.py [--orders 1000000]
"""

from __future__ import annotations

import argparse
import atexit
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from enrich_pipeline.warehouse.embedded import EmbeddedPostgres, libpq_url


def main() -> None:
    """Write the file, import it twice: as new orders, and as orders that are known."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--orders", type=int, default=1_000_000)
    orders: int = parser.parse_args().orders
    folder = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder)  # before the server registers its own end, so run after it
    path = folder / "orders.csv"
    with path.open("w", encoding="utf-8") as file:
        file.write("order_id,ordered_at,currency,sales_amount,profit_amount\n")
        file.writelines(
            f"gid-Order-{5_000_000_000 + n},2025-06-{n % 28 + 1:02}T{n % 24:02}:19:00Z,USD,{n % 400}.25,{n % 90}.1\n"
            for n in range(orders)
        )
    server = EmbeddedPostgres.start(folder / "data")
    environment = os.environ | {"ENRICH_API_DATABASE_URL": libpq_url(server.url("enrich_api"))}
    for what in ("new", "known"):
        began = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "enrich_pipeline.enrich_api", "import", str(path)], check=True, env=environment
        )
        print(f"{orders:,} {what} orders: {time.perf_counter() - began:.1f} s")


if __name__ == "__main__":
    main()
