"""Looks at a day before it is sent: what would change at the vendor, and whether a guard holds the day."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from sqlalchemy import Connection

from enrich_pipeline.domain.days import StoreDay
from enrich_pipeline.domain.guards import GuardLimits, Hold, guard_day
from enrich_pipeline.steps.context import RunContext
from enrich_pipeline.warehouse.computed_days import require_computed
from enrich_pipeline.warehouse.upload_review import UploadPreview, day_facts, preview_day, preview_plan

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadReview:
    """What an upload of a day would change, and the guards that hold the day; empty when it may be sent."""

    preview: UploadPreview
    holds: tuple[Hold, ...]

    @property
    def sentence(self) -> str:
        """Why the day is held."""
        return "; ".join(f"{hold.guard}: {hold.message}" for hold in self.holds)


def review_day(
    run: RunContext,
    day: StoreDay,
    *,
    limits: GuardLimits,
    full: bool = False,
    allow_outside_window: bool = False,
) -> UploadReview:
    """Review the day as it would be uploaded now. Sends nothing and writes nothing; may be repeated.

    Raises:
        DayError: when the day's marts are missing or come from different runs.
    """
    with run.engine.begin() as connection:
        require_computed(connection, day.day)
        preview = preview_day(connection, day.day, full=full, allow_outside_window=allow_outside_window)
        return _review(run, connection, day, preview, limits)


def review_plan(run: RunContext, connection: Connection, day: StoreDay, *, limits: GuardLimits) -> UploadReview:
    """Review the day as the present plan sends it. Writes nothing; may be repeated."""
    return _review(run, connection, day, preview_plan(connection), limits)


def _review(
    run: RunContext, connection: Connection, day: StoreDay, preview: UploadPreview, limits: GuardLimits
) -> UploadReview:
    facts = day_facts(connection, day, computed=preview.computed, is_open=day.is_open(run.business_now))
    review = UploadReview(preview=preview, holds=guard_day(facts, preview.changes, limits))
    if review.holds:
        _logger.warning("%s: %s", day.key, review.sentence)
    return review
