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
from dataclasses import replace
from queue import Empty, SimpleQueue

from sqlalchemy import Connection

from enrich_pipeline.domain.days import StoreDay
from enrich_pipeline.domain.errors import DayError
from enrich_pipeline.enrich_client import EnrichClient
from enrich_pipeline.steps.batch_posting import BatchResult, post_batch
from enrich_pipeline.steps.batch_queue import BatchQueue
from enrich_pipeline.steps.context import RunContext
from enrich_pipeline.steps.upload_progress import ProgressReport, UploadSummary
from enrich_pipeline.warehouse.upload_ledger import (
    Outcome,
    begin_batches,
    begin_halves,
    forget_unsent,
    record_outcomes,
)
from enrich_pipeline.warehouse.upload_plan import START_OF_PLAN, PlanPiece, next_piece

_logger = logging.getLogger(__name__)

# Two, so that the warehouse writes with two processors; more only contend.
_FEEDERS = 2

# Orders that a feeder writes down in one transaction: enough to make its commit cheap, few enough to start early.
_CHUNK_ORDERS = 10_000

_OUTCOMES_WRITTEN_EVERY_SECONDS = 0.2

# So many orders refused one by one while none was ever taken: that is no longer about orders.
_REFUSED_AND_NONE_TAKEN = 30


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
        self._results: SimpleQueue[BatchResult | BaseException] = SimpleQueue()
        self._claims = threading.Lock()
        self._claimed_until = START_OF_PLAN
        self._claimed_batches = 0
        self._unwritten: list[Outcome] = []
        # Orders refused alone, not written down until it is known who is to blame: whether the vendor takes others.
        self._refused: list[Outcome] = []
        self._took_something = False
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
        try:
            for thread in threads:
                thread.start()
            self._settle_all(summary, batches, deadline, progress)
        except BaseException as error:
            # Also a terminated run: Dagster and Ctrl-C raise in this thread.
            if not isinstance(error, Exception):
                _logger.warning(
                    "%s: stopping, once the requests in flight have ended", self._day.key, extra={"stage": "stopping"}
                )
            self._stop(threads, summary)
            self._settle_refused("failed")
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
        self._settle_refused("refused")
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
                result = post_batch(self._client, batch)
                if result.error is not None:
                    # Before anybody is told of it: no other batch starts after the first failure.
                    self._queue.close()
                self._results.put(result)
            except BaseException as error:  # it is raised in the calling thread
                self._results.put(error)

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

    def _next_results(self) -> Iterator[BatchResult | BaseException]:
        """The results that are there, at least one if one comes soon; what the caller does not take stays there."""
        timeout = _OUTCOMES_WRITTEN_EVERY_SECONDS
        with suppress(Empty):
            while True:
                yield self._results.get(timeout=timeout)
                timeout = 0.0

    def _settle(self, result: BatchResult, summary: UploadSummary) -> int:
        """Count a result; return how many batches are sent in its place: the halves of a body refused as a whole."""
        self._count(result, summary)
        if result.error is not None:
            raise result.error
        if not result.refused or result.batch.orders == 1:
            self._refuse_a_vendor_that_takes_nothing()
            return 0
        _logger.warning("%s: a batch of %d orders was refused; halving it", self._day.key, result.batch.orders)
        self._write_outcomes(now=True)
        with self._run.engine.begin() as connection:
            halves = begin_halves(connection, result.batch.batch_id)
        self._queue.put(halves, first=True)
        return len(halves)

    def _count(self, result: BatchResult, summary: UploadSummary) -> None:
        """Count a request, and remember what to write down of it."""
        outcome = result.outcome
        if not outcome.attempts:
            self._unsent.append(outcome.batch_id)
            return
        waits = outcome.status == "refused" and not self._took_something
        (self._refused if waits else self._unwritten).append(outcome)
        summary.requests += 1
        summary.retries += max(0, outcome.attempts - 1)
        summary.body_bytes += outcome.body_bytes
        summary.latencies.append(outcome.latency_seconds)
        if outcome.status == "answered":
            self._took_something = True
            self._settle_refused("refused")
            summary.answered += result.batch.orders
            summary.rejected.update(code for _, code, _ in outcome.rejections)
        elif outcome.status == "refused":
            summary.answered += 1
            summary.rejected[outcome.error_code or ""] += 1

    def _refuse_a_vendor_that_takes_nothing(self) -> None:
        """Stop when every order is refused, and blame none: they would count as rejected, and never be sent again.

        Raises:
            DayError: it says what to look at.
        """
        if len(self._refused) >= _REFUSED_AND_NONE_TAKEN:
            raise DayError(
                f"{self._day.key}: the vendor refused {len(self._refused)} orders one by one "
                f"({self._refused[-1].error_code}) and took none, so it is not about the orders. Compare "
                "CONTRACT_PROFILE, UPLOAD_BATCH_SIZE and WORKMAGIC_API_URL with what the vendor takes. Nothing counts "
                "as sent; run the day again once that is mended."
            )

    def _settle_refused(self, status: str) -> None:
        """Let the orders that were refused alone count: as `refused` where they are to blame, else as `failed`."""
        self._unwritten += (replace(outcome, status=status) for outcome in self._refused)
        self._refused.clear()

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
            if thread.ident is not None:  # else it was not started
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
