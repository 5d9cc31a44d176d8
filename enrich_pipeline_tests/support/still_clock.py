"""A clock that stands still unless somebody sleeps on it: tests of waiting take no time and are exact."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

from enrich_pipeline.enrich_client import Clock


class StillClock:
    """`sleeps` are the waits so far, in seconds; `clock` is what the code under test is given."""

    def __init__(self, now: datetime = datetime(2025, 6, 10, 12, tzinfo=UTC)) -> None:
        self.sleeps: list[float] = []
        self._now = now
        self._elapsed = 0.0
        self._lock = threading.Lock()
        self.clock = Clock(monotonic=self._monotonic, wait=self._wait, now=self._read)

    def _monotonic(self) -> float:
        with self._lock:
            return self._elapsed

    def _wait(self, _event: threading.Event, seconds: float) -> None:
        with self._lock:
            self.sleeps.append(seconds)
            self._elapsed += seconds

    def _read(self) -> datetime:
        return self._now + timedelta(seconds=self._monotonic())
