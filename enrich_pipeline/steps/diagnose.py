"""Names the likely cause of what a verification found; decides nothing, and may fail without harm.

Most causes show in an order's two sides. An order that is missing may have been shifted out of its day: then the
vendor is asked for the hours before and after it.
"""

from __future__ import annotations

import logging
from collections.abc import Generator
from contextlib import closing
from datetime import timedelta

from enrich_pipeline.domain.days import StoreDay
from enrich_pipeline.domain.diagnosis import Side, diagnose, suspect_other_store
from enrich_pipeline.domain.windows import plan_windows
from enrich_pipeline.enrich_client import EnrichApiError, EnrichClient, HeldOrder, read_day
from enrich_pipeline.steps.context import RunContext
from enrich_pipeline.warehouse.suspects import (
    Payload,
    Suspect,
    count_missing,
    earlier_payloads,
    mismatched_orders,
    record_diagnoses,
    record_missing_hint,
    strayed_orders,
)

_logger = logging.getLogger(__name__)

# A person reads the first causes; a thousand orders shifted by one zone all say the same.
_DIAGNOSED_ORDERS = 1000

# No two zones are further apart, and no confusion of them shifts further.
_FURTHEST_SHIFT = timedelta(hours=26)

# Of each side of the day. What lies further away than so many answers hold is not looked for.
_NEIGHBOUR_REQUESTS = 20


def diagnose_findings(run: RunContext, client: EnrichClient, day: StoreDay, *, sendable: int) -> None:
    """Write the likely cause beside the day's first findings. May be repeated; the caller holds the vendor's lock.

    Args:
        run: the run that verified the day.
        client: asked for the neighbouring hours when an order is missing.
        day: whose findings were recorded.
        sendable: orders of the day that the vendor should hold.
    """
    with run.engine.begin() as connection:
        suspects = mismatched_orders(connection, day.day, limit=_DIAGNOSED_ORDERS)
        earlier = earlier_payloads(connection, day.day, [suspect.order_id for suspect in suspects])
        strayed = strayed_orders(connection, day.day, limit=_DIAGNOSED_ORDERS)
    elsewhere = _find_elsewhere(client, day, {suspect.order_id for suspect in suspects if suspect.held is None})
    causes: dict[str, str] = {}
    for suspect in suspects:
        held = suspect.held or elsewhere.get(suspect.order_id)
        if held and (cause := _cause(run, suspect, held, earlier.get(suspect.order_id, []))):
            causes[suspect.order_id] = cause if suspect.held else f"The vendor holds it outside its day. {cause}"
    for suspect, home in strayed:
        if suspect.held and (cause := _cause(run, suspect, suspect.held, [])):
            causes[suspect.order_id] = f"It is an order of {home}. {cause}"
    with run.engine.begin() as connection:
        record_diagnoses(connection, day.day, causes)
        if hint := suspect_other_store(sendable, count_missing(connection, day.day)):
            record_missing_hint(connection, day.day, hint.sentence)


def _cause(run: RunContext, suspect: Suspect, held: Payload, earlier: list[Payload]) -> str | None:
    sides = [Side(*payload) for payload in earlier if payload != suspect.computed]
    return diagnose(Side(*suspect.computed), Side(*held), zone=run.store.zone, earlier=sides)


def _find_elsewhere(client: EnrichClient, day: StoreDay, missing: set[str]) -> dict[str, Payload]:
    """Where the vendor holds orders that are missing from their day, in the hours before and after it."""
    found: dict[str, Payload] = {}
    if not missing:
        return found
    try:
        with closing(_neighbours(client, day)) as neighbours:
            for held in neighbours:
                if held.order_id in missing:
                    found[held.order_id] = Payload(
                        held.order_timestamp, held.sales_amount, held.profit_amount, held.currency
                    )
                if len(found) == len(missing):
                    break
    except EnrichApiError as error:
        _logger.warning("%s: the neighbouring hours could not be read: %s", day.key, error)
    return found


def _neighbours(client: EnrichClient, day: StoreDay) -> Generator[HeldOrder]:
    """What the vendor holds around the day, the side behind it first: stores west of Greenwich shift that way."""
    for start, end in ((day.end, day.end + _FURTHEST_SHIFT), (day.start - _FURTHEST_SHIFT, day.start)):
        reading = read_day(client, plan_windows((), start=start, end=end, profile=client.profile))
        with closing(iter(reading)) as answers:
            for rows in answers:
                yield from rows
                if reading.summary.requests >= _NEIGHBOUR_REQUESTS:
                    break
