"""`upload_verification`: the day, read back from the vendor, compared, and signed off by a receipt."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from enrich_pipeline.orchestration.flow import ENRICHED_UPLOAD, UPLOAD_VERIFICATION
from enrich_pipeline.orchestration.metadata import spec_of, verification_metadata
from enrich_pipeline.orchestration.partitions import selected_days
from enrich_pipeline.orchestration.resources import EnrichApiResource, WarehouseResource
from enrich_pipeline.steps.verify import Verification, verify_day

_DESCRIPTION = """
Reads back what the vendor holds of the day, compares every field in the warehouse, and writes the **receipt**: every
order of the source in exactly one state, adding up to the source's count and sums to the cent.
"""

ACCOUNTED_FOR = dg.AssetCheckSpec(
    "every_order_is_accounted_for",
    asset=UPLOAD_VERIFICATION.key,
    description=(
        "Orders and control totals over the states equal the source's exactly, and what was read back of verified "
        "orders sums to order_profit's to the cent."
    ),
)
NO_MISMATCHES = dg.AssetCheckSpec(
    "no_mismatches",
    asset=UPLOAD_VERIFICATION.key,
    description="Nothing that was read back differs from what the warehouse computes.",
)


def upload_verification_asset(partitions: dg.DailyPartitionsDefinition) -> dg.AssetsDefinition:
    """Build the asset for the store's days."""

    @dg.multi_asset(
        name="upload_verification",
        specs=[spec_of(UPLOAD_VERIFICATION, _DESCRIPTION, deps=[ENRICHED_UPLOAD.key])],
        check_specs=[ACCOUNTED_FOR, NO_MISMATCHES],
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def upload_verification(
        context: dg.AssetExecutionContext, warehouse: WarehouseResource, enrich_api: EnrichApiResource
    ) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
        verifications: list[Verification] = []
        with (
            warehouse.run_context(context.run_id) as run,
            enrich_api.client(warn=context.log.warning) as client,
        ):
            for day in selected_days(context, warehouse.store_timezone):
                verification = verify_day(run, client, day)
                receipt = verification.receipt
                context.log.info("%s: %d of %d orders verified", day.key, receipt.orders_in("verified"), receipt.orders)
                context.add_asset_metadata(verification_metadata(verification), partition_key=day.key)
                verifications.append(verification)
        yield dg.MaterializeResult(asset_key=UPLOAD_VERIFICATION.key)
        yield _accounted_for(verifications)
        yield _no_mismatches(verifications)

    return upload_verification


def _accounted_for(verifications: list[Verification]) -> dg.AssetCheckResult:
    differences = {
        verification.receipt.order_day.isoformat(): list(verification.receipt.differences)
        for verification in verifications
        if not verification.receipt.is_accounted_for
    }
    return dg.AssetCheckResult(
        asset_key=UPLOAD_VERIFICATION.key,
        check_name=ACCOUNTED_FOR.name,
        passed=not differences,
        description=(
            f"The states of {', '.join(differences)} do not add up to the source. Orders may have changed while the "
            "run computed them: run the day again, from raw_orders on."
            if differences
            else None
        ),
        metadata={"enrich/differences": differences},
    )


def _no_mismatches(verifications: list[Verification]) -> dg.AssetCheckResult:
    findings = {
        verification.receipt.order_day.isoformat(): verification.receipt.findings
        for verification in verifications
        if verification.receipt.findings
    }
    return dg.AssetCheckResult(
        asset_key=UPLOAD_VERIFICATION.key,
        check_name=NO_MISMATCHES.name,
        passed=not findings,
        description=(
            f"{sum(findings.values())} findings on {', '.join(findings)}; enrich.mismatches holds each with its "
            "likely cause. Running the day again sends what differs once more."
            if findings
            else None
        ),
        metadata={"enrich/findings_by_day": findings},
    )
