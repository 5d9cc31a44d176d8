"""Read everything the vendor holds for a stretch of time, window by window, and say what could not be proven whole.

Full answers are dropped and their windows split, so each row comes exactly once however the vendor sorts; a row
that the vendor itself repeats comes as often as it did.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from enrich_pipeline.domain.windows import Unverifiable, Window, split
from enrich_pipeline.enrich_client.client import EnrichClient
from enrich_pipeline.enrich_client.models import GetAnswer, HeldOrder

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class ReadSummary:
    """What a read-back took, and what it could not settle.

    Attributes:
        rows: rows handed out.
        requests: GETs sent, retries included.
        retries: GETs that had to be sent again.
        splits: windows that came back full and were read in two parts instead.
        unverifiable: instants that hold at least as many rows as one request returns; rows there may be missing.
    """

    rows: int = 0
    requests: int = 0
    retries: int = 0
    splits: int = 0
    unverifiable: list[Unverifiable] = field(default_factory=list[Unverifiable])


class DayRead:
    """A read-back to iterate over once: the rows of one request at a time. `summary` is complete when it ends."""

    def __init__(self, client: EnrichClient, windows: Iterable[Window], *, limit: int, concurrency: int) -> None:
        self.summary = ReadSummary()
        self._client = client
        self._waiting = iter(windows)
        self._parts: deque[Window] = deque()
        self._limit = limit
        self._concurrency = concurrency

    def __iter__(self) -> Generator[list[HeldOrder]]:
        """Yield each request's rows. No more than `concurrency` requests are ahead of the caller.

        Close it where it may not be read to its end: requests under way end then, and the client is free again.

        Raises:
            EnrichApiError: a window's, once its retries are exhausted.
        """
        pool = ThreadPoolExecutor(max_workers=self._concurrency, thread_name_prefix="read-back")
        running: dict[Future[GetAnswer], Window] = {}
        try:
            while self._fill(pool, running):
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    yield from self._settle(running.pop(future), future.result())
        except BaseException as error:
            # Whatever ends a reading early, Ctrl-C too: nobody waits for a next attempt, what is in flight ends.
            if not isinstance(error, (Exception, GeneratorExit)):
                _log.warning("stopping, once the requests in flight have ended")
            self._client.stop()
            raise
        finally:
            pool.shutdown(cancel_futures=True)
            self._client.resume()

    def _fill(self, pool: ThreadPoolExecutor, running: dict[Future[GetAnswer], Window]) -> bool:
        """Start requests up to the concurrency; return whether any is running."""
        while len(running) < self._concurrency:
            window = self._parts.popleft() if self._parts else next(self._waiting, None)
            if window is None:
                break
            running[pool.submit(self._get, window)] = window
        return bool(running)

    def _get(self, window: Window) -> GetAnswer:
        return self._client.get_orders(window.start, window.asked_end(self._client.profile), self._limit)

    def _settle(self, window: Window, answer: GetAnswer) -> Iterator[list[HeldOrder]]:
        """Hand out the rows of a whole answer; replace a full one by its two parts."""
        self.summary.requests += answer.attempts
        self.summary.retries += answer.attempts - 1
        if len(answer.orders) >= self._limit:
            parts = split(window, [order.order_timestamp for order in answer.orders], self._client.profile)
            if not isinstance(parts, Unverifiable):
                self.summary.splits += 1
                self._parts.extend(parts)
                return
            self.summary.unverifiable.append(parts)
        self.summary.rows += len(answer.orders)
        yield answer.orders


def read_day(
    client: EnrichClient, windows: Iterable[Window], *, limit: int | None = None, concurrency: int = 1
) -> DayRead:
    """Read `windows` (see `domain.windows.plan_windows`) through `client`.

    Args:
        client: whose profile says how windows are asked for.
        windows: disjoint; taken one at a time, so they may be planned while reading.
        limit: rows a request, the same as planned for; the profile's largest when None.
        concurrency: requests in flight.
    """
    limit = client.profile.max_get_limit if limit is None else limit
    return DayRead(client, windows, limit=limit, concurrency=concurrency)
