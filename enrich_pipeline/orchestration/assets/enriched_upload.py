"""`enriched_upload`: the day's profit, sent to the Enrich Order API in batches."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import dagster as dg
from pydantic import Field

from enrich_pipeline.orchestration.flow import ENRICHED_UPLOAD, ORDER_PROFIT
from enrich_pipeline.orchestration.metadata import spec_of, upload_metadata
from enrich_pipeline.orchestration.partitions import selected_days
from enrich_pipeline.orchestration.resources import EnrichApiResource, WarehouseResource
from enrich_pipeline.steps.upload import upload_day

_DESCRIPTION = """
Sends every order of the day that is new, changed, mismatched or unanswered, as batches of JSON, and keeps a ledger:
the intent before each request, the outcome after it. What the API answers is a hint; `upload_verification` proves it.
Running a day again is always safe: the API overwrites by order id.
"""

ORDERS_ARE_ACCEPTED = dg.AssetCheckSpec(
    "orders_are_accepted",
    asset=ENRICHED_UPLOAD.key,
    description="The API refused no order of the day in this run.",
)


class UploadConfig(dg.Config):
    """How the day is uploaded; the defaults are right for every normal run."""

    full: bool = Field(default=False, description="Send every order of the day again, also what is verified.")
    allow_outside_window: bool = Field(
        default=False,
        description=(
            "Send days older than four weeks too. The vendor does not apply them by itself: agree it with them first."
        ),
    )


def enriched_upload_asset(partitions: dg.DailyPartitionsDefinition) -> dg.AssetsDefinition:
    """Build the asset for the store's days."""

    @dg.multi_asset(
        name="enriched_upload",
        specs=[spec_of(ENRICHED_UPLOAD, _DESCRIPTION, deps=[ORDER_PROFIT.key])],
        check_specs=[ORDERS_ARE_ACCEPTED],
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def enriched_upload(
        context: dg.AssetExecutionContext,
        config: UploadConfig,
        warehouse: WarehouseResource,
        enrich_api: EnrichApiResource,
    ) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
        options = enrich_api.upload_options(full=config.full, allow_outside_window=config.allow_outside_window)
        rejected: Counter[str] = Counter()
        with (
            warehouse.run_context(context.run_id) as run,
            enrich_api.client(warn=context.log.warning) as client,
        ):
            for day in selected_days(context, warehouse.store_timezone):
                summary = upload_day(run, client, day, options, on_progress=context.log.info)
                context.log.info(
                    "%s: sent %d orders in %d requests, %.0f orders/s",
                    day.key,
                    summary.answered,
                    summary.requests,
                    summary.orders_per_second,
                )
                context.add_asset_metadata(upload_metadata(summary), partition_key=day.key)
                rejected += summary.rejected
        yield dg.MaterializeResult(asset_key=ENRICHED_UPLOAD.key)
        yield dg.AssetCheckResult(
            asset_key=ENRICHED_UPLOAD.key,
            check_name=ORDERS_ARE_ACCEPTED.name,
            passed=not rejected,
            severity=dg.AssetCheckSeverity.WARN,
            description=(
                f"The API refused {rejected.total()} orders. unknown_order: the vendor has not imported it yet, it is "
                "sent again each run. Any other code: see enrich.upload_ledger."
                if rejected
                else None
            ),
            metadata={"enrich/rejected_by_code": dict(rejected)},
        )

    return enriched_upload
