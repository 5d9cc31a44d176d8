from datetime import UTC, datetime, time, timedelta

import pytest

from enrich_pipeline.domain.contract import FULL, MINIMAL, floor_instant, profile_named
from enrich_pipeline.domain.payloads import largest_body_bytes


@pytest.mark.parametrize("profile", [FULL, MINIMAL])
def test_a_profile_is_found_by_the_name_that_the_setting_uses(profile):
    assert profile_named(profile.name) is profile


def test_an_unknown_profile_is_refused_with_the_names_that_exist():
    with pytest.raises(ValueError, match=r"'best'; there are full, minimal"):
        profile_named("best")


@pytest.mark.parametrize("profile", [FULL, MINIMAL])
def test_no_batch_that_a_profile_allows_can_exceed_its_body_limit(profile):
    assert largest_body_bytes(profile.max_batch_orders) <= profile.max_body_bytes


def test_the_poorest_vendor_takes_little_at_once_and_says_nothing_of_it():
    assert (MINIMAL.max_batch_orders, MINIMAL.max_body_bytes, MINIMAL.max_get_limit) == (500, 1_048_576, 100)
    assert (MINIMAL.requests_per_minute, MINIMAL.refresh_time) == (600, time(3))
    assert not MINIMAL.post_answers_row_errors
    assert not MINIMAL.get_rows_carry_status
    assert not MINIMAL.takes_gzip


def test_our_own_service_takes_much_at_once_and_says_what_became_of_it():
    assert (FULL.max_batch_orders, FULL.max_body_bytes, FULL.max_get_limit) == (1000, 8_388_608, 1000)
    assert (FULL.requests_per_minute, FULL.refresh_time) == (None, time(3))
    assert FULL.post_answers_row_errors
    assert FULL.get_rows_carry_status
    assert FULL.takes_gzip


def test_the_tick_is_the_smallest_step_that_the_precision_keeps():
    assert FULL.tick == timedelta(microseconds=1)
    assert MINIMAL.tick == timedelta(seconds=1)


def test_the_last_half_second_of_a_day_stays_on_that_day():
    instant = datetime(2025, 6, 10, 23, 59, 59, 999_999, tzinfo=UTC)
    assert floor_instant(instant, "second") == datetime(2025, 6, 10, 23, 59, 59, tzinfo=UTC)
    assert floor_instant(instant, "microsecond") == instant
