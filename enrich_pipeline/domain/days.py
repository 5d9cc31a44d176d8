"""Store-local days: which day an order belongs to, where a day begins and ends, and which days are still open.

A day is the store's wall-clock day and has 23, 24 or 25 hours; its bounds are instants in UTC, half-open.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

# The vendor's guide: "orders older than 4 weeks are not applied automatically".
WINDOW_DAYS = 28


@dataclass(frozen=True, slots=True, order=True)
class StoreDay:
    """One day of a store: its date on the store's wall clock, and the zone that says what that means."""

    day: date
    zone: ZoneInfo

    @property
    def key(self) -> str:
        """The day as a partition key, `YYYY-MM-DD`."""
        return self.day.isoformat()

    @property
    def start(self) -> datetime:
        """The day's first instant, in UTC."""
        return _first_instant(self.day, self.zone)

    @property
    def end(self) -> datetime:
        """The first instant that is no longer of the day, in UTC."""
        return _first_instant(self.day + timedelta(days=1), self.zone)

    def is_open(self, now: datetime) -> bool:
        """Whether orders can still fall on the day at `now` (zone-aware)."""
        return now < self.end

    def is_inside_window(self, now: datetime) -> bool:
        """Whether the vendor still applies the day at `now` (zone-aware): at most 28 days before today."""
        return self.day >= local_day(now, self.zone) - timedelta(days=WINDOW_DAYS)


def local_day(instant: datetime, zone: ZoneInfo) -> date:
    """The date on the store's wall clock at `instant`.

    Raises:
        ValueError: when `instant` has no zone.
    """
    if instant.tzinfo is None:
        raise ValueError(f"{instant} has no time zone")
    return instant.astimezone(zone).date()


def days_between(first: date, last: date) -> Iterator[date]:
    """Every date from `first` to `last`, both included."""
    for offset in range((last - first).days + 1):
        yield first + timedelta(days=offset)


def _first_instant(day: date, zone: ZoneInfo) -> datetime:
    # Where midnight does not exist (a clock change at midnight), zoneinfo reads 00:00 with the offset before the
    # change, which is the very instant of the change: the day's first.
    return datetime.combine(day, time.min, tzinfo=zone).astimezone(UTC)
