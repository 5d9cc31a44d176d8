"""The rate limit: at most so many requests of a key within any sixty seconds."""

from __future__ import annotations

import math
import time
from collections import defaultdict, deque
from collections.abc import Callable

_WINDOW_SECONDS = 60.0


class RateLimiter:
    """Counts requests by key in this process. A refused request does not count."""

    def __init__(self, requests_per_minute: int | None, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._most = requests_per_minute
        self._monotonic = monotonic
        self._times: defaultdict[int, deque[float]] = defaultdict(deque)

    def seconds_to_wait(self, key_id: int) -> int:
        """0 when the request may pass, which counts it; else the whole seconds until one may."""
        if self._most is None:
            return 0
        now = self._monotonic()
        times = self._times[key_id]
        while times and times[0] <= now - _WINDOW_SECONDS:
            times.popleft()
        if len(times) < self._most:
            times.append(now)
            return 0
        return max(1, math.ceil(times[0] + _WINDOW_SECONDS - now))
