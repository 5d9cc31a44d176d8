"""Looks for days whose orders wait for the vendor's data refresh, and plans when to verify them again."""

from __future__ import annotations

from datetime import datetime, timedelta

from enrich_pipeline.domain.days import WINDOW_DAYS, local_day
from enrich_pipeline.domain.refresh_watch import RefreshPlan, plan
from enrich_pipeline.steps.context import RunContext
from enrich_pipeline.warehouse.day_status import waiting_days
from enrich_pipeline.warehouse.schema import REFRESH_GRACE


def plan_refresh_looks(run: RunContext, *, now: datetime) -> RefreshPlan:
    """Plan the verifications that are due at `now`, which is real time: so are refreshes. May be repeated."""
    today = local_day(run.business_now, run.store.zone)
    with run.engine.connect() as connection:
        waiting = waiting_days(connection, today - timedelta(days=WINDOW_DAYS), today)
    return plan(waiting, zone=run.store.zone, refresh_at=run.profile.refresh_time, grace=REFRESH_GRACE, now=now)
