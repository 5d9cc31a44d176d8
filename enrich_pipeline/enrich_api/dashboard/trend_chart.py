"""The geometry of the seven-day chart: bars of accepted and refused orders, drawn by the server as SVG.

Across it is measured in percent and down it in pixels, so that the chart fills any width and its text keeps its size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

HEIGHT = 240
_TOP = 24
_BOTTOM = 46
_BAR_SHARE = 0.56
# A few refused orders among thousands must still be seen.
_LEAST_HEIGHT = 3.0
_GRID_LINES = 3


@dataclass(frozen=True, slots=True)
class TrendDay:
    """A store-local day of POST requests."""

    day: date
    requests: int
    accepted: int
    rejected: int
    failed_requests: int


@dataclass(frozen=True, slots=True)
class Bar:
    """One day's two stacked rectangles: `x`, `width` and `middle` in percent, the others in pixels."""

    day: TrendDay
    x: float
    width: float
    middle: float
    accepted_y: float
    accepted_height: float
    rejected_y: float
    rejected_height: float


@dataclass(frozen=True, slots=True)
class Chart:
    """What the template draws."""

    bars: Sequence[Bar]
    lines: Sequence[tuple[float, int]]
    is_empty: bool
    height: int = HEIGHT
    base: int = HEIGHT - _BOTTOM


def build_chart(days: Sequence[TrendDay]) -> Chart:
    """Lay the days out, left to right; the axis ends at a round number."""
    top_value = _round_up(max((day.accepted + day.rejected for day in days), default=0))
    plot_height = HEIGHT - _TOP - _BOTTOM
    base = HEIGHT - _BOTTOM
    step = 100 / max(len(days), 1)
    width = step * _BAR_SHARE
    bars: list[Bar] = []
    for place, day in enumerate(days):
        accepted = plot_height * day.accepted / top_value
        rejected = max(plot_height * day.rejected / top_value, _LEAST_HEIGHT if day.rejected else 0.0)
        x = place * step + (step - width) / 2
        bars.append(Bar(day, x, width, x + width / 2, base - accepted, accepted, base - accepted - rejected, rejected))
    values = [top_value * line // _GRID_LINES for line in range(_GRID_LINES + 1)]
    lines = [(base - plot_height * value / top_value, value) for value in values]
    return Chart(bars, lines, is_empty=not any(day.requests for day in days))


def _round_up(value: int) -> int:
    """The next number that three grid lines divide into round ones."""
    magnitude = 1
    while True:
        for factor in (3, 6, 9, 15, 30):
            if factor * magnitude >= value:
                return factor * magnitude
        magnitude *= 10
