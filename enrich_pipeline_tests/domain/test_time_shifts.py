from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrich_pipeline.domain.time_shifts import explain_shift

NEW_YORK = ZoneInfo("America/New_York")
SYDNEY = ZoneInfo("Australia/Sydney")
TOKYO = ZoneInfo("Asia/Tokyo")

SUMMER = datetime(2025, 6, 10, 20, 19, tzinfo=UTC)
WINTER = datetime(2025, 1, 10, 20, 19, tzinfo=UTC)

zones = st.sampled_from(
    [ZoneInfo(name) for name in ("America/New_York", "Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe", "UTC")]
)
instants = st.datetimes(datetime(2024, 1, 1), datetime(2026, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001  # bounds of a strategy


def wall_clock(instant, zone):
    return instant.astimezone(zone).replace(tzinfo=None)


def test_the_same_instant_is_no_shift_in_whatever_zone_it_is_written():
    assert explain_shift(SUMMER, SUMMER.astimezone(TOKYO), NEW_YORK) is None


@pytest.mark.parametrize(
    ("sent", "hours", "zone", "kind", "named"),
    [
        (SUMMER, -4, NEW_YORK, "local_as_utc", "America/New_York"),
        (WINTER, -5, NEW_YORK, "local_as_utc", "America/New_York"),
        (SUMMER, 4, NEW_YORK, "utc_as_local", "America/New_York"),
        (WINTER, 5, NEW_YORK, "utc_as_local", "America/New_York"),
        (SUMMER, -5, NEW_YORK, "local_as_utc", "America/New_York"),
        (WINTER, 4, NEW_YORK, "utc_as_local", "America/New_York"),
        (SUMMER, 1, NEW_YORK, "clock_change", "America/New_York"),
        (SUMMER, -1, NEW_YORK, "clock_change", "America/New_York"),
        (WINTER, 1, SYDNEY, "clock_change", "Australia/Sydney"),
        (SUMMER, 9, TOKYO, "local_as_utc", "Asia/Tokyo"),
        (SUMMER, -7, NEW_YORK, "other_zone", "America/Los_Angeles"),
        (SUMMER, -3, NEW_YORK, "other_zone", "America/Los_Angeles"),
        (SUMMER, 3, NEW_YORK, "other_zone", "America/Los_Angeles"),
        (SUMMER, 8, NEW_YORK, "other_zone", "Asia/Shanghai"),
        (SUMMER, 5.5, NEW_YORK, "other_zone", "Asia/Kolkata"),
        (SUMMER, 24, NEW_YORK, "days", None),
        (SUMMER, -72, NEW_YORK, "days", None),
        (SUMMER, 0.3, NEW_YORK, "unexplained", None),
    ],
)
def test_a_shift_is_explained_by_its_likeliest_confusion(sent, hours, zone, kind, named):
    shift = explain_shift(sent, sent + timedelta(hours=hours), zone)
    assert (shift.by, shift.kind, shift.zone) == (timedelta(hours=hours), kind, named)


def test_the_sentence_says_how_far_which_way_and_why():
    shift = explain_shift(SUMMER, SUMMER - timedelta(hours=4), NEW_YORK)
    assert shift.sentence == "It is held 4 h earlier: the store's wall clock (America/New_York) was read as UTC."


def test_a_missed_clock_change_is_said_as_such():
    shift = explain_shift(SUMMER, SUMMER + timedelta(hours=1), NEW_YORK)
    assert shift.sentence == (
        "It is held 1 h later: the clock of America/New_York was read with its standard offset"
        " where daylight-saving time held."
    )


def test_a_zone_that_never_changes_its_clock_missed_no_clock_change():
    assert explain_shift(SUMMER, SUMMER + timedelta(hours=1), TOKYO).kind == "other_zone"


@pytest.mark.parametrize("fold", [0, 1])
def test_the_hour_that_a_day_has_twice_is_read_as_the_other_one(fold):
    first, second = (
        datetime(2025, 11, 2, 1, 30, fold=which, tzinfo=NEW_YORK).astimezone(UTC) for which in (fold, 1 - fold)
    )
    assert explain_shift(first, second, NEW_YORK).kind == "clock_change"


@pytest.mark.parametrize("hours", [4, 5])
def test_utc_in_the_hour_that_a_day_has_twice_may_be_read_as_either(hours):
    sent = datetime(2025, 11, 2, 1, 30, tzinfo=UTC)
    sentence = explain_shift(sent, sent + timedelta(hours=hours), NEW_YORK).sentence
    assert sentence.endswith("UTC was read as the store's wall clock (America/New_York).")


def test_a_utc_time_that_the_stores_clock_skips_is_still_explained():
    sent = datetime(2025, 3, 9, 2, 30, tzinfo=UTC)  # no such wall clock in New York on that day
    for hours in (4, 5):
        assert explain_shift(sent, sent + timedelta(hours=hours), NEW_YORK).kind == "utc_as_local"


@pytest.mark.parametrize("midnight", [SUMMER.replace(hour=0, minute=0), datetime(2025, 6, 10, tzinfo=NEW_YORK)])
def test_a_time_of_day_that_was_lost_is_told_from_a_shift(midnight):
    assert explain_shift(SUMMER, midnight, NEW_YORK).kind == "time_of_day_lost"


def test_a_cut_fraction_is_no_shift_of_zones():
    sent = SUMMER.replace(microsecond=700_000)
    assert explain_shift(sent, SUMMER, NEW_YORK).kind == "fraction_cut"


def test_a_cut_fraction_hides_no_shift_of_zones():
    sent = SUMMER.replace(microsecond=700_000)
    assert explain_shift(sent, SUMMER - timedelta(hours=4), NEW_YORK).kind == "local_as_utc"


@pytest.mark.parametrize("hours", [0, -4])
def test_a_whole_second_is_no_cut_fraction(hours):
    held = SUMMER + timedelta(hours=hours, seconds=1)
    assert explain_shift(SUMMER, held, NEW_YORK).kind == "unexplained"


@pytest.mark.parametrize(
    ("shift", "words"),
    [
        (timedelta(seconds=59), "59 s later"),
        (timedelta(seconds=-60), "0.01667 h earlier"),
        (timedelta(hours=25), "25 h later"),
        (timedelta(days=-3), "3 d earlier"),
    ],
)
def test_a_shift_is_said_in_the_largest_unit_that_fits(shift, words):
    assert explain_shift(SUMMER, SUMMER + shift, TOKYO).sentence.startswith(f"It is held {words}")


def test_a_few_seconds_are_said_in_seconds():
    shift = explain_shift(SUMMER, SUMMER + timedelta(seconds=30), NEW_YORK)
    assert shift.sentence == "It is held 30 s later; no confusion of time zones explains that."


@given(sent=instants, zone=zones)
def test_a_stores_wall_clock_read_as_utc_is_always_recognised(sent, zone):
    held = wall_clock(sent, zone).replace(tzinfo=UTC)
    shift = explain_shift(sent, held, zone)
    assert (shift.kind, shift.zone) == ("local_as_utc", zone.key) if held != sent else shift is None


@given(sent=instants, zone=zones, fold=st.sampled_from([0, 1]))
def test_utc_read_as_the_stores_wall_clock_is_always_recognised(sent, zone, fold):
    held = sent.replace(tzinfo=zone, fold=fold)
    shift = explain_shift(sent, held, zone)
    assert shift.kind == "utc_as_local" if zone.key != "UTC" else shift is None


@given(sent=instants, zone=zones, shift=st.timedeltas(timedelta(days=-40), timedelta(days=40)))
def test_every_shift_gets_a_sentence(sent, zone, shift):
    explained = explain_shift(sent, sent + shift, zone)
    assert (explained is None) == (not shift)
    assert not explained or explained.sentence.endswith(".")
