"""Names the likely cause of a mismatch, from what we sent and what the vendor holds: pure, a sentence for a person.

The vendor's guide names its common troubles (zeroed values, time zones); the others are what such systems do to money.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

_HUNDRED = Decimal(100)
# The most that a detour of a cent-exact amount through a float can leave behind.
_FLOAT_NOISE = Decimal("0.000001")


class Side(NamedTuple):
    """One side of a comparison: a zone-aware time, and amounts in units of the currency."""

    order_timestamp: datetime
    sales_amount: Decimal
    profit_amount: Decimal
    currency: str


def diagnose(sent: Side, held: Side | None, *, zone: ZoneInfo) -> str | None:
    """The likely cause of the difference, or None when nothing recognisable explains it.

    Args:
        sent: what the warehouse computes, and we sent.
        held: what the vendor holds; None when it holds nothing.
        zone: the store's, for confusions of its wall clock with UTC.
    """
    if held is None:
        return "the vendor does not hold the order: it was dropped, or belongs to another store's key"
    causes = [cause for cause in (_time_cause(sent, held, zone), _money_cause(sent, held)) if cause]
    return "; ".join(causes) or None


def _time_cause(sent: Side, held: Side, zone: ZoneInfo) -> str | None:
    shift = held.order_timestamp - sent.order_timestamp
    if not shift:
        return None
    offset = sent.order_timestamp.astimezone(zone).utcoffset() or timedelta(0)
    hours = f"{shift / timedelta(hours=1):+g} hours"
    if shift == offset:
        return f"the time is shifted by {hours}: the store's wall clock ({zone.key}) was read as UTC"
    if shift == -offset:
        return f"the time is shifted by {hours}: UTC was read as the store's wall clock ({zone.key})"
    if abs(shift) == timedelta(hours=1):
        return f"the time is shifted by {hours}: daylight saving time was counted wrongly"
    if abs(shift) < timedelta(seconds=1):
        return "the fraction of the second was lost: the vendor keeps whole seconds (CONTRACT_PROFILE)"
    if shift % timedelta(minutes=15) == timedelta(0) and abs(shift) <= timedelta(hours=26):
        return f"the time is shifted by {hours}, as by a zone that is not the store's ({zone.key})"
    return None


def _money_cause(sent: Side, held: Side) -> str | None:
    ours, theirs = (sent.sales_amount, sent.profit_amount), (held.sales_amount, held.profit_amount)
    if held.currency != sent.currency:
        return f"the currency was replaced: {sent.currency} became {held.currency}"
    if ours == theirs:
        return None
    if theirs == (0, 0):
        return "the values were zeroed: the vendor lost or reset the enrichment"
    if theirs == ours[::-1]:
        return "sales and profit are swapped"
    if theirs == (ours[0] * _HUNDRED, ours[1] * _HUNDRED):
        return "units were taken for cents: both values are a hundred times what was sent"
    if (theirs[0] * _HUNDRED, theirs[1] * _HUNDRED) == ours:
        return "cents were taken for units: both values are a hundredth of what was sent"
    if all(abs(mine - held_value) < _FLOAT_NOISE for mine, held_value in zip(ours, theirs, strict=True)):
        return "the values went through floating point: they differ by less than a millionth"
    if all(
        abs(mine - held_value) < 1 and held_value == int(held_value)
        for mine, held_value in zip(ours, theirs, strict=True)
    ):
        return "the values were cut to whole units"
    return None
