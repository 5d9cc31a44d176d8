"""The last five weeks, a row a day."""

from __future__ import annotations

from datetime import date, timedelta

from sqlalchemy import Connection

from enrich_pipeline.domain.alerts import WATCHED_DAYS
from enrich_pipeline.domain.day_status import DayStatus
from enrich_pipeline.domain.days import local_day
from enrich_pipeline.steps.context import RunContext
from enrich_pipeline.warehouse.day_status import day_statuses


def recent_days(run: RunContext) -> list[DayStatus]:
    """The last 35 days and today so far, ascending."""
    with run.engine.connect() as connection:
        return days_until(connection, local_day(run.business_now, run.store.zone))


def days_until(connection: Connection, today: date) -> list[DayStatus]:
    """The last 35 days and `today`, ascending."""
    return day_statuses(connection, today - timedelta(days=WATCHED_DAYS), today)
