"""The daily schedule: yesterday, soon after the store's midnight."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import dagster as dg

from enrich_pipeline.domain.days import local_day
from enrich_pipeline.orchestration.flow import DAILY_JOB, DAILY_SCHEDULE


def daily_schedule(timezone: str) -> dg.ScheduleDefinition:
    """Run the daily job for the day that has just ended, at 00:30 on the store's clock, every day of its year."""
    zone = ZoneInfo(timezone)

    @dg.schedule(
        name=DAILY_SCHEDULE,
        job_name=DAILY_JOB,
        cron_schedule="30 0 * * *",
        execution_timezone=timezone,
        description="Yesterday in the store's zone: compute, upload, verify.",
    )
    def daily_enrichment_schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        # From the scheduled time and not from 24 hours before it: days have 23 or 25 hours twice a year.
        yesterday = (local_day(context.scheduled_execution_time, zone) - timedelta(days=1)).isoformat()
        return dg.RunRequest(run_key=yesterday, partition_key=yesterday)

    return daily_enrichment_schedule
