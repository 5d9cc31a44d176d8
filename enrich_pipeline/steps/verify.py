"""Step 4: read the day back, compare it in the warehouse, name what differs, and write the receipt."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from enrich_pipeline.domain.days import StoreDay
from enrich_pipeline.domain.errors import DayError
from enrich_pipeline.domain.receipts import Receipt
from enrich_pipeline.enrich_client import EnrichClient
from enrich_pipeline.steps.context import RunContext
from enrich_pipeline.steps.diagnose import diagnose_findings
from enrich_pipeline.steps.read_back import ReadBack, read_back_day
from enrich_pipeline.warehouse.computed_days import computed_sales_basis, require_computed
from enrich_pipeline.warehouse.locks import vendor_lock
from enrich_pipeline.warehouse.order_states import decide_states, state_totals
from enrich_pipeline.warehouse.read_backs import (
    Mismatch,
    first_mismatches,
    record_mismatches,
)
from enrich_pipeline.warehouse.receipts import fingerprints, state_lines, total_lines, write_receipt
from enrich_pipeline.warehouse.source_totals import recorded_totals
from enrich_pipeline.warehouse.upload_ledger import holds_of_day, overrides_of_run, requests_of_run

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What a verification found: the receipt it wrote, the first findings, and what the reading took."""

    receipt: Receipt
    first_mismatches: tuple[Mismatch, ...]
    read_back: ReadBack


def verify_day(run: RunContext, client: EnrichClient, day: StoreDay) -> Verification:
    """Prove what became of every order of the day. May be repeated; each run keeps its last receipt.

    Args:
        run: its business clock says whether the day is still open (`partial`).
        client: reads, never writes.
        day: a day whose source was checked and whose marts were computed.

    Raises:
        DayError: when the day was not checked or computed.
        EnrichApiError: when the vendor cannot be read; no receipt is written.
    """
    with vendor_lock(run.engine, f"run {run.run_id}, verifying {day.key}"):
        with run.engine.begin() as connection:
            require_computed(connection, day.day)
            source = recorded_totals(connection, day.day)
        if source is None:
            raise DayError(f"{day.key}: the source's totals were never recorded. Materialise raw_orders first.")
        read_back = read_back_day(run, client, day)
        # One snapshot for findings, states and sums: they must speak of the same moment.
        with (
            run.engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection,
            connection.begin(),
        ):
            decide_states(connection, day.day)
            findings = record_mismatches(connection, day.day, read_back_id=read_back.read_back_id, run_id=run.run_id)
            prints = fingerprints(connection, day.day, read_back_id=read_back.read_back_id)
            requests, retries = requests_of_run(connection, day.day, run.run_id)
            receipt = Receipt(
                order_day=day.day,
                run_id=run.run_id,
                partial=day.is_open(run.business_now),
                sales_basis=computed_sales_basis(connection, day.day) or run.sales_basis,
                source=total_lines(source),
                states=state_lines(state_totals(connection)),
                findings=findings,
                applied=prints.applied,
                computed_hash=prints.computed,
                held_hash=prints.held,
                verified_sums_agree=prints.verified_sums_agree,
                overrides=overrides_of_run(connection, day.day, run.run_id),
                holds=holds_of_day(connection, day.day),
                upload_requests=requests,
                upload_retries=retries,
                read_requests=read_back.summary.requests,
            )
            write_receipt(connection, receipt)
        if findings:
            sendable = receipt.orders - receipt.orders_in("excluded")
            _diagnose(run, client, day, sendable=sendable)
    with run.engine.connect() as connection:
        shown = tuple(first_mismatches(connection, day.day, limit=20))
    _logger.info(
        "%s: %d of %d orders verified",
        day.key,
        receipt.orders_in("verified"),
        receipt.orders,
        extra={"stage": "verified", "day": day.key},
    )
    return Verification(receipt=receipt, first_mismatches=shown, read_back=read_back)


def _diagnose(run: RunContext, client: EnrichClient, day: StoreDay, *, sendable: int) -> None:
    """Name the likely causes. The receipt is written: what fails here costs a hint, and not the day."""
    try:
        diagnose_findings(run, client, day, sendable=sendable)
    except Exception as error:
        _logger.warning("%s: no causes were looked for (%s)", day.key, type(error).__name__)
