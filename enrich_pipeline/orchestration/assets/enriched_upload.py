"""`enriched_upload`: the day's profit, sent to the Enrich Order API in batches."""

from __future__ import annotations

import dagster as dg
from pydantic import Field

from enrich_pipeline.orchestration.checks import day_check_spec
from enrich_pipeline.orchestration.flow import ENRICHED_UPLOAD, ORDER_PROFIT
from enrich_pipeline.orchestration.metadata import spec_of
from enrich_pipeline.steps.upload_progress import UploadSummary

_DESCRIPTION = """
Sends every order of the day that is new, changed, mismatched or unanswered, as batches of JSON, and keeps a ledger:
the intent before each request, the outcome after it. What the API answers is a hint; `upload_verification` proves it.
Running a day again is always safe: the API overwrites by order id.

Guards hold a day that looks wrong (no costs, most orders excluded, profits that would halve): nothing of it is sent.

In a range, a day that cannot be sent turns red and says why, and the other days go on.
"""


class UploadConfig(dg.Config):
    """How the days are uploaded; the defaults are right for every normal run."""

    full: bool = Field(default=False, description="Send every order of the day again, also what is verified.")
    dry_run: bool = Field(
        default=False, description="Only look at what would change (in the metadata), and send nothing."
    )
    allow_outside_window: bool = Field(
        default=False,
        description=(
            "Send days older than four weeks too. The vendor does not apply them by itself: agree it with them first."
        ),
    )
    override_guards: str = Field(
        default="",
        description=(
            "Send days that guards hold, for this reason, which the receipt records. Empty: guards hold. Look at "
            "`enrich diff DAY` first."
        ),
    )


def enriched_upload_spec() -> dg.AssetSpec:
    """What Dagster shows of the asset."""
    return spec_of(ENRICHED_UPLOAD, _DESCRIPTION, deps=[ORDER_PROFIT.key], skippable=True)


def orders_are_accepted(partitions: dg.PartitionsDefinition) -> dg.AssetCheckSpec:
    """The check of what the API answered."""
    return day_check_spec(
        "orders_are_accepted",
        ENRICHED_UPLOAD,
        partitions,
        description="The day was sent to its end, and the API refused none of its orders in this run.",
    )


def refusals(upload: UploadSummary) -> str | None:
    """What the API refused of a day, and what to do about it; None when nothing."""
    if not upload.rejected:
        return None
    codes = ", ".join(f"{count} x {code}" for code, count in upload.rejected.most_common())
    return (
        f"The API refused {upload.rejected.total()} orders: {codes}. unknown_order: the vendor has not imported the "
        "order yet, it is sent again each run. Any other code: enrich.upload_ledger names the orders; mend them at "
        "the source and run the day again."
    )
