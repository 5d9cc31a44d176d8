"""Posts one batch and says what became of it: what the ledger is told, and whether the upload may go on."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime

from enrich_pipeline.enrich_client import (
    ApiStatusError,
    BadRequest,
    EnrichApiError,
    EnrichClient,
    PayloadTooLarge,
    Unprocessable,
)
from enrich_pipeline.warehouse.upload_ledger import Outcome, Sending

# The vendor refused the body, not a row: somewhere in it is a row that it cannot take.
_REFUSED_AS_A_WHOLE = (BadRequest, PayloadTooLarge, Unprocessable)


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchResult:
    """What became of a batch. `refused`: the whole body was, nothing of it was stored. `error` ends the upload."""

    batch: Sending
    outcome: Outcome
    refused: bool = False
    error: EnrichApiError | None = None


def post_batch(client: EnrichClient, batch: Sending) -> BatchResult:
    """Post a batch, with the client's retries. An error of the vendor is part of the result, and none is raised."""
    sent_at = datetime.now(UTC)
    began = time.monotonic()
    try:
        answer = client.post_orders(batch.body, order_count=batch.orders)
    except EnrichApiError as error:
        return _failed(batch, error, sent_at=sent_at, seconds=time.monotonic() - began)
    outcome = Outcome(
        batch_id=batch.batch_id,
        status="answered",
        attempts=answer.attempts,
        body_bytes=len(batch.body),
        latency_seconds=answer.latency_seconds,
        sent_at=sent_at,
        answered_at=datetime.now(UTC),
        http_status=answer.http_status,
        request_id=answer.request_id,
        rejections=tuple((row.index, row.code, row.message) for row in answer.row_errors),
    )
    return BatchResult(batch=batch, outcome=outcome)


def _failed(batch: Sending, error: EnrichApiError, *, sent_at: datetime, seconds: float) -> BatchResult:
    """What is known of a batch without an answer that counts; it ends the upload unless its body was refused."""
    refused = isinstance(error, _REFUSED_AS_A_WHOLE) and error.outcome_known
    settled = "refused" if refused and batch.orders == 1 else "failed"
    outcome = Outcome(
        batch_id=batch.batch_id,
        status=settled if error.outcome_known else "unknown",
        attempts=error.attempts,
        body_bytes=len(batch.body),
        latency_seconds=seconds,
        sent_at=sent_at,
        answered_at=datetime.now(UTC),
        http_status=error.status if isinstance(error, ApiStatusError) else None,
        error_code=(error.code if isinstance(error, ApiStatusError) else None) or type(error).__name__,
        request_id=error.request_id if isinstance(error, ApiStatusError) else None,
    )
    return BatchResult(batch=batch, outcome=outcome, refused=refused, error=None if refused else error)
