"""How far an upload is, while it runs and when it is over."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from enrich_pipeline.steps.guards import UploadReview

_logger = logging.getLogger(__name__)

_EVERY_SECONDS = 5.0


@dataclass(slots=True, kw_only=True)
class UploadSummary:
    """What an upload of a day did. Latencies are seconds of whole requests, in the order they ended.

    `review` says what it would change, and `is_held` whether a guard kept it from sending anything.
    """

    planned: int = 0
    review: UploadReview | None = None
    is_held: bool = False
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


class ProgressReport:
    """Says now and then how far an upload is: to the log, and to whoever asked to be told."""

    def __init__(
        self,
        day_key: str,
        tell: Callable[[str], object] | None = None,
        *,
        every_seconds: float = _EVERY_SECONDS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`tell` gets each sentence that the log gets."""
        self._day_key = day_key
        self._tell = tell
        self._every_seconds = every_seconds
        self._monotonic = monotonic
        self._began = self._said_at = monotonic()

    def show(self, summary: UploadSummary, *, in_flight_limit: int) -> None:
        """Say how far `summary` is, unless it was said a moment ago. Cheap: call it as often as there is news."""
        now = self._monotonic()
        if now - self._said_at < self._every_seconds:
            return
        self._said_at = now
        speed = summary.answered / (now - self._began)
        remaining = summary.planned - summary.answered
        ending = f"about {remaining / speed:,.0f} s" if speed else "no answer yet"
        sentence = (
            f"{self._day_key}: sent {summary.answered:,} of {summary.planned:,} orders, {speed:,.0f} orders/s, "
            f"{remaining:,} remaining ({ending}), {summary.retries} retries, up to {in_flight_limit} in flight"
        )
        fields = {"stage": "uploading", "day": self._day_key, "done": summary.answered, "total": summary.planned}
        _logger.info("%s", sentence, extra=fields)
        if self._tell is not None:
            self._tell(sentence)
