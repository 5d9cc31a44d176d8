"""Our assets as Dagster runs them when it is told nothing: a run a partition, a process a step. The backfill's peer."""

from __future__ import annotations

import dagster as dg

from enrich_pipeline import definitions

_A_RUN_A_PARTITION = dg.BackfillPolicy.multi_run(1)

defs = dg.Definitions(
    assets=[
        asset.with_attributes(backfill_policy=_A_RUN_A_PARTITION)
        if isinstance(asset, dg.AssetsDefinition) and asset.partitions_def is not None
        else asset
        for asset in definitions.defs.assets or ()
    ],
    resources=definitions.defs.resources,
    executor=dg.multiprocess_executor,
)
