"""Where a store's day begins and ends, and how long it can be changed."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from enrich_pipeline.domain.days import StoreDay, days_between, local_day

NEW_YORK = ZoneInfo("America/New_York")
DAY = StoreDay(date(2026, 11, 25), NEW_YORK)
MICROSECOND = timedelta(microseconds=1)


def test_a_day_lasts_from_midnight_to_midnight_of_the_stores_clock():
    assert (DAY.start, DAY.end) == (datetime(2026, 11, 25, 5, tzinfo=UTC), datetime(2026, 11, 26, 5, tzinfo=UTC))
    assert DAY.start.tzinfo is UTC


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 8), 23), (date(2026, 3, 9), 24), (date(2026, 11, 1), 25)])
def test_a_day_has_as_many_hours_as_the_clock_gives_it(day, hours):
    assert StoreDay(day, NEW_YORK).end - StoreDay(day, NEW_YORK).start == timedelta(hours=hours)


def test_a_day_whose_midnight_is_skipped_begins_when_the_clock_is_changed():
    assert StoreDay(date(2024, 4, 26), ZoneInfo("Africa/Cairo")).start == datetime(2024, 4, 25, 22, tzinfo=UTC)


def test_the_key_of_a_day_is_its_date():
    assert DAY.key == "2026-11-25"


def test_a_day_is_open_until_it_has_ended():
    assert DAY.is_open(DAY.end - MICROSECOND)
    assert not DAY.is_open(DAY.end)


def test_the_vendor_applies_a_day_until_28_days_after_it():
    last = StoreDay(date(2026, 12, 23), NEW_YORK)
    assert DAY.is_inside_window(last.end - MICROSECOND)
    assert not DAY.is_inside_window(last.end)


def test_the_day_of_an_instant_is_the_date_on_the_stores_clock():
    assert local_day(DAY.start - MICROSECOND, NEW_YORK) == date(2026, 11, 24)
    assert local_day(DAY.start, NEW_YORK) == date(2026, 11, 25)


def test_an_instant_without_a_zone_is_on_no_day():
    with pytest.raises(ValueError, match="no time zone"):
        local_day(datetime(2026, 11, 25), NEW_YORK)  # noqa: DTZ001  # the point of the test


def test_days_between_two_dates_include_both():
    assert list(days_between(date(2026, 2, 27), date(2026, 3, 1))) == [
        date(2026, 2, 27),
        date(2026, 2, 28),
        date(2026, 3, 1),
    ]
    assert list(days_between(DAY.day, DAY.day)) == [DAY.day]
    assert list(days_between(DAY.day, DAY.day - timedelta(days=1))) == []
