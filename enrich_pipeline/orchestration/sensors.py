"""The sensors: thin shells that gather facts, plan without Dagster, and turn the plan into runs or a reason.

A tick may be repeated, and its cursor lost: run keys name what a run is for, so that nothing is run twice for a cause.
"""

from __future__ import annotations

from datetime import UTC, date, datetime

import dagster as dg
from dagster._core.storage.tags import ASSET_PARTITION_RANGE_END_TAG, ASSET_PARTITION_RANGE_START_TAG

from enrich_pipeline.orchestration.flow import DAILY_JOB, LATE_CHANGES_SENSOR
from enrich_pipeline.orchestration.resources import WarehouseResource
from enrich_pipeline.steps.late_changes import find_late_changes

_SENSORS_RUN_ID = "sensor"


def sensors() -> list[dg.SensorDefinition]:
    """Every sensor of the store; each runs unless it is stopped."""
    return [_late_changes()]


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


def run_request(
    first: date, last: date, run_key: str, *, assets: list[dg.AssetKey] | None = None, priority: int = 5
) -> dg.RunRequest:
    """Ask for one run of the daily job, or of some of its assets, for a day or for a range of days."""
    tags = {"dagster/priority": str(priority)}
    if first == last:
        return dg.RunRequest(run_key=run_key, partition_key=first.isoformat(), asset_selection=assets, tags=tags)
    tags |= {ASSET_PARTITION_RANGE_START_TAG: first.isoformat(), ASSET_PARTITION_RANGE_END_TAG: last.isoformat()}
    return dg.RunRequest(run_key=run_key, asset_selection=assets, tags=tags)
