"""Sends the batches of an upload's plan: feeders write them down, workers post them, one thread writes what became.

    feeders ──batches, committed as `sending`──> workers ──results──> the calling thread: ledger, halves, progress

Batches are written down a few at a time just ahead of the workers, and outcomes a few at a time just behind them, so
the ledger costs a few transactions a second, however many requests there are. Whatever ends an upload early, no
further batch starts, those in flight end, and what is known of them stands in the ledger before the error is raised.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from queue import Empty, SimpleQueue

from sqlalchemy import Connection

from enrich_pipeline.domain.days import StoreDay
from enrich_pipeline.domain.errors import DayError
from enrich_pipeline.enrich_client import (
    ApiStatusError,
    BadRequest,
    EnrichApiError,
    EnrichClient,
    PayloadTooLarge,
    Unprocessable,
)
from enrich_pipeline.steps.batch_queue import BatchQueue
from enrich_pipeline.steps.context import RunContext
from enrich_pipeline.steps.upload_progress import ProgressReport, UploadSummary
from enrich_pipeline.warehouse.upload_ledger import (
    Outcome,
    Sending,
    begin_batches,
    begin_halves,
    forget_unsent,
    record_outcomes,
)
from enrich_pipeline.warehouse.upload_plan import START_OF_PLAN, PlanPiece, next_piece

_logger = logging.getLogger(__name__)

# The vendor refused the body, not a row: somewhere in it is a row that it cannot take.
_REFUSED_AS_A_WHOLE = (BadRequest, PayloadTooLarge, Unprocessable)

# Two, so that the warehouse writes with two processors; more only contend.
_FEEDERS = 2

# Orders that a feeder writes down in one transaction: enough to make its commit cheap, few enough to start early.
_CHUNK_ORDERS = 10_000

_OUTCOMES_WRITTEN_EVERY_SECONDS = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class _Result:
    """What became of a batch. `refused`: the whole body was, nothing of it was stored. `error` ends the upload."""

    batch: Sending
    outcome: Outcome
    refused: bool = False
    error: EnrichApiError | None = None


class UploadEngine:
    """One upload of one plan under way. Used once, by one thread, which its worker threads report to."""

    def __init__(
        self, run: RunContext, client: EnrichClient, day: StoreDay, *, batch_size: int, concurrency: int
    ) -> None:
        """`concurrency` workers; how many of them may be in flight is the client's to say."""
        self._run = run
        self._client = client
        self._day = day
        self._batch_size = batch_size
        self._concurrency = concurrency
        self._batches_a_chunk = max(1, min(concurrency, _CHUNK_ORDERS // batch_size))
        self._queue = BatchQueue(concurrency)
        # An error that is no answer of the vendor ends the upload.
        self._results: SimpleQueue[_Result | BaseException] = SimpleQueue()
        self._claims = threading.Lock()
        self._claimed_until = START_OF_PLAN
        self._claimed_batches = 0
        self._unwritten: list[Outcome] = []
        self._unsent: list[int] = []
        self._written_at = 0.0

    def send(self, summary: UploadSummary, *, deadline: float, progress: ProgressReport) -> None:
        """Send `summary.planned` orders of the present plan, counting in `summary`.

        Args:
            summary: of this upload; `planned` is set.
            deadline: on the monotonic clock; behind it no further batch starts.
            progress: told what was done, often.

        Raises:
            EnrichApiError: the first failure of a request that ends the upload.
            DayError: when the deadline passed.
        """
        batches = -(-summary.planned // self._batch_size)
        threads = [
            threading.Thread(target=self._feed, args=(batches,), name=f"upload-feeder-{number}")
            for number in range(min(_FEEDERS, batches))
        ]
        threads += [
            threading.Thread(target=self._work, name=f"upload-{number}")
            for number in range(min(self._concurrency, batches))
        ]
        for thread in threads:
            thread.start()
        try:
            self._settle_all(summary, batches, deadline, progress)
        except BaseException:
            # Also a terminated run: Dagster and Ctrl-C raise in this thread.
            self._stop(threads, summary)
            try:
                self._write_all()
            except Exception as error:
                # The batches stay `sending`: that claims more than was sent, never less, and the next run settles it.
                # The type alone: a database's words may quote the row.
                _logger.error(
                    "%s: what became of the last requests could not be written down (%s)",
                    self._day.key,
                    type(error).__name__,
                )
            raise
        self._stop(threads, summary)
        self._write_all()

    def _feed(self, batches: int) -> None:
        """Write batches down ahead of the workers until the plan is through."""
        try:
            while self._queue.wait_for_room():
                with self._run.engine.begin() as connection:
                    claimed = self._claim(connection, batches)
                    if claimed is None:
                        return
                    piece, count = claimed
                    chunk = begin_batches(
                        connection, self._day.day, piece, run_id=self._run.run_id, batch_size=self._batch_size
                    )
                if len(chunk) < count:
                    raise DayError(
                        f"{self._day.key}: what was to be sent is no longer written down: the warehouse was started "
                        "anew, or another upload began. What was sent stands in the ledger; run the day again."
                    )
                self._queue.put(chunk)
        except BaseException as error:  # it is raised in the calling thread
            self._results.put(error)

    def _claim(self, connection: Connection, batches: int) -> tuple[PlanPiece, int] | None:
        """The next piece of the plan that nobody wrote down, and its batches: few until there is one a worker."""
        with self._claims:
            few = self._claimed_batches < self._concurrency
            wanted = -(-self._batches_a_chunk // 4) if few else self._batches_a_chunk
            count = min(wanted, batches - self._claimed_batches)
            if not count:
                return None
            piece = next_piece(connection, after=self._claimed_until, orders=count * self._batch_size)
            self._claimed_until = piece.until
            self._claimed_batches += count
            return piece, count

    def _work(self) -> None:
        """Post one batch after the other until the queue is closed."""
        while (batch := self._queue.get()) is not None:
            try:
                result = self._post(batch)
                if result.error is not None:
                    # Before anybody is told of it: no other batch starts after the first failure.
                    self._queue.close()
                self._results.put(result)
            except BaseException as error:  # it is raised in the calling thread
                self._results.put(error)

    def _post(self, batch: Sending) -> _Result:
        sent_at = datetime.now(UTC)
        began = time.monotonic()
        try:
            answer = self._client.post_orders(batch.body, order_count=batch.orders)
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
        return _Result(batch=batch, outcome=outcome)

    def _settle_all(self, summary: UploadSummary, batches: int, deadline: float, progress: ProgressReport) -> None:
        """Settle results as they come, until every batch is; raise the first error that ends the upload."""
        outstanding = batches
        self._written_at = time.monotonic()
        while outstanding:
            if time.monotonic() > deadline:
                raise DayError(
                    f"{self._day.key}: the time for a day's upload is over after {summary.answered} of "
                    f"{summary.planned} orders. What was sent stands in the ledger; run the day again to go on, or "
                    "raise UPLOAD_BUDGET_SECONDS."
                )
            for result in self._next_results():
                if isinstance(result, BaseException):
                    raise result
                outstanding += self._settle(result, summary) - 1
            self._write_outcomes(now=not outstanding)
            progress.show(summary, in_flight_limit=self._client.in_flight_limit)

    def _next_results(self) -> Iterator[_Result | BaseException]:
        """The results that are there, at least one if one comes soon; what the caller does not take stays there."""
        timeout = _OUTCOMES_WRITTEN_EVERY_SECONDS
        with suppress(Empty):
            while True:
                yield self._results.get(timeout=timeout)
                timeout = 0.0

    def _settle(self, result: _Result, summary: UploadSummary) -> int:
        """Count a result; return how many batches are sent in its place: the halves of a body refused as a whole."""
        self._count(result, summary)
        if result.error is not None:
            raise result.error
        if not result.refused or result.batch.orders == 1:
            return 0
        _logger.warning("%s: a batch of %d orders was refused; halving it", self._day.key, result.batch.orders)
        self._write_outcomes(now=True)
        with self._run.engine.begin() as connection:
            halves = begin_halves(connection, result.batch.batch_id)
        self._queue.put(halves, first=True)
        return len(halves)

    def _count(self, result: _Result, summary: UploadSummary) -> None:
        """Count a request, and remember what to write down of it."""
        outcome = result.outcome
        if not outcome.attempts:
            self._unsent.append(outcome.batch_id)
            return
        self._unwritten.append(outcome)
        summary.requests += 1
        summary.retries += max(0, outcome.attempts - 1)
        summary.body_bytes += outcome.body_bytes
        summary.latencies.append(outcome.latency_seconds)
        if outcome.status == "answered":
            summary.answered += result.batch.orders
            summary.rejected.update(code for _, code, _ in outcome.rejections)
        elif outcome.status == "refused":
            summary.answered += 1
            summary.rejected[outcome.error_code or ""] += 1

    def _write_outcomes(self, *, now: bool) -> None:
        """Write outcomes into the ledger, when it is time or needed now."""
        if self._unwritten and (now or time.monotonic() > self._written_at + _OUTCOMES_WRITTEN_EVERY_SECONDS):
            with self._run.engine.begin() as connection:
                record_outcomes(connection, self._unwritten)
            self._unwritten.clear()
            self._written_at = time.monotonic()

    def _stop(self, threads: list[threading.Thread], summary: UploadSummary) -> None:
        """Start nothing more, let what is in flight end, and count it."""
        self._queue.close()
        self._client.stop()
        for thread in threads:
            thread.join()
        self._client.resume()
        self._unsent += [batch.batch_id for batch in self._queue.left_over()]
        while not self._results.empty():
            result = self._results.get()
            if not isinstance(result, BaseException):
                self._count(result, summary)

    def _write_all(self) -> None:
        """Bring the ledger up to what is known, once nothing is in flight."""
        self._write_outcomes(now=True)
        if self._unsent:
            with self._run.engine.begin() as connection:
                forget_unsent(connection, self._day.day, self._unsent)


def _failed(batch: Sending, error: EnrichApiError, *, sent_at: datetime, seconds: float) -> _Result:
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
    return _Result(batch=batch, outcome=outcome, refused=refused, error=None if refused else error)
