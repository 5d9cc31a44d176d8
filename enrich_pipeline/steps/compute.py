"""Step 2: compute costs and profit of a range of days in the warehouse, through dbt; a long one piece by piece."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import URL

from enrich_pipeline.domain.days import StoreDay
from enrich_pipeline.domain.range_pieces import Piece, cut_range
from enrich_pipeline.steps.context import RunContext
from enrich_pipeline.warehouse.cost_review import CostReview, review_costs
from enrich_pipeline.warehouse.day_inputs import current_inputs, record_inputs
from enrich_pipeline.warehouse.mart_agreement import withdraw_disagreeing
from enrich_pipeline.warehouse.mart_workers import compute_pieces
from enrich_pipeline.warehouse.marts import compute_days

_logger = logging.getLogger(__name__)

# Of about that size dbt's own second or two no longer count, and the statement's intermediate results stay small.
_PIECE_ORDERS = 200_000


def compute_profit(
    run: RunContext, first: StoreDay, last: StoreDay, *, url: URL, project_dir: Path, log_dir: Path | None
) -> Mapping[date, str]:
    """Compute both marts for every day from `first` to `last`. May be repeated.

    Each mart is replaced in one transaction; a range of many orders is cut into pieces, each with transactions of its
    own, of which `run.compute_processes` are computed at once.

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
        DayError: what dbt says went wrong; the days of that piece are as they were.
    """
    with run.engine.connect() as connection:
        inputs = current_inputs(connection, run.store, first.day, last.day)
    compute = partial(
        _compute_piece,
        # As text: an URL object hides its password when it is told to another process.
        url=url.render_as_string(hide_password=False),
        project_dir=project_dir,
        work_dir=log_dir,
        store=run.store,
        run_id=run.run_id,
        sales_basis=run.sales_basis,
    )
    disagreeing: dict[date, str] = {}

    def finish(piece: Piece) -> None:
        # Piece by piece: should the next one fail, these days are computed, and it must stand of what and how.
        with run.engine.begin() as connection:
            of_piece = [each for each in inputs if piece.first <= each.order_day <= piece.last]
            record_inputs(connection, of_piece, run_id=run.run_id, sales_basis=run.sales_basis)
            disagreeing.update(withdraw_disagreeing(connection, piece.first, piece.last))
        days = (piece.last - piece.first).days + 1
        _logger.info(
            "%s to %s: profit computed",
            piece.first,
            piece.last,
            extra={"stage": "profit", "day": piece.last.isoformat(), "days": days},
        )

    pieces = cut_range(((each.order_day, each.orders) for each in inputs), most_orders=_PIECE_ORDERS)
    compute_pieces(compute, pieces, processes=run.compute_processes, on_computed=finish)
    return disagreeing


def _compute_piece(piece: Piece, **options: Any) -> None:
    """Of this module, and no lambda: other processes must find it by its name."""
    compute_days(first=piece.first, last=piece.last, **options)


def review_costs_of_day(run: RunContext, day: StoreDay) -> CostReview:
    """What is odd about the computed day's costs, by name; one that was not computed has nothing odd."""
    with run.engine.connect() as connection:
        return review_costs(connection, day.day)
