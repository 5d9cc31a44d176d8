"""Each cause a mismatch can have is named by its own sentence."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from enrich_pipeline.domain.diagnosis import Side, diagnose

NEW_YORK = ZoneInfo("America/New_York")
WINTER = datetime(2026, 1, 15, 17, 0, tzinfo=UTC)
SUMMER = datetime(2026, 7, 15, 17, 0, tzinfo=UTC)


def _side(at: datetime = WINTER, sales: str = "269.94", profit: str = "-65.40", currency: str = "USD") -> Side:
    return Side(at, Decimal(sales), Decimal(profit), currency)


@pytest.mark.parametrize(
    ("held", "words"),
    [
        (None, "does not hold"),
        (_side(sales="0", profit="0"), "zeroed"),
        (_side(sales="-65.40", profit="269.94"), "swapped"),
        (_side(sales="26994", profit="-6540"), "hundred times"),
        (_side(sales="2.6994", profit="-0.6540"), "hundredth"),
        (_side(sales="269.94000000000000001"), "floating point"),
        (_side(sales="269", profit="-65"), "whole units"),
        (_side(currency="EUR"), "USD became EUR"),
        (_side(at=WINTER + timedelta(hours=1)), "daylight saving"),
        (_side(at=WINTER + timedelta(hours=9, minutes=30)), "a zone that is not the store's"),
        (_side(at=WINTER - timedelta(milliseconds=5)), "fraction of the second"),
    ],
)
def test_a_cause_is_named(held: Side | None, words: str) -> None:
    cause = diagnose(_side(), held, zone=NEW_YORK)
    assert cause is not None
    assert words in cause


@pytest.mark.parametrize(("at", "hours"), [(WINTER, 5), (SUMMER, 4)])
def test_a_confusion_of_the_wall_clock_with_utc_is_named_with_that_days_hours(at: datetime, hours: int) -> None:
    wall_clock_as_utc = diagnose(_side(at=at), _side(at=at - timedelta(hours=hours)), zone=NEW_YORK)
    utc_as_wall_clock = diagnose(_side(at=at), _side(at=at + timedelta(hours=hours)), zone=NEW_YORK)
    assert wall_clock_as_utc is not None
    assert f"-{hours} hours: the store's wall clock (America/New_York) was read as UTC" in wall_clock_as_utc
    assert utc_as_wall_clock is not None
    assert f"+{hours} hours: UTC was read as the store's wall clock" in utc_as_wall_clock


def test_equal_sides_have_no_cause() -> None:
    assert diagnose(_side(), _side(), zone=NEW_YORK) is None


def test_an_unrecognisable_difference_is_not_explained_away() -> None:
    assert diagnose(_side(), _side(sales="123.45"), zone=NEW_YORK) is None
