"""Step 3: send what the day must send, in batches, and keep a ledger that is right after a crash at any line.

POST's answer is a hint: it is written down, and believed only once the day is read back.
"""

from __future__ import annotations

import logging
import time
from collections import Counter, deque
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from enrich_pipeline.domain.days import StoreDay
from enrich_pipeline.enrich_client import (
    ApiStatusError,
    BadRequest,
    EnrichApiError,
    EnrichClient,
    PayloadTooLarge,
    Unprocessable,
)
from enrich_pipeline.steps.context import RunContext
from enrich_pipeline.steps.read_back import read_back_day
from enrich_pipeline.warehouse.computed_days import require_computed
from enrich_pipeline.warehouse.locks import vendor_lock
from enrich_pipeline.warehouse.order_states import unread_orders
from enrich_pipeline.warehouse.upload_ledger import (
    Outcome,
    begin_sending,
    begin_upload,
    forget_planned_batches,
    halve_batch,
    plan_batches,
    record_outcome,
    record_rejections,
)

_logger = logging.getLogger(__name__)

# The vendor refused the body, not a row: somewhere in it is a row that it cannot take.
_REFUSED_AS_A_WHOLE = (BadRequest, PayloadTooLarge, Unprocessable)


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadOptions:
    """How a day is uploaded.

    Attributes:
        batch_size: orders a request.
        concurrency: requests in flight.
        full: send every order again, also what is verified.
        allow_outside_window: send days that the vendor no longer applies by itself.
    """

    batch_size: int
    concurrency: int = 4
    full: bool = False
    allow_outside_window: bool = False

    @property
    def overrides(self) -> dict[str, bool]:
        """What was lifted for this upload, as the receipt records it."""
        return {"allow_outside_window": True} if self.allow_outside_window else {}


