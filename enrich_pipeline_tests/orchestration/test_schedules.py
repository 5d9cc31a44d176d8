"""Which day each schedule runs, in zones whose clocks change at, before and after the time of the tick."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import dagster as dg
import pytest
from dagster._utils.schedules import schedule_execution_time_iterator

from enrich_pipeline.domain.days import StoreDay
from enrich_pipeline.orchestration.flow import DAILY_SCHEDULE, HOURLY_SCHEDULE
from enrich_pipeline.orchestration.repository import build_definitions
from enrich_pipeline.settings import Settings

# Zone, and the middle of three days: its clock is turned forward or back, in some at midnight, so that 00:30 does not
# exist or exists twice.
CHANGES = [
    ("America/New_York", "2026-03-08"),
    ("America/New_York", "2026-11-01"),
    ("America/Havana", "2026-03-08"),
    ("America/Havana", "2026-11-01"),
    ("Asia/Beirut", "2026-03-29"),
    ("Africa/Cairo", "2026-10-29"),
    ("America/Santiago", "2026-09-06"),
    ("America/Santiago", "2026-04-04"),
    ("Australia/Lord_Howe", "2026-10-04"),
    ("Asia/Kathmandu", "2026-05-05"),
]


@pytest.fixture(scope="module")
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as opened:
        yield opened


def ticks(schedule: dg.ScheduleDefinition, timezone: str, middle: date) -> list[datetime]:
    """The times of the three days around `middle` at which Dagster's daemon ticks."""
    zone = Settings(store_timezone=timezone).store.zone
    start = StoreDay(middle - timedelta(days=1), zone).start
    end = StoreDay(middle + timedelta(days=1), zone).end
    iterator = schedule_execution_time_iterator(
        start.timestamp(), str(schedule.cron_schedule), timezone, ascending=True
    )
    found: list[datetime] = []
    for tick in iterator:
        if tick >= end:
            return found
        if tick >= start:
            found.append(tick)
    return found


def evaluate(
    settings: Settings, name: str, tick: datetime, instance: dg.DagsterInstance
) -> tuple[list[dg.RunRequest], str | None]:
    definitions = build_definitions(settings)
    context = dg.build_schedule_context(
        instance, scheduled_execution_time=tick, repository_def=definitions.get_repository_def()
    )
    evaluated = definitions.resolve_schedule_def(name).evaluate_tick(context)
    return list(evaluated.run_requests or []), evaluated.skip_message


@pytest.mark.parametrize(("timezone", "middle"), CHANGES)
def test_the_daily_schedule_runs_every_day_once_after_it_has_ended(
    timezone: str, middle: str, instance: dg.DagsterInstance
) -> None:
    settings = Settings(store_timezone=timezone)
    schedule = build_definitions(settings).resolve_schedule_def(DAILY_SCHEDULE)
    changed = date.fromisoformat(middle)
    runs: dict[str, str] = {}
    for tick in ticks(schedule, timezone, changed):
        (request,), _ = evaluate(settings, DAILY_SCHEDULE, tick, instance)
        day = StoreDay(date.fromisoformat(str(request.partition_key)), settings.store.zone)
        assert not day.is_open(tick)
        assert tick - day.end < timedelta(hours=2)
        runs[str(request.run_key)] = day.key
    assert sorted(runs.values()) == [(changed + timedelta(days=offset)).isoformat() for offset in (-2, -1, 0)]


@pytest.mark.parametrize(("timezone", "middle"), CHANGES)
def test_the_hourly_schedule_runs_the_day_that_is_under_way(
    timezone: str, middle: str, instance: dg.DagsterInstance
) -> None:
    settings = Settings(store_timezone=timezone)
    schedule = build_definitions(settings).resolve_schedule_def(HOURLY_SCHEDULE)
    # The hours at the day's edges are where a wrong day would show.
    all_ticks = ticks(schedule, timezone, date.fromisoformat(middle))
    edges = [tick for tick in all_ticks if tick.hour in {0, 23}]
    assert len({tick.astimezone(UTC) for tick in all_ticks}) == len(all_ticks)
    keys = set()
    for tick in edges:
        (request,), _ = evaluate(settings, HOURLY_SCHEDULE, tick, instance)
        day = StoreDay(date.fromisoformat(str(request.partition_key)), settings.store.zone)
        assert day.start <= tick < day.end
        keys.add(request.run_key)
    assert len(keys) == len(edges)


def test_a_tick_that_was_missed_means_its_own_day(instance: dg.DagsterInstance) -> None:
    tick = datetime(2026, 11, 23, 5, 30, tzinfo=UTC)  # 00:30 in New York, however late it is evaluated
    (request,), _ = evaluate(Settings(store_timezone="America/New_York"), DAILY_SCHEDULE, tick, instance)
    assert request.partition_key == "2026-11-22"


def test_the_daily_schedule_is_on_and_the_hourly_one_is_off() -> None:
    definitions = build_definitions(Settings())
    assert {
        name: definitions.resolve_schedule_def(name).default_status for name in (DAILY_SCHEDULE, HOURLY_SCHEDULE)
    } == {
        DAILY_SCHEDULE: dg.DefaultScheduleStatus.RUNNING,
        HOURLY_SCHEDULE: dg.DefaultScheduleStatus.STOPPED,
    }


@pytest.mark.parametrize("name", [DAILY_SCHEDULE, HOURLY_SCHEDULE])
def test_a_day_that_is_no_partition_is_skipped_with_the_reason(name: str, instance: dg.DagsterInstance) -> None:
    tick = datetime(2026, 11, 23, 0, 30, tzinfo=UTC)
    requests, reason = evaluate(Settings(first_day=date(2026, 12, 1)), name, tick, instance)
    assert (requests, "FIRST_DAY" in str(reason)) == ([], True)
    still = Settings(enrich_now=datetime(2026, 11, 1, 12, tzinfo=UTC))
    requests, reason = evaluate(still, name, tick, instance)
    assert (requests, "ENRICH_NOW" in str(reason)) == ([], True)
