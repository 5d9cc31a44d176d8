"""The dashboard's small parts: the chart's geometry, how amounts are written, what a spreadsheet may not run."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import QueryParams

from enrich_pipeline.enrich_api.dashboard.exports import _csv
from enrich_pipeline.enrich_api.dashboard.formats import Formats
from enrich_pipeline.enrich_api.dashboard.paging import read_filters
from enrich_pipeline.enrich_api.dashboard.trend_chart import HEIGHT, TrendDay, build_chart


def day(number: int, accepted: int, rejected: int = 0) -> TrendDay:
    return TrendDay(date(2025, 6, number), 1, accepted, rejected, 0)


@given(st.lists(st.tuples(st.integers(0, 10**7), st.integers(0, 10**7)), min_size=7, max_size=7))
def test_bars_stay_inside_the_chart_and_in_proportion(counts: list[tuple[int, int]]) -> None:
    chart = build_chart([day(number, *pair) for number, pair in enumerate(counts, start=1)])

    assert all(bar.x >= 0 and bar.x + bar.width <= 100 for bar in chart.bars)
    assert all(bar.rejected_y >= 9 and bar.accepted_y + bar.accepted_height <= HEIGHT for bar in chart.bars)
    assert all((bar.rejected_height > 0) == (bar.day.rejected > 0) for bar in chart.bars)


@pytest.mark.parametrize(("most", "top"), [(0, 3), (3, 3), (4, 6), (100, 150), (5210, 6000), (31, 60)])
def test_the_axis_ends_at_a_round_number(most: int, top: int) -> None:
    assert build_chart([day(1, most)]).lines[-1][1] == top


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("0", "0.00"),
        ("1234.5", "1,234.50"),
        ("-65.4", "\u221265.40"),
        ("0.005", "0.005"),
        ("1E+3", "1,000.00"),
        ("12345678901234567890.12", "12,345,678,901,234,567,890.12"),
    ],
)
def test_an_amount_shows_every_digit_it_has(value: str, shown: str) -> None:
    assert Formats.amount(Decimal(value)) == shown


@pytest.mark.parametrize(
    ("value", "shown"), [(0, "0"), (999, "999"), (9_640, "9.6k"), (40_200, "40k"), (999_600, "1M"), (1_500_000, "1.5M")]
)
def test_a_count_is_short_where_there_is_little_room(value: int, shown: str) -> None:
    assert Formats.short(value) == shown


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_a_text_that_a_spreadsheet_would_run_is_defused(start: str) -> None:
    assert _csv([(f"{start}1+1", -5, "plain")]).replace('"', "").startswith(f"'{start}1+1,-5,plain")


def test_filters_survive_the_way_through_a_query_string() -> None:
    zone = ZoneInfo("America/New_York")
    text = "search=A%26B&choice=pending&from=2025-06-10T00%3A00&method=POST"

    filters = read_filters(QueryParams(text), zone)

    assert filters.query() == text
    assert filters.start is not None
    assert filters.start.isoformat() == "2025-06-10T00:00:00-04:00"
    assert read_filters(QueryParams(filters.query(after="x|y")), zone).after == "x|y"
