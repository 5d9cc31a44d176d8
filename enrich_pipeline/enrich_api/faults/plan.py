"""When faults strike: by method, order, share, count, and always the same way for the same seed."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from enrich_pipeline.enrich_api.faults.specs import ROW_KINDS, Fault, FaultKind

_FOREVER = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Struck:
    """The faults that strike one request."""

    faults: Sequence[Fault] = ()

    def first(self, *kinds: FaultKind) -> Fault | None:
        """The first of these kinds, or None."""
        return next((fault for fault in self.faults if fault.kind in kinds), None)

    def __bool__(self) -> bool:
        return bool(self.faults)


NOTHING = Struck()


class FaultPlan:
    """The faults in force. Their counts and chances begin when the plan is made."""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self._timers = [_Timer(fault) for fault in faults]

    def strike(self, method: str, order_ids: Collection[str]) -> Struck:
        """Decide about one request that holds these orders (for a GET: that found them). It counts."""
        if not self._timers:
            return NOTHING
        return Struck([timer.fault for timer in self._timers if timer.strikes(method, order_ids)])

    @property
    def reads_rows(self) -> bool:
        """Whether a fault asks which orders a request holds."""
        return any(timer.fault.order_id is not None for timer in self._timers)

    def withheld_refreshes(self) -> int:
        """How many data refreshes do not come."""
        counts = [t.fault.count or _FOREVER for t in self._timers if t.fault.kind == "no-refresh"]
        return min(_FOREVER, sum(counts))

    def report(self) -> list[tuple[Fault, int]]:
        """Each fault, and how often it has struck."""
        return [(timer.fault, timer.struck) for timer in self._timers]


def chooses(fault: Fault, order_id: str) -> bool:
    """Whether a fault that chooses rows takes this one: by its id alone, so that a retry meets the same fate."""
    if fault.order_id is not None:
        return order_id == fault.order_id
    digest = hashlib.blake2b(f"{fault.seed}:{order_id}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") < fault.rate * 2**64


class _Timer:
    """One fault's own count and chance."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        self.struck = 0
        self._seen = 0
        self._random = random.Random(fault.seed)  # noqa: S311  # reproducible on purpose

    def strikes(self, method: str, order_ids: Collection[str]) -> bool:
        fault = self.fault
        if fault.kind == "no-refresh" or fault.method not in {None, method}:
            return False
        if fault.order_id is not None and fault.order_id not in order_ids:
            return False
        self._seen += 1
        if self._seen <= fault.after or (fault.count is not None and self.struck >= fault.count):
            return False
        if fault.kind not in ROW_KINDS and self._random.random() >= fault.rate:
            return False
        self.struck += 1
        return True
