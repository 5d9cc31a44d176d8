"""The rate limit: at most so many requests of a key within any sixty seconds, over all workers of the service."""

from __future__ import annotations

import fcntl
import math
import mmap
import os
import struct
import time
from collections.abc import Callable
from pathlib import Path

_WINDOW_SECONDS = 60.0
_COUNT = struct.Struct("q")
_MOMENT = struct.Struct("d")


class RateLimiter:
    """Counts requests by key. A refused request does not count.

    A key's latest requests lie in a ring in a file that the workers share: one more may pass when the oldest of them is
    a minute old. The file is locked for those few instructions; the kernel frees the lock of a worker that dies.
    """

    def __init__(
        self, requests_per_minute: int | None, folder: Path, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._most = requests_per_minute
        self._folder = folder
        self._monotonic = monotonic
        self._rings: dict[int, _Ring] = {}

    def seconds_to_wait(self, key_id: int) -> int:
        """0 when the request may pass, which counts it; else the whole seconds until one may."""
        if self._most is None:
            return 0
        ring = self._rings.get(key_id)
        if ring is None:
            ring = self._rings[key_id] = _Ring(self._folder / f"requests-of-key-{key_id}", self._most)
        now = self._monotonic()
        oldest = ring.replace_oldest(now, if_before=now - _WINDOW_SECONDS)
        return 0 if oldest is None else max(1, math.ceil(oldest + _WINDOW_SECONDS - now))


class _Ring:
    """The moments of the latest requests, and a count of all: the count says which moment is the oldest.

    Its file is open for as long as the worker lives.
    """

    def __init__(self, path: Path, size: int) -> None:
        self._size = size
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        length = _COUNT.size + size * _MOMENT.size
        os.ftruncate(self._file, length)
        self._memory = mmap.mmap(self._file, length)

    def replace_oldest(self, moment: float, *, if_before: float) -> float | None:
        """Put `moment` in the place of the oldest; where that is later than `if_before`, return it instead."""
        fcntl.flock(self._file, fcntl.LOCK_EX)
        try:
            (count,) = _COUNT.unpack_from(self._memory)
            place = _COUNT.size + count % self._size * _MOMENT.size
            (oldest,) = _MOMENT.unpack_from(self._memory, place)
            if count >= self._size and oldest > if_before:
                return oldest
            _MOMENT.pack_into(self._memory, place, moment)
            _COUNT.pack_into(self._memory, 0, count + 1)
            return None
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)
