from bisect import bisect_left, bisect_right
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrich_pipeline.domain.contract import FULL, MINIMAL, floor_instant
from enrich_pipeline.domain.windows import Unverifiable, Window, plan_windows, split

START = datetime(2025, 6, 10, 4, tzinfo=UTC)
END = START + timedelta(days=1)
MICROSECOND = timedelta(microseconds=1)

PROFILES = [replace(profile, end_inclusive=inclusive) for profile in (FULL, MINIMAL) for inclusive in (True, False)]

# Few distinct instants, many of them neighbours: a microsecond, a second or an hour apart, and the day's very ends.
_steps = [timedelta(), MICROSECOND, 2 * MICROSECOND, timedelta(seconds=1), timedelta(seconds=1.5), timedelta(hours=7)]
instants = st.one_of(
    st.sampled_from([START + step for step in _steps] + [END - MICROSECOND, END - timedelta(seconds=1)]),
    st.timedeltas(timedelta(), timedelta(days=1) - MICROSECOND).map(lambda offset: START + offset),
)
days = st.lists(instants, max_size=60).map(sorted)


class Vendor:
    """Holds rows at its precision, answers as the profile says, and counts what it was asked."""

    def __init__(self, instants, profile):
        self.profile = profile
        self.held = sorted(floor_instant(instant, profile.timestamp_precision) for instant in instants)
        self.requests = 0

    def get(self, start, end, limit):
        self.requests += 1
        after = bisect_right if self.profile.end_inclusive else bisect_left
        return self.held[bisect_left(self.held, start) : after(self.held, end)][:limit]


def read(vendor, windows, limit):
    """Read as the client does: drop a full answer, read its window in two parts."""
    rows, unverifiable = [], []
    waiting = list(windows)
    while waiting:
        window = waiting.pop()
        answer = vendor.get(window.start, window.asked_end(vendor.profile), limit)
        if len(answer) < limit:
            rows += answer
            continue
        parts = split(window, answer, vendor.profile)
        if isinstance(parts, Unverifiable):
            rows += answer
            unverifiable.append(parts)
        else:
            waiting += parts
    return sorted(rows), unverifiable


def plan(timestamps, profile=FULL, limit=None):
    return list(plan_windows(timestamps, start=START, end=END, profile=profile, limit=limit))


@given(held=days, expected=days, limit=st.integers(1, 20), profile=st.sampled_from(PROFILES))
def test_reading_a_day_gets_every_row_once_whatever_was_expected(held, expected, limit, profile):
    vendor = Vendor(held, profile)
    rows, unverifiable = read(vendor, plan(expected, profile, limit), limit)

    unsettled = {found.instant for found in unverifiable}
    assert [row for row in rows if row not in unsettled] == [row for row in vendor.held if row not in unsettled]
    assert unsettled == {instant for instant in vendor.held if vendor.held.count(instant) >= limit}
    assert all(found.rows_seen == rows.count(found.instant) == limit for found in unverifiable)


@given(expected=days, limit=st.integers(1, 20), profile=st.sampled_from(PROFILES))
def test_planned_windows_cover_the_day_without_gap_or_overlap(expected, limit, profile):
    windows = plan(expected, profile, limit)
    assert windows[0].start == START
    assert windows[-1].end == END
    assert all(before.end == after.start for before, after in pairwise(windows))
    assert all(window.start < window.end for window in windows)


@given(expected=days, limit=st.integers(1, 20), profile=st.sampled_from(PROFILES))
def test_a_planned_window_is_full_only_when_it_is_one_instant(expected, limit, profile):
    vendor = Vendor(expected, profile)
    for window in plan(expected, profile, limit):
        rows = vendor.get(window.start, window.asked_end(profile), limit)
        assert len(rows) < limit or window.end - window.start == profile.tick


def test_a_clean_day_takes_the_fewest_requests_that_can_prove_it_whole():
    orders = [START + timedelta(seconds=8 * number) for number in range(10_000)]
    vendor = Vendor(orders, FULL)
    rows, _ = read(vendor, plan(orders), FULL.max_get_limit)
    assert rows == orders
    assert vendor.requests == 11  # 10,000 rows by 999: an answer of 1,000 could hide more


