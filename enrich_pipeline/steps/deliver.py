"""Uploads and verifies days one after the other: a day that fails is written down, and the days after it go on."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from enrich_pipeline.domain.days import StoreDay
from enrich_pipeline.domain.errors import EnrichError, SettingsError
from enrich_pipeline.enrich_client import (
    AuthenticationError,
    EnrichClient,
    MalformedAnswer,
    NotFound,
    Redirected,
    UnsupportedMediaType,
)
from enrich_pipeline.steps.context import RunContext
from enrich_pipeline.steps.upload import UploadOptions, upload_day
from enrich_pipeline.steps.upload_progress import UploadSummary
from enrich_pipeline.steps.verify import Verification, verify_day
from enrich_pipeline.warehouse.driver import without_rows

_logger = logging.getLogger(__name__)

# The key, the address, the contract: what is wrong with them is wrong for every day.
_WRONG_FOR_EVERY_DAY = (
    SettingsError,
    AuthenticationError,
    NotFound,
    Redirected,
    UnsupportedMediaType,
    MalformedAnswer,
)

# One day may meet a hiccup that outlasts its retries. When the next one meets it too, the vendor or the warehouse
# is down, and each further day would only wait through the same retries.
_DAYS_WITHOUT_AN_ANSWER = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveredDay:
    """What became of one day: what was asked for and done, or the error that ended it."""

    day: StoreDay
    upload: UploadSummary | None = None
    verification: Verification | None = None
    error: Exception | None = None


def deliver_days(
    run: RunContext,
    client: EnrichClient,
    days: Sequence[StoreDay],
    options: UploadOptions,
    *,
    upload: bool = True,
    verify: bool = True,
    on_progress: Callable[[str], object] | None = None,
) -> Iterator[DeliveredDay]:
    """Upload and verify each day, and say what became of it before the next begins. May be repeated.

    Days after an error that would meet every one of them are not begun, and not yielded: a wrong key, a wrong
    address, or a vendor or a warehouse that did not answer two days running.
    """
    unanswered = 0
    for day in days:
        delivered = _deliver_day(run, client, day, options, upload=upload, verify=verify, on_progress=on_progress)
        yield delivered
        error = delivered.error
        unanswered = unanswered + 1 if isinstance(error, EnrichError) and error.retryable else 0
        if isinstance(error, _WRONG_FOR_EVERY_DAY) or unanswered == _DAYS_WITHOUT_AN_ANSWER:
            return


def _deliver_day(
    run: RunContext,
    client: EnrichClient,
    day: StoreDay,
    options: UploadOptions,
    *,
    upload: bool,
    verify: bool,
    on_progress: Callable[[str], object] | None,
) -> DeliveredDay:
    uploaded: UploadSummary | None = None
    try:
        uploaded = upload_day(run, client, day, options, on_progress=on_progress) if upload else None
        verified = verify_day(run, client, day) if verify else None
    except Exception as error:  # whatever a day's data brings about must not cost the other days theirs
        _logger.warning("%s: not done: %s", day.key, type(error).__name__, extra={"stage": "failed", "day": day.key})
        return DeliveredDay(day=day, upload=uploaded, error=without_rows(error))
    return DeliveredDay(day=day, upload=uploaded, verification=verified)
