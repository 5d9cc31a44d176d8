"""How long work on the warehouse tells its caller how far it is."""

from __future__ import annotations

from typing import Protocol


class OnProgress(Protocol):
    """Called now and then by loading and seeding; it must be quick and must not raise."""

    def __call__(self, done: int, total: int, what: str) -> None:
        """`done` of `total` (bytes when loading, days when seeding) are done; `what` is the file or the day."""
        ...
