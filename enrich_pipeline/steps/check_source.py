"""Step 1: look at the day's raw orders and write down what everything after them must add up to."""

from __future__ import annotations

import logging
from dataclasses import replace

from enrich_pipeline.domain.days import StoreDay
from enrich_pipeline.steps.context import RunContext
from enrich_pipeline.warehouse.land_source import land_day
from enrich_pipeline.warehouse.raw_columns import require_raw_tables
from enrich_pipeline.warehouse.source_totals import SourceCheck, check_source, record_source_totals

_logger = logging.getLogger(__name__)


def check_source_day(run: RunContext, day: StoreDay) -> SourceCheck:
    """Count and sum the source's orders of the day by its own query, and record the totals. May be repeated.

    Where the run has a source database, the day's orders are landed from it first, and the totals are that database's.

    Raises:
        DayError: when the source's rows cannot be landed, and the raw tables are as they were; or when these cannot be
            read as they are.
    """
    totals = None if run.source is None else land_day(run.engine, run.source, day)
    with run.engine.begin() as connection:
        require_raw_tables(connection)
        check = check_source(connection, day)
        if totals is not None:
            check = replace(check, totals=totals)
        record_source_totals(connection, day.day, check.totals, run_id=run.run_id)
    _logger.info("%s: %d orders in the source", day.key, check.orders, extra={"stage": "source", "day": day.key})
    return check
