"""The daily job: the five assets of one store-local day, in flow order, in one process."""

from __future__ import annotations

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from enrich_pipeline.orchestration.flow import DAILY_JOB, FLOW


def daily_job() -> UnresolvedAssetJobDefinition:
    """The job that schedules and users run for one day or a range of days."""
    return dg.define_asset_job(
        DAILY_JOB,
        selection=dg.AssetSelection.assets(*(asset.key for asset in FLOW)),
        description="Raw orders to a verified receipt, for one store-local day or a range of days.",
    )
