"""Checks with a result of their own for each day of a run, also where one run is for many days."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from typing import Any

import dagster as dg
from dagster._core.definitions.asset_checks.asset_check_evaluation import (
    AssetCheckEvaluation,
    AssetCheckEvaluationTargetMaterializationData,
)

from enrich_pipeline.orchestration.flow import FlowAsset


def day_check_spec(
    name: str, flow: FlowAsset, partitions: dg.PartitionsDefinition, *, description: str
) -> dg.AssetCheckSpec:
    """A check of one of the flow's assets, with a result a day."""
    with warnings.catch_warnings():
        # Dagster says that partitioned checks are in preview: docs/decisions.md says why we use them all the same.
        warnings.simplefilter("ignore", dg.PreviewWarning)
        return dg.AssetCheckSpec(name, asset=flow.key, description=description, partitions_def=partitions)


class DayChecks:
    """Makes check results for one run, each bound to its day and to what the run materialised of that day."""

    def __init__(self, context: dg.AssetExecutionContext) -> None:
        self._context = context

    def result(
        self,
        spec: dg.AssetCheckSpec,
        day_key: str,
        *,
        problem: str | None,
        severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.ERROR,
        metadata: Mapping[str, Any] | None = None,
        blocking: bool = False,
    ) -> AssetCheckEvaluation:
        """The check's result for a day; `problem` says what is wrong and what to do, None that nothing is.

        With `blocking`, a problem that is an error ends the run before the next step.
        """
        return AssetCheckEvaluation(
            asset_key=spec.asset_key,
            check_name=spec.name,
            passed=problem is None,
            severity=severity,
            description=problem,
            metadata=metadata,
            blocking=blocking,
            partition=day_key,
            target_materialization_data=self._target(spec.asset_key, day_key),
        )

    def _target(self, key: dg.AssetKey, day_key: str) -> AssetCheckEvaluationTargetMaterializationData | None:
        """The day's newest materialisation: the result is about that one, and shows as outdated after the next."""
        filters = dg.AssetRecordsFilter(asset_key=key, asset_partitions=[day_key])
        records = self._context.instance.fetch_materializations(filters, limit=1).records
        if not records:
            return None
        newest = records[0]
        return AssetCheckEvaluationTargetMaterializationData(
            storage_id=newest.storage_id, run_id=newest.run_id, timestamp=newest.timestamp
        )


def check_outputs(context: dg.AssetExecutionContext, specs: Iterable[dg.AssetCheckSpec]) -> Iterable[dg.Output[Any]]:
    """The outputs of checks whose results were given day by day; Dagster would say that they are missing."""
    return [
        dg.Output(None, spec.get_python_identifier()) for spec in specs if spec.key in context.selected_asset_check_keys
    ]
