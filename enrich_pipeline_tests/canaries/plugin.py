"""A pytest plugin: looks through each test's database before it is dropped, and writes what it finds to a file."""

from __future__ import annotations

import os
from pathlib import Path

from sqlalchemy import URL

from enrich_pipeline.warehouse.embedded import libpq_url
from enrich_pipeline_tests.canaries.secrets import PLANTED, every_row, shown_in, spellings
from enrich_pipeline_tests.support import databases

REPORT_VARIABLE = "ENRICH_CANARY_REPORT"


def _look(url: URL) -> None:
    canaries = spellings(PLANTED)
    rows = 0
    with Path(os.environ[REPORT_VARIABLE]).open("a", encoding="utf-8") as report:
        for row in every_row(libpq_url(url)):
            rows += 1
            if shown_in(row.encode(), canaries):
                report.write(f"HIT {os.environ.get('PYTEST_CURRENT_TEST')}: {row[:300]}\n")
        report.write(f"database {rows}\n")


databases.before_dropping.append(_look)