@dataclass(slots=True, kw_only=True)
class UploadSummary:
    """What an upload of a day did. Latencies are seconds of whole requests, in the order they ended."""

    planned: int = 0
    answered: int = 0
    rejected: Counter[str] = field(default_factory=Counter[str])
    requests: int = 0
    retries: int = 0
    body_bytes: int = 0
    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list[float])

    @property
    def orders_per_second(self) -> float:
        """Orders answered a second of the whole upload."""
        return self.answered / self.seconds if self.seconds else 0.0

    def latency_percentile(self, percent: int) -> float:
        """The latency that `percent` of the requests stayed within; 0 when there were none."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] if ordered else 0.0


def upload_day(
    run: RunContext,
    client: EnrichClient,
    day: StoreDay,
    options: UploadOptions,
) -> UploadSummary:
    """Send what the day must send (design section 2). May be repeated at any time, also after a crash.

    Raises:
        DayError: when the day's marts are missing or come from different runs; nothing was sent.
        EnrichApiError: when the vendor stopped answering; what is known stands in the ledger, and running the day
            again goes on from there.
    """
    began = time.monotonic()
    with vendor_lock(run.engine):
        with run.engine.begin() as connection:
            require_computed(connection, day.day)
            begin_upload(connection, day.day, run_id=run.run_id, overrides=options.overrides)
            forget_planned_batches(connection, day.day)
            unread = unread_orders(connection, day.day)
        if unread and run.profile.shows_rows == "at_once":
            _logger.info("%s: the fate of %d orders is not known; reading them back first", day.key, unread)
            read_back_day(run, client, day)
        with run.engine.begin() as connection:
            batches = plan_batches(
                connection,
                day.day,
                run_id=run.run_id,
                batch_size=options.batch_size,
                full=options.full,
                allow_outside_window=options.allow_outside_window,
            )
        upload = _Upload(run, client, day)
        try:
            upload.send(batches, options.concurrency)
        finally:
            with run.engine.begin() as connection:
                forget_planned_batches(connection, day.day)
    summary = upload.summary
    summary.seconds = time.monotonic() - began
    _logger.info(
        "%s: uploaded %d orders in %d requests",
        day.key,
        summary.answered,
        summary.requests,
        extra={"stage": "uploaded", "day": day.key},
    )
    return summary


@dataclass(frozen=True, slots=True, kw_only=True)
class _Result:
    """What became of one request. `refused` is the error that refused the whole body, which stored nothing."""

    batch_id: int
    orders: int
    body_bytes: int
    attempts: int
    latency_seconds: float
    rejected: tuple[str, ...] = ()
    refused: EnrichApiError | None = None


class _Upload:
    """One upload under way: a pool of workers, each with a batch of its own; the summary is the main thread's."""

    def __init__(self, run: RunContext, client: EnrichClient, day: StoreDay) -> None:
        self.summary = UploadSummary()
        self._run = run
        self._client = client
        self._day = day

    def send(self, batches: list[tuple[int, int]], concurrency: int) -> None:
        """Send every batch; after the first failure start no further one, let those in flight end, and raise."""
        self.summary.planned = sum(orders for _, orders in batches)
        waiting = deque(batches)
        running: set[Future[_Result]] = set()
        failure: BaseException | None = None
        with ThreadPoolExecutor(max_workers=concurrency, thread_name_prefix="upload") as pool:
            while running or (waiting and failure is None):
                while waiting and failure is None and len(running) < concurrency:
                    running.add(pool.submit(self._send_batch, *waiting.popleft()))
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    if error := future.exception():
                        failure = failure or error
                    else:
                        waiting.extendleft(self._settle(future.result()))
        if failure is not None:
            raise failure

    def _settle(self, result: _Result) -> list[tuple[int, int]]:
        """Count a result; return the halves to send instead when a body of several orders was refused as a whole."""
        summary = self.summary
        summary.requests += 1
        summary.retries += result.attempts - 1
        summary.body_bytes += result.body_bytes
        summary.latencies.append(result.latency_seconds)
        if result.refused is not None and result.orders > 1:
            _logger.warning("%s: a batch of %d orders was refused; halving it", self._day.key, result.orders)
            with self._run.engine.begin() as connection:
                return halve_batch(connection, result.batch_id)
        summary.answered += result.orders
        summary.rejected.update(result.rejected)
        _logger.info("%s: %d of %d orders sent", self._day.key, summary.answered, summary.planned)
        return []

    def _send_batch(self, batch_id: int, orders: int) -> _Result:
        """Send one batch between its two ledger entries."""
        with self._run.engine.begin() as connection:
            body = begin_sending(connection, batch_id)
        began = time.monotonic()
        try:
            answer = self._client.post_orders(body, order_count=orders)
        except EnrichApiError as error:
            return self._record_failure(error, batch_id, orders, len(body), time.monotonic() - began)
        with self._run.engine.begin() as connection:
            record_outcome(
                connection,
                batch_id,
                Outcome(
                    status="answered",
                    attempts=answer.attempts,
                    body_bytes=len(body),
                    latency_seconds=answer.latency_seconds,
                    http_status=answer.http_status,
                    request_id=answer.request_id,
                ),
            )
            if answer.row_errors:
                rejections = [(row.index, row.code, row.message) for row in answer.row_errors]
                record_rejections(connection, batch_id, rejections)
        return _Result(
            batch_id=batch_id,
            orders=orders,
            body_bytes=len(body),
            attempts=answer.attempts,
            latency_seconds=answer.latency_seconds,
            rejected=tuple(row.code for row in answer.row_errors),
        )

    def _record_failure(
        self, error: EnrichApiError, batch_id: int, orders: int, body_bytes: int, seconds: float
    ) -> _Result:
        """Write down what is known of a batch without an answer that counts; raise unless its body was refused."""
        refused = isinstance(error, _REFUSED_AS_A_WHOLE) and error.outcome_known
        code = (error.code if isinstance(error, ApiStatusError) else None) or type(error).__name__
        settled = "refused" if refused and orders == 1 else "failed"
        with self._run.engine.begin() as connection:
            record_outcome(
                connection,
                batch_id,
                Outcome(
                    status=settled if error.outcome_known else "unknown",
                    attempts=error.attempts,
                    body_bytes=body_bytes,
                    latency_seconds=seconds,
                    http_status=error.status if isinstance(error, ApiStatusError) else None,
                    error_code=code,
                    request_id=error.request_id if isinstance(error, ApiStatusError) else None,
                ),
            )
        if not refused:
            raise error
        return _Result(
            batch_id=batch_id,
            orders=orders,
            body_bytes=body_bytes,
            attempts=error.attempts,
            latency_seconds=seconds,
            rejected=(code,) if orders == 1 else (),
            refused=error,
        )
