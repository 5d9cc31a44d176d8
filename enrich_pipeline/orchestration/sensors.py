"""The sensors: thin shells that gather facts, plan without Dagster, and turn the plan into runs or a reason.

A tick may be repeated, and its cursor lost: run keys name what a run is for, so that nothing is run twice for a cause.
"""

from __future__ import annotations

from datetime import UTC, date, datetime

import dagster as dg
from dagster._core.storage.tags import ASSET_PARTITION_RANGE_END_TAG, ASSET_PARTITION_RANGE_START_TAG

from enrich_pipeline.messaging.webhook import post_message
from enrich_pipeline.orchestration.finished_runs import finished_runs
from enrich_pipeline.orchestration.flow import (
    ALERTS_SENSOR,
    AWAITING_REFRESH_SENSOR,
    DAILY_JOB,
    LATE_CHANGES_SENSOR,
    UPLOAD_VERIFICATION,
)
from enrich_pipeline.orchestration.resources import WarehouseResource
from enrich_pipeline.orchestration.status import seen_cursor, status_observation
from enrich_pipeline.settings import load_settings
from enrich_pipeline.steps.alerts import watch
from enrich_pipeline.steps.late_changes import find_late_changes
from enrich_pipeline.steps.refresh_watch import plan_refresh_looks
from enrich_pipeline.steps.status import recent_days

_SENSORS_RUN_ID = "sensor"


def sensors() -> list[dg.SensorDefinition]:
    """Every sensor of the store; each runs unless it is stopped."""
    return [_late_changes(), _awaiting_refresh(), _alerts()]


def _late_changes() -> dg.SensorDefinition:
    @dg.sensor(
        name=LATE_CHANGES_SENSOR,
        job_name=DAILY_JOB,
        minimum_interval_seconds=300,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=(
            "Runs a day of the last four weeks again when what it was computed from has changed: orders, lines, "
            "refunds, transactions, and the costs, fee rules and exchange rates that hold for what it sold."
        ),
    )
    def late_changes_sensor(context: dg.SensorEvaluationContext, warehouse: WarehouseResource) -> dg.SensorResult:
        with warehouse.run_context(_SENSORS_RUN_ID) as run:
            planned = find_late_changes(run, context.cursor, now=datetime.now(UTC))
        if isinstance(planned, str):
            return dg.SensorResult(skip_reason=planned, cursor=context.cursor)
        requests = [run_request(rerun.first, rerun.last, rerun.run_key) for rerun in planned.reruns]
        return dg.SensorResult(
            run_requests=requests, skip_reason=None if requests else planned.reason, cursor=planned.cursor
        )

    return late_changes_sensor


def _awaiting_refresh() -> dg.SensorDefinition:
    @dg.sensor(
        name=AWAITING_REFRESH_SENSOR,
        job_name=DAILY_JOB,
        minimum_interval_seconds=300,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=(
            "Verifies a day again after the vendor's data refresh, while some of its orders did not show, or were not "
            "applied, when they were last read; each hour until the deadline, after which they count as missing."
        ),
    )
    def awaiting_refresh_sensor(context: dg.SensorEvaluationContext, warehouse: WarehouseResource) -> dg.SensorResult:
        with warehouse.run_context(_SENSORS_RUN_ID) as run:
            planned = plan_refresh_looks(run, now=datetime.now(UTC))
        requests = [
            run_request(look.order_day, look.order_day, look.run_key, assets=[UPLOAD_VERIFICATION.key])
            for look in planned.looks
        ]
        return dg.SensorResult(
            run_requests=requests, skip_reason=None if requests else planned.reason, cursor=context.cursor
        )

    return awaiting_refresh_sensor


def _alerts() -> dg.SensorDefinition:
    @dg.sensor(
        name=ALERTS_SENSOR,
        minimum_interval_seconds=60,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=(
            "Tells each change of state once, to ALERT_WEBHOOK_URL and the log: failed runs, findings, days that do "
            "not add up, money that does not reach the vendor, days near the end of the window, a missing receipt, "
            "and changes that came too late. Runs nothing."
        ),
    )
    def alerts_sensor(context: dg.SensorEvaluationContext, warehouse: WarehouseResource) -> dg.SensorResult:
        settings = load_settings()
        url = settings.alert_webhook_url
        with warehouse.run_context(_SENSORS_RUN_ID) as run:
            said = watch(
                run,
                runs=finished_runs(context.instance, now=datetime.now(UTC)),
                receipt_due_hour=settings.receipt_due_hour,
                tell=None if url is None else lambda message: post_message(url, message),
            )
            days = recent_days(run)
        seen = seen_cursor(days)
        observations = [] if seen == context.cursor else [status_observation(days)]
        return dg.SensorResult(skip_reason=said, cursor=seen, asset_events=observations)

    return alerts_sensor


def run_request(
    first: date, last: date, run_key: str, *, assets: list[dg.AssetKey] | None = None, priority: int = 5
) -> dg.RunRequest:
    """Ask for one run of the daily job, or of some of its assets, for a day or for a range of days."""
    tags = {"dagster/priority": str(priority)}
    if first == last:
        return dg.RunRequest(run_key=run_key, partition_key=first.isoformat(), asset_selection=assets, tags=tags)
    tags |= {ASSET_PARTITION_RANGE_START_TAG: first.isoformat(), ASSET_PARTITION_RANGE_END_TAG: last.isoformat()}
    return dg.RunRequest(run_key=run_key, asset_selection=assets, tags=tags)
