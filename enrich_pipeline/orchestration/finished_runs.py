"""What Dagster knows of runs that ended: which days each was for, and whether it succeeded."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import dagster as dg
from dagster._core.storage.tags import (
    ASSET_PARTITION_RANGE_END_TAG,
    ASSET_PARTITION_RANGE_START_TAG,
    PARTITION_NAME_TAG,
)

from enrich_pipeline.domain.alerts import FinishedRun
from enrich_pipeline.orchestration.flow import DELIVERY_STEP, UPLOAD_VERIFICATION

_LOOKED_BACK = timedelta(days=7)
_RUNS_LOOKED_AT = 1000


def finished_runs(instance: dg.DagsterInstance, *, now: datetime) -> list[FinishedRun]:
    """The runs for days that succeeded or failed in the week before `now` (zone-aware), newest first.

    A cancelled run is neither: somebody wanted it so. A run of some assets that does not verify, or a dry run, says
    nothing of whether its days are done, and is left out.
    """
    records = instance.get_run_records(
        dg.RunsFilter(
            statuses=[dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE], updated_after=now - _LOOKED_BACK
        ),
        limit=_RUNS_LOOKED_AT,
    )
    found: list[FinishedRun] = []
    for record in records:
        days = _days(record.dagster_run.tags)
        if days is not None and record.end_time is not None and _verifies(record.dagster_run):
            found.append(
                FinishedRun(
                    run_id=record.dagster_run.run_id,
                    first=days[0],
                    last=days[1],
                    ended_at=datetime.fromtimestamp(record.end_time, UTC),
                    succeeded=record.dagster_run.status == dg.DagsterRunStatus.SUCCESS,
                )
            )
    return found


def _verifies(run: dg.DagsterRun) -> bool:
    """Whether the run was to end in a receipt: the whole job, or assets with `upload_verification`; no dry run."""
    ops: Any = run.run_config.get("ops") or {}
    if ((ops.get(DELIVERY_STEP) or {}).get("config") or {}).get("dry_run"):
        return False
    return not run.asset_selection or UPLOAD_VERIFICATION.key in run.asset_selection


def _days(tags: Mapping[str, str]) -> tuple[date, date] | None:
    """The first and the last day that a run's tags name; None for a run that is for no day."""
    if day := tags.get(PARTITION_NAME_TAG):
        return date.fromisoformat(day), date.fromisoformat(day)
    first, last = tags.get(ASSET_PARTITION_RANGE_START_TAG), tags.get(ASSET_PARTITION_RANGE_END_TAG)
    if first and last:
        return date.fromisoformat(first), date.fromisoformat(last)
    return None
