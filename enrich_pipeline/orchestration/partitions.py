"""One partition a store-local day, and how a run's partitions become days."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import dagster as dg

from enrich_pipeline.domain.days import StoreDay, local_day


def store_days(first_day: date, timezone: str, *, business_now: datetime | None = None) -> dg.DailyPartitionsDefinition:
    """The store's days from `first_day` to today, which is a partition too: today so far.

    Args:
        first_day: the first day that has a partition.
        timezone: IANA zone of the store; its wall clock bounds the days.
        business_now: a fixed business clock, for which days after its own do not exist; None for the real one.
    """
    if business_now is None:
        return dg.DailyPartitionsDefinition(start_date=first_day.isoformat(), timezone=timezone, end_offset=1)
    tomorrow = local_day(business_now, ZoneInfo(timezone)) + timedelta(days=1)
    return dg.DailyPartitionsDefinition(
        start_date=first_day.isoformat(), end_date=tomorrow.isoformat(), timezone=timezone
    )


def selected_days(context: dg.AssetExecutionContext, timezone: str) -> list[StoreDay]:
    """The days this run is for, ascending: one, or all those of a range run."""
    zone = ZoneInfo(timezone)
    return [StoreDay(date.fromisoformat(key), zone) for key in context.partition_keys]
