"""When a day that waits for the vendor's refresh is looked at again."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from enrich_pipeline.domain.refresh_watch import Look, RefreshPlan, WaitingDay, plan, refresh_after

ZONE = ZoneInfo("America/New_York")
SENT = datetime(2026, 11, 24, 0, 40, tzinfo=ZONE)
REFRESH = datetime(2026, 11, 24, 3, tzinfo=ZONE)


def planned(*, read_at: datetime, now: datetime) -> RefreshPlan:
    day = WaitingDay(order_day=date(2026, 11, 23), orders=5, sent_at=SENT, read_at=read_at)
    return plan([day], zone=ZONE, refresh_at=time(3), grace=timedelta(hours=6), now=now)


def test_nothing_is_read_before_the_refresh() -> None:
    early = planned(read_at=SENT, now=REFRESH + timedelta(minutes=14))
    assert (early.looks, early.reason) == ((), "5 orders of 1 days wait for the vendor's next refresh.")


def test_the_day_is_read_again_after_the_refresh_once_an_hour() -> None:
    first = planned(read_at=SENT, now=REFRESH + timedelta(minutes=16))
    assert first.looks == (Look(order_day=date(2026, 11, 23), run_key="2026-11-23 2026-11-24T03:15:00-05:00"),)
    assert planned(read_at=SENT, now=REFRESH + timedelta(minutes=40)).looks == first.looks
    read = REFRESH + timedelta(minutes=17)
    assert planned(read_at=read, now=REFRESH + timedelta(minutes=60)).looks == ()
    assert planned(read_at=read, now=REFRESH + timedelta(minutes=76)).looks[0].run_key.endswith("04:15:00-05:00")


def test_the_day_is_read_for_a_last_time_when_the_deadline_has_passed() -> None:
    last_hour = REFRESH + timedelta(hours=5, minutes=20)
    final = planned(read_at=last_hour, now=REFRESH + timedelta(hours=6, minutes=1))
    assert final.looks[0].run_key.endswith("09:00:00-05:00")
    assert planned(read_at=REFRESH + timedelta(hours=6, minutes=2), now=REFRESH + timedelta(days=2)).looks == ()


def test_a_look_is_due_at_its_very_minute_and_not_again_when_it_was_made_then() -> None:
    first = REFRESH + timedelta(minutes=15)
    assert planned(read_at=SENT, now=first).looks[0].run_key.endswith("03:15:00-05:00")
    assert planned(read_at=first, now=first + timedelta(minutes=1)).looks == ()
    deadline = REFRESH + timedelta(hours=6)
    assert planned(read_at=SENT, now=deadline).looks[0].run_key.endswith("09:00:00-05:00")


def test_the_refresh_is_on_the_stores_clock_on_days_of_23_and_25_hours() -> None:
    for sent, expected in [
        (datetime(2026, 3, 8, 6, tzinfo=UTC), datetime(2026, 3, 8, 7, tzinfo=UTC)),
        (datetime(2026, 11, 1, 6, tzinfo=UTC), datetime(2026, 11, 1, 8, tzinfo=UTC)),
        (datetime(2026, 11, 1, 8, tzinfo=UTC), datetime(2026, 11, 2, 8, tzinfo=UTC)),
    ]:
        assert refresh_after(sent, zone=ZONE, at=time(3)) == expected


def test_without_waiting_days_there_is_a_reason_too() -> None:
    assert plan([], zone=ZONE, refresh_at=time(3), grace=timedelta(hours=6), now=REFRESH).reason
