"""Which days to run again because what they were computed from has changed: pure planning, no database, no Dagster.

A request is named by the step it asks for: from the run that computed a day to what it should be computed from. One
that is repeated is the same request; a day that changes back and forth is asked for each time.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

CURSOR_VERSION = 2

# Rows without `updated_at` can change without a trace that is cheap to see: look at everything this often.
_FULL_LOOK_EVERY = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class DayComparison:
    """One computed day: the fingerprint of its inputs now, and of those it was computed from (None: not kept).

    `recorded_by` is the run that computed it; None where that was not kept either.
    """

    order_day: date
    current: str
    recorded: str | None
    recorded_by: str | None = None

    @property
    def has_changed(self) -> bool:
        """Whether the day would be computed from something else today."""
        return self.current != self.recorded

    @property
    def step(self) -> str:
        """From which computed state the day is to go to which inputs."""
        return f"{self.recorded_by or 'unknown'}>{self.current}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rerun:
    """Adjacent days to run again as one run. `run_key` is the same whenever the same change is planned again."""

    first: date
    last: date
    run_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LateChangesPlan:
    """What to do about late changes.

    Attributes:
        reruns: days inside the window, to run again.
        outside: changed days that the vendor no longer applies by itself: to be reported.
        reason: why nothing is run, or what is; one line.
        cursor: what to hand to the next planning.
    """

    reruns: tuple[Rerun, ...] = ()
    outside: tuple[DayComparison, ...] = ()
    reason: str
    cursor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LateChangesCursor:
    """What the last planning knew.

    Attributes:
        requested: the step that each changed day was asked to take.
        probe: what the raw tables looked like from afar (counts and newest `updated_at`) at the last full look.
        looked_at: when that was; zone-aware.
    """

    requested: Mapping[str, str] = field(default_factory=dict[str, str])
    probe: str = ""
    looked_at: datetime | None = None

    @classmethod
    def read(cls, text: str | None) -> LateChangesCursor:
        """Read a cursor; without one, or of another version, begin anew: run keys keep runs from being repeated."""
        content: dict[str, Any] = json.loads(text) if text else {}
        if content.get("version") != CURSOR_VERSION:
            return cls()
        return cls(
            requested=content["requested"],
            probe=content["probe"],
            looked_at=datetime.fromisoformat(content["looked_at"]),
        )

    def write(self) -> str:
        """The cursor as text, with its version."""
        looked_at = None if self.looked_at is None else self.looked_at.isoformat()
        return json.dumps(
            {
                "version": CURSOR_VERSION,
                "requested": dict(self.requested),
                "probe": self.probe,
                "looked_at": looked_at,
            }
        )


def is_full_look_due(cursor: str | None, *, probe: str, now: datetime) -> bool:
    """Whether days must be compared: something was touched, or the last full look is an hour old."""
    known = LateChangesCursor.read(cursor)
    return known.looked_at is None or probe != known.probe or now - known.looked_at >= _FULL_LOOK_EVERY


def plan(
    cursor: str | None, days: Iterable[DayComparison], *, window_start: date, probe: str, now: datetime
) -> LateChangesPlan:
    """Plan the reruns for computed days.

    Args:
        cursor: the previous plan's.
        days: computed days that have ended, ascending; those before `window_start` are only reported.
        window_start: the first day that the vendor still applies.
        probe: see `LateChangesCursor`.
        now: when the days were compared; zone-aware.
    """
    known = LateChangesCursor.read(cursor)
    changed = [day for day in days if day.has_changed]
    inside = [day for day in changed if day.order_day >= window_start]
    fresh = [day for day in inside if known.requested.get(day.order_day.isoformat()) != day.step]
    reruns = tuple(_rerun(group) for group in _adjacent(fresh))
    outside = tuple(day for day in changed if day.order_day < window_start)
    return LateChangesPlan(
        reruns=reruns,
        outside=outside,
        reason=_reason(fresh=len(fresh), waiting=len(inside) - len(fresh), outside=len(outside)),
        cursor=LateChangesCursor(
            requested={day.order_day.isoformat(): day.step for day in inside}, probe=probe, looked_at=now
        ).write(),
    )


def _reason(*, fresh: int, waiting: int, outside: int) -> str:
    parts = (
        [f"{fresh} days changed and are run again"] if fresh else ["no further day has changed since it was computed"]
    )
    if waiting:
        parts.append(f"{waiting} were asked for before and have not been computed yet")
    if outside:
        parts.append(f"{outside} outside the window changed and are reported")
    return "; ".join(parts) + "."


def _adjacent(days: list[DayComparison]) -> list[list[DayComparison]]:
    groups: list[list[DayComparison]] = []
    for day in days:
        if groups and day.order_day - groups[-1][-1].order_day == timedelta(days=1):
            groups[-1].append(day)
        else:
            groups.append([day])
    return groups


def _rerun(days: list[DayComparison]) -> Rerun:
    first, last = days[0], days[-1]
    if first is last:
        return Rerun(first=first.order_day, last=last.order_day, run_key=f"{first.order_day} {first.step}")
    digest = hashlib.sha256(" ".join(day.step for day in days).encode()).hexdigest()[:32]
    return Rerun(first=first.order_day, last=last.order_day, run_key=f"{first.order_day}..{last.order_day} {digest}")
