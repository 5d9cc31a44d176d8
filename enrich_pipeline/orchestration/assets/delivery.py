"""Uploads and verifies the days of a run, one after the other: `enriched_upload` and `upload_verification` in one step.

One step, because each day must end by itself. Dagster gives a step's outputs to all days of a range or to none, and
runs nothing after a step that failed; here a day is recorded the moment it is done, and the step fails at its end when
a day could not be. Pressing "re-execute from failure" then uploads before it verifies, as it must.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg
from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluation

from enrich_pipeline.domain.days import StoreDay
from enrich_pipeline.domain.errors import EnrichError, WarehouseLostError
from enrich_pipeline.orchestration.assets.enriched_upload import (
    UploadConfig,
    enriched_upload_spec,
    orders_are_accepted,
    refusals,
)
from enrich_pipeline.orchestration.assets.upload_verification import (
    every_order_is_accounted_for,
    mismatches,
    no_mismatches,
    unaccounted,
    upload_verification_spec,
)
from enrich_pipeline.orchestration.checks import DayChecks, check_outputs
from enrich_pipeline.orchestration.flow import DELIVERY_STEP, ENRICHED_UPLOAD, UPLOAD_VERIFICATION
from enrich_pipeline.orchestration.metadata import Metadata, failed_days_table, upload_metadata, verification_metadata
from enrich_pipeline.orchestration.partitions import selected_days
from enrich_pipeline.orchestration.resources import EnrichApiResource, WarehouseResource
from enrich_pipeline.orchestration.retries import again_when_the_warehouse_is_lost, try_again
from enrich_pipeline.steps.deliver import DeliveredDay, deliver_days
from enrich_pipeline.steps.upload_progress import UploadSummary

Event = dg.AssetMaterialization | dg.AssetObservation | AssetCheckEvaluation | dg.Output[Any]


def delivery_asset(partitions: dg.DailyPartitionsDefinition) -> dg.AssetsDefinition:
    """Build the two assets for the store's days."""
    accepted = orders_are_accepted(partitions)
    accounted = every_order_is_accounted_for(partitions)
    matching = no_mismatches(partitions)

    @dg.multi_asset(
        name=DELIVERY_STEP,
        specs=[enriched_upload_spec(), upload_verification_spec()],
        check_specs=[accepted, accounted, matching],
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        can_subset=True,
    )
    def upload_and_verification(
        context: dg.AssetExecutionContext,
        config: UploadConfig,
        warehouse: WarehouseResource,
        enrich_api: EnrichApiResource,
    ) -> Iterator[Event]:
        upload = ENRICHED_UPLOAD.key in context.selected_asset_keys
        # A dry run stops where sending would begin: there is nothing new to verify, and no day is done by it.
        verify = UPLOAD_VERIFICATION.key in context.selected_asset_keys and not config.dry_run
        days = selected_days(context, warehouse.store_timezone)
        checks = DayChecks(context)
        failed: dict[str, str] = {}
        lost = False
        begun = 0
        with (
            again_when_the_warehouse_is_lost(context),
            warehouse.run_context(context.run.run_id) as run,
            enrich_api.client(warn=context.log.warning) as client,
        ):
            options = enrich_api.upload_options(
                full=config.full,
                allow_outside_window=config.allow_outside_window,
                dry_run=config.dry_run,
                override_guards=config.override_guards,
            )
            for delivered in deliver_days(
                run, client, days, options, upload=upload, verify=verify, on_progress=context.log.info
            ):
                begun += 1
                day = delivered.day.key
                if delivered.upload is not None and delivered.upload.is_held:
                    failed[day] = _held(delivered.upload)
                    yield checks.result(accepted, day, problem=f"Not uploaded: {failed[day]}")
                elif delivered.upload is not None and config.dry_run:
                    yield dg.AssetObservation(
                        ENRICHED_UPLOAD.key, partition=day, metadata=upload_metadata(delivered.upload)
                    )
                elif delivered.upload is not None:
                    yield _materialized(ENRICHED_UPLOAD.key, day, upload_metadata(delivered.upload))
                    yield checks.result(
                        accepted, day, problem=refusals(delivered.upload), severity=dg.AssetCheckSeverity.WARN
                    )
                if delivered.verification is not None:
                    receipt = delivered.verification.receipt
                    if receipt.unsettled:
                        failed.setdefault(day, "; ".join(receipt.unsettled))
                    else:
                        page = enrich_api.page_of(delivered.day)
                        seen = verification_metadata(delivered.verification, vendor_page=page)
                        yield _materialized(UPLOAD_VERIFICATION.key, day, seen)
                    yield checks.result(accounted, day, problem=unaccounted(receipt))
                    yield checks.result(matching, day, problem=mismatches(receipt))
                if delivered.error is not None:
                    lost = lost or isinstance(delivered.error, WarehouseLostError)
                    failed[day] = _reason(delivered.error)
                    context.log.error("%s: %s", day, failed[day], exc_info=_unforeseen(delivered))
                    if upload and delivered.upload is None:
                        yield checks.result(accepted, day, problem=f"Not uploaded: {failed[day]}")
                    if verify:
                        yield checks.result(accounted, day, problem=f"No receipt was written: {failed[day]}")
        if failed:
            failure = _failure(failed, days, not_begun=days[begun:])
            if lost:
                try_again(context, failure)
            raise failure
        yield from check_outputs(context, [accepted, accounted, matching])

    return upload_and_verification


def _materialized(key: dg.AssetKey, day_key: str, metadata: Metadata) -> dg.AssetMaterialization:
    return dg.AssetMaterialization(key, partition=day_key, metadata=metadata)


def _held(upload: UploadSummary) -> str:
    """Which guards hold a day, and what to do about it."""
    said = upload.review.sentence if upload.review else ""
    return f"held by {said}. Or, where it is right, set override_guards to the reason why"


def _reason(error: Exception) -> str:
    """Why a day was not done. Only our own messages are known to carry no payload and no key."""
    if isinstance(error, EnrichError):
        return str(error)
    return f"an unforeseen {type(error).__name__}. The run's log has its traceback; please report it."


def _unforeseen(delivered: DeliveredDay) -> Exception | None:
    return None if isinstance(delivered.error, EnrichError) else delivered.error


def _failure(failed: dict[str, str], days: Sequence[StoreDay], *, not_begun: Sequence[StoreDay]) -> dg.Failure:
    """What the run's page says: what happened, what is safe, and what to press."""
    done = len(days) - len(failed) - len(not_begun)
    first_day, first_reason = next(iter(failed.items()))
    said = f"{first_day}: {first_reason}"
    if len(failed) > 1:
        said += f" And {len(failed) - 1} more: {', '.join(list(failed)[1:])}."
    if not_begun:
        said += f" {len(not_begun)} days after it were not begun: they would have met the same."
    if done:
        said += f" The other {done} days of this run are done and recorded: nothing of them needs to be repeated."
    said += (
        " What was sent stands in enrich.upload_ledger, and sending it again is safe. To mend: remove the cause, then "
        "materialize all five assets of the failed partitions again, or use `enrich run`."
    )
    return dg.Failure(said, metadata={"enrich/failed_days": failed_days_table(failed)}, allow_retries=False)
