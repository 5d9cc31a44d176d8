"""The whole test suite, and then a search for secrets in all that it wrote and printed.

    .venv/bin/python -m enrich_pipeline_tests.canaries
    .venv/bin/python -m enrich_pipeline_tests.canaries -m "" enrich_pipeline_tests/faults

Further arguments are pytest's. Looked through are: every row of every database before it is dropped, every file that
a test or a server left (logs, run storage, compressed bodies as they are), and what all tests printed and logged, at
DEBUG, those that passed too. Exits with 1 when a secret shows anywhere, or when tests fail.
"""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from enrich_pipeline.warehouse.embedded import EmbeddedPostgres, libpq_url
from enrich_pipeline_tests.canaries.plugin import REPORT_VARIABLE
from enrich_pipeline_tests.canaries.secrets import PLANTED, every_row, shown_in, shown_in_file, spellings

# What a test's server needs its password from.
_MEANT_TO_HOLD_IT = {"password"}


def main(arguments: list[str]) -> int:
    folder = Path(tempfile.mkdtemp(prefix="enrich-canaries-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)  # before the servers' own endings, so after them
    folder.chmod(0o755)
    printed, report = folder / "printed.txt", folder / "report.txt"
    report.touch()
    failed = _run_suite(arguments, folder / "tests", printed, report)
    said = report.read_text(encoding="utf-8").splitlines()
    hits = [line for line in said if line.startswith("HIT")]
    canaries = spellings(PLANTED)
    databases = [int(line.removeprefix("database ")) for line in said if line.startswith("database")]
    left, rows_left = _servers_left(folder / "tests", canaries, hits)
    for number, line in enumerate(printed.read_bytes().splitlines(), 1):
        if shown_in(line, canaries):
            hits.append(f"HIT printed line {number}: {line[:300]!r}")
    files = [path for path in (folder / "tests").rglob("*") if path.is_file() and not path.is_symlink()]
    for path in files:
        if path.name not in _MEANT_TO_HOLD_IT:
            hits += [f"HIT {path.relative_to(folder)}: {secret!r}" for secret in shown_in_file(path, canaries)]
    print(*hits, sep="\n")
    print(
        f"Looked through {len(databases) + left} databases of {sum(databases) + rows_left} rows, {len(files)} files"
        f" and {printed.stat().st_size} bytes of output: {len(hits)} hits."
    )
    return 1 if hits or failed else 0


def _run_suite(arguments: list[str], basetemp: Path, printed: Path, report: Path) -> bool:
    """Run the suite and return whether tests failed; what it prints goes to a file, its summary is shown."""
    options = ["-n", "2", "-rA", "--log-level=DEBUG", f"--basetemp={basetemp}", "-o", "tmp_path_retention_policy=all"]
    with printed.open("w", encoding="utf-8") as output:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *options, "-p", "enrich_pipeline_tests.canaries.plugin", *arguments],
            env={**os.environ, REPORT_VARIABLE: str(report)},
            stdout=output,
            stderr=output,
            check=False,
        )
    lines = printed.read_text(encoding="utf-8").splitlines()
    print(*(line for line in lines if line.startswith(("FAILED ", "ERROR "))), lines[-1], sep="\n")
    return done.returncode != 0


def _servers_left(folder: Path, canaries: list[bytes], hits: list[str]) -> tuple[int, int]:
    """Look through the databases of the servers that tests started for themselves; count databases and rows."""
    databases = rows = 0
    for cluster in sorted(folder.rglob("postgres/PG_VERSION")):
        server = EmbeddedPostgres.start(cluster.parent.parent)
        for database in ("warehouse", "dagster", "enrich_api"):
            databases += 1
            for row in every_row(libpq_url(server.url(database, role="postgres"))):
                rows += 1
                if shown_in(row.encode(), canaries):
                    hits.append(f"HIT {cluster.relative_to(folder)} {database}: {row[:300]}")
    return databases, rows


sys.exit(main(sys.argv[1:]))
