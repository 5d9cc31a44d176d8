"""When to look again at days that wait for the vendor's data refresh: after it, each hour until the deadline. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

# The refresh begins on the hour and takes a while; then once an hour, and for a last time when the patience is over.
_FIRST_LOOK_AFTER = timedelta(minutes=15)
_LOOK_EVERY = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingDay:
    """A day some of whose orders the vendor has not shown, or not applied, when they were last read.

    Attributes:
        orders: how many.
        sent_at: when the last of the day's orders was sent; zone-aware.
        read_at: when the day was last read back; zone-aware.
    """

    order_day: date
    orders: int
    sent_at: datetime
    read_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A day to verify again. `run_key` names the refresh and the how-manieth look after it."""

    order_day: date
    run_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshPlan:
    """The days to verify now, and a line that says so or why there are none."""

    looks: tuple[Look, ...]
    reason: str


def refresh_after(instant: datetime, *, zone: ZoneInfo, at: time) -> datetime:
    """The first refresh after `instant`: daily, at `at` on the store's clock."""
    local = instant.astimezone(zone)
    refresh = datetime.combine(local.date(), at, tzinfo=zone)
    return refresh if refresh > local else datetime.combine(local.date() + timedelta(days=1), at, tzinfo=zone)


def plan(
    days: Iterable[WaitingDay], *, zone: ZoneInfo, refresh_at: time, grace: timedelta, now: datetime
) -> RefreshPlan:
    """Plan which days to verify again.

    Args:
        days: days with orders that wait.
        zone: the store's.
        refresh_at: when the vendor refreshes, on the store's clock.
        grace: how long after it a row may still not show; past it the day's check turns red.
        now: real time; zone-aware.
    """
    looks: list[Look] = []
    waiting: list[WaitingDay] = []
    for day in days:
        refresh = refresh_after(day.sent_at, zone=zone, at=refresh_at)
        due = _last_look_due(refresh, grace=grace, now=now)
        if due is not None and day.read_at < due:
            looks.append(Look(order_day=day.order_day, run_key=f"{day.order_day} {due.astimezone(zone).isoformat()}"))
        else:
            waiting.append(day)
    if looks:
        reason = f"{len(looks)} days are read again after the vendor's refresh."
    elif waiting:
        reason = (
            f"{sum(day.orders for day in waiting)} orders of {len(waiting)} days wait for the vendor's next refresh."
        )
    else:
        reason = "No order waits for the vendor's refresh."
    return RefreshPlan(looks=tuple(looks), reason=reason)


def _last_look_due(refresh: datetime, *, grace: timedelta, now: datetime) -> datetime | None:
    """The latest instant, up to now, at which the day should have been looked at; None before the first."""
    first, final = refresh + _FIRST_LOOK_AFTER, refresh + grace
    if now < first:
        return None
    if now >= final:
        return final
    return first + (now - first) // _LOOK_EVERY * _LOOK_EVERY
