"""How to read a day back through a GET that has a limit and no cursor: plan windows, split the ones that fill up.

An answer that holds fewer rows than the limit is whole. One that reaches it may hide more, so its window is read
again in two parts, until a part is one instant: if that is still full, no request can tell what it hides.
Rows are placed by their instant, never by their text, and never by the order the vendor returns them in.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby

from enrich_pipeline.domain.contract import ContractProfile, floor_instant


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """A half-open stretch of time, `start` included and `end` not; both UTC and on the vendor's precision."""

    start: datetime
    end: datetime

    def asked_end(self, profile: ContractProfile) -> datetime:
        """The `end` to ask the vendor for, so that it returns this window's rows and none of the next."""
        return self.end - profile.tick if profile.end_inclusive else self.end


@dataclass(frozen=True, slots=True)
class Unverifiable:
    """An instant at which the vendor holds `rows_seen` rows and perhaps more: no smaller window exists."""

    instant: datetime
    rows_seen: int


def plan_windows(
    timestamps: Iterable[datetime],
    *,
    start: datetime,
    end: datetime,
    profile: ContractProfile,
    limit: int | None = None,
) -> Iterator[Window]:
    """The fewest windows that cover `[start, end)` and should each hold fewer rows than the limit.

    Args:
        timestamps: when the orders that we expect to be held were placed; zone-aware, ascending, repeats included.
            They only make the plan good: rows that nobody expected are found by splitting.
        start: first instant to read; zone-aware.
        end: first instant not to read; zone-aware.
        profile: its precision decides where windows may be cut.
        limit: rows a request; the profile's largest when None.

    Raises:
        ValueError: when `start` or `end` lies between two ticks of the vendor's clock, when a timestamp is outside
            them, when timestamps are not ascending, or when the limit is not one that the vendor takes.
    """
    limit = profile.max_get_limit if limit is None else limit
    if not 1 <= limit <= profile.max_get_limit:
        raise ValueError(f"the limit must be between 1 and {profile.max_get_limit}, not {limit}")
    # An answer of `limit` rows may hide more: a window is known to be whole with one row fewer.
    capacity = limit - 1
    opened, closing = _on_tick(start, profile), _on_tick(end, profile)
    rows = 0
    for instant, count in _counted(timestamps, opened, closing, profile):
        if rows and rows + count > capacity:
            yield Window(opened, instant)
            opened, rows = instant, 0
        rows += count
        if rows > capacity:
            # Only an instant that is full by itself gets here: isolate it, so that nothing else is read twice.
            if opened < instant:
                yield Window(opened, instant)
            yield Window(instant, instant + profile.tick)
            opened, rows = instant + profile.tick, 0
    if opened < closing:
        yield Window(opened, closing)


def split(window: Window, seen: Sequence[datetime], profile: ContractProfile) -> tuple[Window, Window] | Unverifiable:
    """Two windows to read instead of one whose answer was full, cut where they halve the rows that it did show.

    Args:
        window: what was read.
        seen: the timestamps of the rows received, all inside the window, in any order; at least one.
        profile: its precision decides how small a window can get.
    """
    if window.end - window.start <= profile.tick:
        return Unverifiable(window.start, len(seen))
    middle = floor_instant(sorted(seen)[len(seen) // 2].astimezone(UTC), profile.timestamp_precision)
    # At the window's own start there is nothing to cut off before the middle row: cut right behind it.
    cut = middle if middle > window.start else window.start + profile.tick
    return Window(window.start, cut), Window(cut, window.end)


def _counted(
    timestamps: Iterable[datetime], start: datetime, end: datetime, profile: ContractProfile
) -> Iterator[tuple[datetime, int]]:
    """Each distinct instant, as the vendor keeps it, with how many rows are expected there."""
    floored = (floor_instant(instant.astimezone(UTC), profile.timestamp_precision) for instant in timestamps)
    previous = start
    for instant, rows in groupby(floored):
        if not previous <= instant < end:
            raise ValueError(f"{instant} is not between {previous} and {end}: timestamps must ascend within the day")
        previous = instant
        yield instant, sum(1 for _ in rows)


def _on_tick(instant: datetime, profile: ContractProfile) -> datetime:
    utc = instant.astimezone(UTC)
    if utc != floor_instant(utc, profile.timestamp_precision):
        raise ValueError(
            f"{instant} lies between two {profile.timestamp_precision}s; the vendor cannot be asked for it"
        )
    return utc
