"""`upload_verification`: the day, read back from the vendor, compared, and signed off by a receipt."""

from __future__ import annotations

import dagster as dg

from enrich_pipeline.domain.receipts import Receipt
from enrich_pipeline.orchestration.checks import day_check_spec
from enrich_pipeline.orchestration.flow import ENRICHED_UPLOAD, UPLOAD_VERIFICATION
from enrich_pipeline.orchestration.metadata import spec_of

_DESCRIPTION = """
Reads back what the vendor holds of the day, compares every field in the warehouse, and writes the **receipt**: every
order of the source in exactly one state, adding up to the source's count and sums to the cent.

Reading is always safe: materialise this asset alone to look at a day again without sending anything.
"""


def upload_verification_spec() -> dg.AssetSpec:
    """What Dagster shows of the asset."""
    return spec_of(UPLOAD_VERIFICATION, _DESCRIPTION, deps=[ENRICHED_UPLOAD.key], skippable=True)


def every_order_is_accounted_for(partitions: dg.PartitionsDefinition) -> dg.AssetCheckSpec:
    """The check that nothing is lost between the source and the receipt."""
    return day_check_spec(
        "every_order_is_accounted_for",
        UPLOAD_VERIFICATION,
        partitions,
        description=(
            "Orders and control totals over the states equal the source's exactly, and what was read back of verified "
            "orders sums to order_profit's to the cent."
        ),
    )


def no_mismatches(partitions: dg.PartitionsDefinition) -> dg.AssetCheckSpec:
    """The check that what the vendor holds is what the warehouse computes."""
    return day_check_spec(
        "no_mismatches",
        UPLOAD_VERIFICATION,
        partitions,
        description="Nothing that was read back differs from what the warehouse computes.",
    )


def unaccounted(receipt: Receipt) -> str | None:
    """Where a receipt does not add up, and what to do about it; None when it does."""
    if receipt.is_accounted_for:
        return None
    return (
        f"The states do not add up to the source: {'; '.join(receipt.differences)}. Orders may have changed while the "
        "run computed them: materialise the day again, from raw_orders on."
    )


def mismatches(receipt: Receipt) -> str | None:
    """How much differs, and what to do about it; None when nothing does."""
    if not receipt.findings:
        return None
    return (
        f"{receipt.findings} findings; enrich.mismatches holds each with its likely cause, the partition's metadata "
        "the first of them. Materialising the day again sends what differs once more."
    )
