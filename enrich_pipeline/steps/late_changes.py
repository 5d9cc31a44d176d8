"""Looks for days whose inputs changed after they were computed, and plans to run them again."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from sqlalchemy import Connection, Engine

from enrich_pipeline.domain.days import WINDOW_DAYS, local_day
from enrich_pipeline.domain.late_changes import DayComparison, LateChangesPlan, is_full_look_due, plan
from enrich_pipeline.domain.store import Store
from enrich_pipeline.steps.context import RunContext
from enrich_pipeline.warehouse.day_inputs import current_inputs, raw_probe, recorded_inputs
from enrich_pipeline.warehouse.outside_changes import report_outside_changes

# Older days can no longer be changed at the vendor; the look back at them is for telling, and has to end somewhere.
_REPORTED_DAYS = 28


def find_late_changes(run: RunContext, cursor: str | None, *, now: datetime) -> LateChangesPlan | str:
    """Compare every computed day with what `raw` holds now; return the plan, or in a sentence why nothing was compared.

    Days outside the window are written to `enrich.outside_changes`, from which they are reported. May be repeated.

    Args:
        run: its business clock says which day is today; today is not late yet, and is left to the schedules.
        cursor: of the previous plan.
        now: real time, zone-aware: when the last look was too long ago.
    """
    today = local_day(run.business_now, run.store.zone)
    with run.engine.connect() as connection:
        probe = raw_probe(connection)
        if probe is None:
            return "The warehouse has no raw tables yet: load them, or point WAREHOUSE_URL at where they are."
        probe = f"{today} {probe}"
        if not is_full_look_due(cursor, probe=probe, now=now):
            return "No raw table was touched since the last look, less than an hour ago."
        window_start = today - timedelta(days=WINDOW_DAYS)
        compared = compare_days(
            connection, run.store, window_start - timedelta(days=_REPORTED_DAYS), today - timedelta(days=1)
        )
    planned = plan(cursor, compared, window_start=window_start, probe=probe, now=now)
    _report(run.engine, run.store, planned)
    return planned


def compare_days(connection: Connection, store: Store, first: date, last: date) -> list[DayComparison]:
    """The computed days from `first` to `last`, each with its inputs' fingerprint now and then."""
    recorded = recorded_inputs(connection, first, last)
    if not recorded:
        return []
    current = current_inputs(connection, store, min(recorded), max(recorded))
    return [
        DayComparison(
            order_day=each.order_day,
            current=each.fingerprint,
            recorded=recorded[each.order_day].fingerprint,
            recorded_by=recorded[each.order_day].run_id,
        )
        for each in current
        if each.order_day in recorded
    ]


def _report(engine: Engine, store: Store, planned: LateChangesPlan) -> None:
    with engine.begin() as connection:
        report_outside_changes(connection, store, {day.order_day: day.current for day in planned.outside})
