from datetime import UTC, datetime, timedelta

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


def test_the_tick_is_the_smallest_step_that_the_precision_keeps():
    assert FULL.tick == timedelta(microseconds=1)
    assert MINIMAL.tick == timedelta(seconds=1)


def test_the_last_half_second_of_a_day_stays_on_that_day():
    instant = datetime(2025, 6, 10, 23, 59, 59, 999_999, tzinfo=UTC)
    assert floor_instant(instant, "second") == datetime(2025, 6, 10, 23, 59, 59, tzinfo=UTC)
    assert floor_instant(instant, "microsecond") == instant
