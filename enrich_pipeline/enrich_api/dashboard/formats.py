"""How the pages write times, amounts and sizes."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from markupsafe import Markup

_CENTS = Decimal("0.01")


class Formats:
    """Template filters for a store: its times are its wall clock's, with UTC beside for whoever hovers."""

    def __init__(self, timezone: str) -> None:
        self._zone = ZoneInfo(timezone)

    def time(self, moment: datetime | None) -> str:
        """A `time` element: store-local to the second."""
        if moment is None:
            return Markup('<span class="none">never</span>')
        local = moment.astimezone(self._zone)
        return Markup('<time datetime="{}" title="{} UTC">{}</time>').format(
            moment.isoformat(), moment.strftime("%Y-%m-%d %H:%M:%S"), local.strftime("%Y-%m-%d %H:%M:%S")
        )

    @staticmethod
    def amount(value: Decimal | None) -> str:
        """All digits that are there, at least two decimals, thousands apart."""
        if value is None:
            return Markup('<span class="none">none</span>')
        exponent = value.as_tuple().exponent
        shown = value.quantize(_CENTS) if isinstance(exponent, int) and exponent > -2 else value
        return f"{shown:,f}".replace("-", "\u2212")

    @staticmethod
    def count(value: int) -> str:
        """Thousands apart."""
        return f"{value:,}"

    @staticmethod
    def short(value: int) -> str:
        """Three digits at most, for where there is little room: 999, 9.6k, 40k, 1.5M."""
        if value < 1000:
            return str(value)
        number, unit = (value / 1_000, "k") if value < 999_500 else (value / 1_000_000, "M")
        shown = f"{number:.1f}".removesuffix(".0") if number < 9.95 else f"{number:,.0f}"
        return shown + unit

    @staticmethod
    def size(value: int) -> str:
        """Bytes, in the unit that keeps it short."""
        if value < 1000:
            return f"{value} B"
        if value < 1_000_000:
            return f"{value / 1000:,.1f} kB"
        return f"{value / 1_000_000:,.1f} MB"

    @staticmethod
    def latency(microseconds: int) -> str:
        """Milliseconds, or seconds when it took that long."""
        return f"{microseconds / 1000:,.1f} ms" if microseconds < 1_000_000 else f"{microseconds / 1_000_000:,.2f} s"
