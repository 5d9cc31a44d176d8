"""Step 2: compute costs and profit of a range of days in the warehouse, through dbt."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import date
from pathlib import Path

from sqlalchemy import URL

from enrich_pipeline.domain.days import StoreDay
from enrich_pipeline.steps.context import RunContext
from enrich_pipeline.warehouse.cost_review import CostReview, review_costs
from enrich_pipeline.warehouse.day_inputs import current_inputs, record_inputs
from enrich_pipeline.warehouse.mart_agreement import withdraw_disagreeing
from enrich_pipeline.warehouse.marts import compute_days

_logger = logging.getLogger(__name__)


def compute_profit(
    run: RunContext, first: StoreDay, last: StoreDay, *, url: URL, project_dir: Path, log_dir: Path | None
) -> Mapping[date, str]:
    """Compute both marts for every day from `first` to `last`. May be repeated; each mart in one transaction.

    Returns the days whose profit is not the sum of its costs, with what to do: such a day counts as not computed, so
    that nothing of it is sent.

    Args:
        run: its id stamps both marts.
        first: the first day.
        last: the last day, included.
        url: the warehouse's, for dbt's own connection.
        project_dir: the dbt project, with its kept manifest.
        log_dir: where dbt writes its log; None for nowhere.

    Raises:
        DayError: what dbt says went wrong; the days are as they were.
    """
    with run.engine.connect() as connection:
        inputs = current_inputs(connection, run.store, first.day, last.day)
    compute_days(
        url=url,
        project_dir=project_dir,
        work_dir=log_dir,
        store=run.store,
        first=first.day,
        last=last.day,
        run_id=run.run_id,
        sales_basis=run.sales_basis,
    )
    with run.engine.begin() as connection:
        record_inputs(connection, inputs, run_id=run.run_id, sales_basis=run.sales_basis)
        disagreeing = withdraw_disagreeing(connection, first.day, last.day)
    days = (last.day - first.day).days + 1
    _logger.info(
        "%s to %s: profit computed", first.key, last.key, extra={"stage": "profit", "day": last.key, "days": days}
    )
    return disagreeing


def review_costs_of_day(run: RunContext, day: StoreDay) -> CostReview:
    """What is odd about the computed day's costs, by name; one that was not computed has nothing odd."""
    with run.engine.connect() as connection:
        return review_costs(connection, day.day)
