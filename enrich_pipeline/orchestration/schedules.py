"""Two schedules: yesterday soon after the store's midnight, and today so far each hour.

Both work the day out from the time they were scheduled for, on the store's wall clock: a tick that the daemon makes up
for later still means its own day, and a day has 23, 24 or 25 hours.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

import dagster as dg

from enrich_pipeline.domain.days import local_day
from enrich_pipeline.orchestration.flow import DAILY_JOB, DAILY_SCHEDULE, HOURLY_SCHEDULE
from enrich_pipeline.settings import Settings


def schedules(settings: Settings) -> list[dg.ScheduleDefinition]:
    """The store's schedules. The daily one runs unless it is stopped; the hourly one is off until it is started."""
    timezone, zone = settings.store_timezone, settings.store.zone

    @dg.schedule(
        name=DAILY_SCHEDULE,
        job_name=DAILY_JOB,
        cron_schedule="30 0 * * *",
        execution_timezone=timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Yesterday in the store's zone, at 00:30 on its clock: compute, upload, verify.",
    )
    def daily_enrichment_schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        day = local_day(context.scheduled_execution_time, zone) - timedelta(days=1)
        return _not_a_partition(day, settings) or dg.RunRequest(
            run_key=day.isoformat(), partition_key=day.isoformat(), tags=_AHEAD_OF_BACKFILLS
        )

    @dg.schedule(
        name=HOURLY_SCHEDULE,
        job_name=DAILY_JOB,
        cron_schedule="15 * * * *",
        execution_timezone=timezone,
        default_status=dg.DefaultScheduleStatus.STOPPED,
        description=(
            "Today so far in the store's zone, each hour: its receipts are marked partial. Start it where orders "
            "should show at the vendor within the hour; the daily schedule closes the day."
        ),
    )
    def hourly_enrichment_schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        tick = context.scheduled_execution_time
        day = local_day(tick, zone)
        return _not_a_partition(day, settings) or dg.RunRequest(
            run_key=_hour_key(day, tick), partition_key=day.isoformat(), tags=_AHEAD_OF_BACKFILLS
        )

    return [daily_enrichment_schedule, hourly_enrichment_schedule]


# A backfill of many days is launched with priority -1 or the default 0: what is due now does not wait behind it.
_AHEAD_OF_BACKFILLS = {"dagster/priority": "10"}


def _hour_key(day: date, tick: datetime) -> str:
    """One run a tick. The offset is part of it: where clocks are turned back, 00:15 comes twice."""
    return f"{day.isoformat()} {tick.isoformat()}"


def _not_a_partition(day: date, settings: Settings) -> dg.SkipReason | None:
    if day < settings.first_day:
        return dg.SkipReason(f"{day} is before FIRST_DAY, {settings.first_day}: there is nothing to run yet.")
    if settings.enrich_now is not None and day > local_day(settings.enrich_now, settings.store.zone):
        return dg.SkipReason(f"ENRICH_NOW stands at {settings.enrich_now}: {day} has not begun. Unset it to go live.")
    return None
