"""Which confusion of clocks turns the time of an order that we sent into the time that the vendor holds.

The vendor's guide counts time zone mismatches among the common troubles, and tells to look at the store's settings
and the browser. Several confusions can give the same shift: the likeliest is named, the store's own zone first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

ShiftKind = Literal[
    "fraction_cut",
    "local_as_utc",
    "utc_as_local",
    "clock_change",
    "time_of_day_lost",
    "other_zone",
    "days",
    "unexplained",
]

# Where people who set up stores, and their browsers and servers, mostly are, the likeliest first: several zones can
# explain one shift, and the first is named.
_OTHER_ZONES = (
    "America/Los_Angeles",
    "America/New_York",
    "America/Chicago",
    "America/Denver",
    "Europe/London",
    "Europe/Berlin",
    "Asia/Shanghai",
    "Asia/Kolkata",
    "Asia/Tokyo",
    "Australia/Sydney",
    "America/Sao_Paulo",
    "Europe/Helsinki",
    "Asia/Dubai",
)

_SECOND, _DAY = timedelta(seconds=1), timedelta(days=1)


@dataclass(frozen=True, slots=True)
class TimeShift:
    """How far an order moved and why.

    Attributes:
        by: held time minus sent time.
        kind: the confusion.
        zone: IANA name of the zone that explains it, or None.
        sentence: the same for humans.
    """

    by: timedelta
    kind: ShiftKind
    zone: str | None
    sentence: str


@dataclass(frozen=True, slots=True)
class _Explanation:
    """`held_at` is where an order would stand if this had happened."""

    held_at: datetime
    kind: ShiftKind
    zone: str | None
    reason: str


def explain_shift(sent: datetime, held: datetime, zone: ZoneInfo) -> TimeShift | None:
    """Explain how an order sent with `sent` came to be held at `held`; None when they are the same instant.

    Args:
        sent: zone-aware.
        held: zone-aware. A cut-off fraction of a second hides no explanation.
        zone: the store's.
    """
    sent, held = sent.astimezone(UTC), held.astimezone(UTC)
    by = held - sent
    if not by:
        return None
    if abs(by) < _SECOND:
        return TimeShift(by, "fraction_cut", None, "The fraction of the second was cut or rounded.")
    moved = f"It is held {_amount(abs(by))} {'later' if by > timedelta() else 'earlier'}"
    for explanation in _explanations(sent, zone):
        if abs(explanation.held_at - held) < _SECOND:
            return TimeShift(by, explanation.kind, explanation.zone, f"{moved}: {explanation.reason}.")
    if not by % _DAY:
        return TimeShift(by, "days", None, f"{moved}: the date differs, the time of day does not.")
    return TimeShift(by, "unexplained", None, f"{moved}; no confusion of time zones explains that.")


def _explanations(sent: datetime, zone: ZoneInfo) -> Iterator[_Explanation]:
    """What may have happened, the likeliest first."""
    store, now = zone.key, _offset(sent, zone)
    yield _Explanation(sent + now, "local_as_utc", store, f"the store's wall clock ({store}) was read as UTC")
    for held_at in _read_as(sent, zone):
        yield _Explanation(held_at, "utc_as_local", store, f"UTC was read as the store's wall clock ({store})")
    for other in _other_offsets_of_the_year(sent, zone):
        season = ("standard", "daylight-saving") if other < now else ("daylight-saving", "standard")
        wrong = "with its {} offset where {} time held".format(*season)
        for held_at in (sent + now - other, sent - now + other):
            yield _Explanation(held_at, "clock_change", store, f"the clock of {store} was read {wrong}")
        reason = f"the store's wall clock ({store}) was read as UTC, {wrong}"
        yield _Explanation(sent + other, "local_as_utc", store, reason)
        reason = f"UTC was read as the store's wall clock ({store}), {wrong}"
        yield _Explanation(sent - other, "utc_as_local", store, reason)
    for calendar in (zone, UTC):
        midnight = datetime.combine(sent.astimezone(calendar).date(), time.min, tzinfo=calendar).astimezone(UTC)
        yield _Explanation(midnight, "time_of_day_lost", None, "only the date was kept, the time of day was lost")
    for name in _OTHER_ZONES:
        there = _offset(sent, ZoneInfo(name))
        yield _Explanation(sent + there, "other_zone", name, f"a wall clock in {name} was read as UTC")
        yield _Explanation(sent + now - there, "other_zone", name, f"the store's wall clock was read as one in {name}")
        yield _Explanation(sent + there - now, "other_zone", name, f"a wall clock in {name} was read as the store's")


def _offset(instant: datetime, zone: ZoneInfo) -> timedelta:
    return instant.astimezone(zone).utcoffset() or timedelta()


def _read_as(instant: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    """The UTC wall clock at `instant` taken for one in `zone`: two instants in the hour that a day has twice."""
    for fold in (0, 1):
        yield instant.replace(tzinfo=zone, fold=fold).astimezone(UTC)


def _other_offsets_of_the_year(instant: datetime, zone: ZoneInfo) -> set[timedelta]:
    """The zone's offsets on the other side of its clock changes; empty where the clock is never changed."""
    in_winter_and_summer = {_offset(instant.replace(month=month, day=1), zone) for month in (1, 4, 7, 10)}
    return in_winter_and_summer - {_offset(instant, zone)}


def _amount(shift: timedelta) -> str:
    if not shift % _DAY:
        return f"{shift // _DAY} d"
    return f"{shift / timedelta(hours=1):.4g} h" if shift >= timedelta(minutes=1) else f"{shift.total_seconds():.4g} s"