def test_an_order_nobody_expected_costs_two_more_requests():
    orders = [START + timedelta(minutes=number) for number in range(99)]
    vendor = Vendor([*orders, START + timedelta(hours=20)], MINIMAL)
    rows, unverifiable = read(vendor, plan(orders, MINIMAL), MINIMAL.max_get_limit)
    assert len(rows) == 100
    assert not unverifiable
    assert vendor.requests == 3


def test_a_day_without_orders_is_still_read_once():
    assert plan([]) == [Window(START, END)]


def test_a_burst_at_one_instant_beyond_the_limit_is_reported_and_not_looped_on():
    noon = START + timedelta(hours=8)
    vendor = Vendor([noon] * 250 + [noon + timedelta(seconds=1)], MINIMAL)
    rows, unverifiable = read(vendor, plan([], MINIMAL), MINIMAL.max_get_limit)
    assert unverifiable == [Unverifiable(noon, 100)]
    assert rows.count(noon + timedelta(seconds=1)) == 1
    assert vendor.requests < 10


def test_a_full_window_is_cut_where_it_halves_the_rows_that_it_showed():
    seen = [START + timedelta(seconds=number) for number in (1, 2, 3, 4, 5, 6, 7, 8)]
    middle = START + timedelta(seconds=5)
    assert split(Window(START, END), seen[::-1], MINIMAL) == (Window(START, middle), Window(middle, END))


def test_an_expected_burst_is_read_in_a_window_of_its_own():
    noon = START + timedelta(hours=8)
    tick = MINIMAL.tick
    assert plan([noon] * 100, MINIMAL) == [Window(START, noon), Window(noon, noon + tick), Window(noon + tick, END)]


def test_instants_are_compared_as_instants_in_whatever_zone_they_come():
    new_york = ZoneInfo("America/New_York")
    fall_back = [datetime(2025, 11, 2, 1, 30, fold=fold, tzinfo=new_york) for fold in (0, 1)]
    start, end = datetime(2025, 11, 2, tzinfo=new_york), datetime(2025, 11, 3, tzinfo=new_york)
    windows = list(plan_windows(fall_back, start=start, end=end, profile=MINIMAL, limit=2))
    assert windows == [
        Window(datetime(2025, 11, 2, 4, tzinfo=UTC), datetime(2025, 11, 2, 6, 30, tzinfo=UTC)),
        Window(datetime(2025, 11, 2, 6, 30, tzinfo=UTC), datetime(2025, 11, 3, 5, tzinfo=UTC)),
    ]


def test_a_fraction_sorts_after_its_own_second_though_its_text_does_not():
    on_time, late = START.replace(second=11), START.replace(second=11, microsecond=500_000)
    assert late.isoformat()[:19] + ".500Z" < on_time.isoformat()[:19] + "Z"
    assert plan([on_time, late], FULL, limit=2) == [Window(START, late), Window(late, END)]


def test_the_end_is_asked_for_as_the_vendor_counts_it():
    window = Window(START, END)
    assert window.asked_end(FULL) == END - MICROSECOND
    assert window.asked_end(MINIMAL) == END - timedelta(seconds=1)
    assert window.asked_end(replace(FULL, end_inclusive=False)) == END


@pytest.mark.parametrize(
    "timestamps",
    [[START - MICROSECOND], [END], [START + timedelta(hours=1), START]],
    ids=["before the day", "after the day", "not ascending"],
)
def test_timestamps_that_are_not_the_days_in_order_are_refused(timestamps):
    with pytest.raises(ValueError, match="must ascend within the day"):
        plan(timestamps)


def test_a_day_that_starts_between_two_ticks_is_refused():
    with pytest.raises(ValueError, match="lies between two seconds"):
        list(plan_windows([], start=START + MICROSECOND, end=END, profile=MINIMAL))


@pytest.mark.parametrize("limit", [0, 101])
def test_a_limit_that_the_vendor_does_not_take_is_refused(limit):
    with pytest.raises(ValueError, match="between 1 and 100"):
        plan([], MINIMAL, limit)
