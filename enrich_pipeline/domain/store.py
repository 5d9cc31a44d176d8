"""What a store is: a zone and a currency."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """A store's own facts: its IANA zone, and the ISO 4217 currency of costs that name none."""

    timezone: str
    currency: str

    @property
    def zone(self) -> ZoneInfo:
        """The zone whose wall clock bounds the store's days."""
        return ZoneInfo(self.timezone)
