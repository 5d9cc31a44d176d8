"""Step 3: send what the day must send, in batches, and keep a ledger that is right after a crash at any line.

POST's answer is a hint: it is written down, and believed only once the day is read back.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from enrich_pipeline.domain.days import StoreDay
from enrich_pipeline.domain.guards import GuardLimits
from enrich_pipeline.enrich_client import EnrichClient
from enrich_pipeline.steps.context import RunContext
from enrich_pipeline.steps.guards import UploadReview, review_plan
from enrich_pipeline.steps.read_back import read_back_day
from enrich_pipeline.steps.upload_engine import UploadEngine
from enrich_pipeline.steps.upload_progress import ProgressReport, UploadSummary
from enrich_pipeline.warehouse.computed_days import require_computed, require_sales_basis
from enrich_pipeline.warehouse.day_inputs import forget_fingerprint
from enrich_pipeline.warehouse.locks import vendor_lock
from enrich_pipeline.warehouse.upload_ledger import begin_upload, record_holds
from enrich_pipeline.warehouse.upload_plan import drop_plan, plan_upload

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadOptions:
    """How a day is uploaded.

    Attributes:
        batch_size: orders a request.
        concurrency: most requests in flight; fewer while the vendor strains.
        budget_seconds: a day's upload that takes longer is ended, and goes on when the day is run again.
        full: send every order again, also what is verified.
        allow_outside_window: send days that the vendor no longer applies by itself.
        dry_run: look at what would change, and send nothing.
        override_guards: why the guards are lifted for this upload; empty to let them hold a day.
        guard_limits: from where on a guard holds a day.
    """

    batch_size: int
    concurrency: int = 4
    budget_seconds: float = 3600.0
    full: bool = False
    allow_outside_window: bool = False
    dry_run: bool = False
    override_guards: str = ""
    guard_limits: GuardLimits = field(default_factory=GuardLimits)

    @property
    def overrides(self) -> dict[str, Any]:
        """What was lifted for this upload, as the receipt records it."""
        options = ("allow_outside_window", "override_guards")
        return {name: getattr(self, name) for name in options if getattr(self, name)}


def upload_day(
    run: RunContext,
    client: EnrichClient,
    day: StoreDay,
    options: UploadOptions,
    *,
    on_progress: Callable[[str], object] | None = None,
) -> UploadSummary:
    """Send what the day must send (design section 2). May be repeated at any time, also after a crash.

    A day that a guard holds sends nothing, and neither does a dry run: the summary's review says what would change.
    `on_progress` is told every few seconds how far it is, in a sentence.

    Raises:
        DayError: when the day's marts are missing, come from different runs or were computed on another sales basis,
            and nothing was sent; or when the budget is spent.
        EnrichApiError: when the vendor stopped answering; what is known stands in the ledger, and running the day
            again goes on from there.
    """
    with vendor_lock(run.engine, f"run {run.run_id}, uploading {day.key}"):
        began = time.monotonic()
        with run.engine.begin() as connection:
            require_computed(connection, day.day)
            require_sales_basis(connection, day.day, run.sales_basis)
            begin_upload(connection, day.day, run_id=run.run_id, overrides=options.overrides)
        review = _plan(run, day, options)
        if (unread := review.preview.unread) and run.profile.shows_rows == "at_once":
            _logger.info("%s: the fate of %d orders is not known; reading them back first", day.key, unread)
            read_back_day(run, client, day)
            review = _plan(run, day, options)
        planned = review.preview.orders
        summary = UploadSummary(planned=planned, review=review, is_held=_is_held(review, options))
        if not summary.is_held and not options.dry_run:
            engine = UploadEngine(run, client, day, batch_size=options.batch_size, concurrency=options.concurrency)
            engine.send(summary, deadline=began + options.budget_seconds, progress=ProgressReport(day.key, on_progress))
        with run.engine.begin() as connection:
            drop_plan(connection)
            if options.dry_run and planned:
                forget_fingerprint(connection, day.day)
    summary.seconds = time.monotonic() - began
    _logger.info(
        "%s: uploaded %d orders in %d requests, %.0f orders/s, latency p50 %.3f s, p95 %.3f s, %d retries",
        day.key,
        summary.answered,
        summary.requests,
        summary.orders_per_second,
        summary.latency_percentile(50),
        summary.latency_percentile(95),
        summary.retries,
        extra={"stage": "uploaded", "day": day.key},
    )
    return summary


def _plan(run: RunContext, day: StoreDay, options: UploadOptions) -> UploadReview:
    """Plan what is sent, review it, and write down what holds it."""
    with run.engine.begin() as connection:
        plan_upload(connection, day.day, full=options.full, allow_outside_window=options.allow_outside_window)
        review = review_plan(run, connection, day, limits=options.guard_limits)
        holds = [] if options.override_guards else [f"{hold.guard}: {hold.message}" for hold in review.holds]
        record_holds(connection, day.day, run_id=run.run_id, holds=holds)
    return review


def _is_held(review: UploadReview, options: UploadOptions) -> bool:
    return bool(review.holds) and not options.override_guards
