"""The batches that are written down and wait for a worker: bounded, so that no day is held in memory."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable

from enrich_pipeline.warehouse.upload_ledger import Sending


class BatchQueue:
    """A bounded queue between those that write batches down and those that send them. Safe to share."""

    def __init__(self, bound: int) -> None:
        """`bound` batches waiting are enough: `wait_for_room` returns when there are fewer."""
        self._bound = bound
        self._waiting: deque[Sending] = deque()
        self._closed = False
        # Two conditions on one lock: a batch that is taken wakes those that write batches down, and no other worker.
        lock = threading.Lock()
        self._has_batches = threading.Condition(lock)
        self._has_room = threading.Condition(lock)

    def wait_for_room(self) -> bool:
        """Wait until more batches may be written down; return whether they may, which they may not once closed."""
        with self._has_room:
            self._has_room.wait_for(lambda: self._closed or len(self._waiting) < self._bound)
            return not self._closed

    def put(self, batches: Iterable[Sending], *, first: bool = False) -> None:
        """Add batches behind those that wait, or before them; more than the bound are taken too."""
        with self._has_batches:
            if first:
                self._waiting.extendleft(batches)
            else:
                self._waiting.extend(batches)
            self._has_batches.notify(len(self._waiting))

    def get(self) -> Sending | None:
        """The next batch, as soon as there is one; None once the queue is closed."""
        with self._has_batches:
            self._has_batches.wait_for(lambda: self._closed or self._waiting)
            if self._closed:
                return None
            batch = self._waiting.popleft()
            if len(self._waiting) < self._bound:
                self._has_room.notify_all()
            return batch

    def close(self) -> None:
        """Give out no further batch."""
        with self._has_batches:
            self._closed = True
            self._has_batches.notify_all()
            self._has_room.notify_all()

    def left_over(self) -> list[Sending]:
        """The batches that nobody took, after the queue was closed and everybody left; then it is empty."""
        with self._has_batches:
            batches = list(self._waiting)
            self._waiting.clear()
            return batches
