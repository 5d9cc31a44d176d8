"""What holds requests back: a vendor's Retry-After pauses all of them, strain lets fewer be in flight, a stop ends all.

It stands before each attempt, not each call: a call that waits for its next attempt takes nobody's place.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from enrich_pipeline.domain.adaptive_limit import AdaptiveLimit
from enrich_pipeline.enrich_client.errors import CallStopped, EnrichApiError


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """Real time, as far as requests need it; tests bring their own, on which waiting takes no time.

    `wait` waits until the event is set, for so many seconds at most.
    """

    monotonic: Callable[[], float] = time.monotonic
    wait: Callable[[threading.Event, float], object] = threading.Event.wait
    now: Callable[[], datetime] = lambda: datetime.now(UTC)


class Pacer:
    """Lets attempts begin. Safe to share between threads."""

    def __init__(self, clock: Clock, *, ceiling: int) -> None:
        """`ceiling` is the most attempts that may ever be in flight."""
        self._clock = clock
        self._limit = AdaptiveLimit(ceiling)
        self._in_flight = 0
        self._open_at = 0.0
        self._changed = threading.Condition()
        self._stopped = threading.Event()

    @property
    def limit(self) -> int:
        """How many attempts may be in flight now."""
        return self._limit.limit

    def pause(self, seconds: float) -> None:
        """Let no attempt begin for `seconds` from now; a longer pause that is under way stays."""
        with self._changed:
            self._open_at = max(self._open_at, self._clock.monotonic() + seconds)

    def sleep(self, seconds: float) -> None:
        """Wait, and no longer once stopped."""
        self._clock.wait(self._stopped, seconds)

    def stop(self) -> None:
        """Let no attempt begin any more, and end every wait. Attempts in flight are left to end."""
        self._stopped.set()
        with self._changed:
            self._changed.notify_all()

    def resume(self) -> None:
        """Take a stop back."""
        self._stopped.clear()

    @contextmanager
    def attempt(self) -> Generator[None]:
        """Hold a place in flight for one attempt, and learn from how it ends.

        Raises:
            CallStopped: when stopped, also while waiting; the attempt did not begin.
        """
        epoch = self._enter()
        try:
            yield
        except EnrichApiError as error:
            self._leave(epoch, strained=error.retryable)
            raise
        except BaseException:
            self._leave(epoch, strained=None)
            raise
        self._leave(epoch, strained=False)

    def _enter(self) -> int:
        while True:
            with self._changed:
                if self._stopped.is_set():
                    raise CallStopped("the request was not sent: the upload or reading is being stopped.")
                pause_seconds = self._open_at - self._clock.monotonic()
                if pause_seconds <= 0:
                    if self._in_flight < self._limit.limit:
                        self._in_flight += 1
                        return self._limit.epoch
                    self._changed.wait()
                    continue
            # The pause may grow while waiting: look again.
            self.sleep(pause_seconds)

    def _leave(self, epoch: int, *, strained: bool | None) -> None:
        with self._changed:
            self._in_flight -= 1
            if strained:
                self._limit.strained(epoch)
            elif strained is not None:
                self._limit.answered_well()
            self._changed.notify_all()
