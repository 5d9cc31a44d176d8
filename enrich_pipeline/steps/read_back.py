"""Reads back what the vendor holds of a day and stores it as it was answered: the proof that all else rests on."""

from __future__ import annotations

import logging
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass

from enrich_pipeline.domain.days import StoreDay
from enrich_pipeline.domain.windows import Window, plan_windows
from enrich_pipeline.enrich_client import EnrichClient, HeldOrder, ReadSummary, read_day
from enrich_pipeline.steps.context import RunContext
from enrich_pipeline.warehouse.read_backs import (
    HeldRow,
    begin_read_back,
    complete_read_back,
    expected_timestamps,
    store_held_rows,
)

_logger = logging.getLogger(__name__)

# Requests of a reading in flight, where the vendor bears it: answers are decoded while others are under way.
_IN_FLIGHT = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadBack:
    """A complete reading of a day: its id in the warehouse, and what it took."""

    read_back_id: int
    rows: int
    summary: ReadSummary


def read_back_day(run: RunContext, client: EnrichClient, day: StoreDay) -> ReadBack:
    """Read the day from the vendor into the warehouse; it counts once it is complete. May be repeated.

    The caller holds the vendor's lock, so that no request of another run comes between.

    Raises:
        EnrichApiError: when the vendor cannot be read; the last complete reading goes on counting.
    """
    with run.engine.begin() as connection:
        read_back_id = begin_read_back(connection, day.day, run_id=run.run_id)
    rows = 0
    with closing(_windows(run, day)) as windows:
        reading = read_day(client, windows, concurrency=_IN_FLIGHT)
        with closing(iter(reading)) as answers:
            for held in answers:
                with run.engine.begin() as connection:
                    rows += store_held_rows(connection, read_back_id, map(_held_row, held))
    with run.engine.begin() as connection:
        complete_read_back(
            connection,
            read_back_id,
            requests=reading.summary.requests,
            unverifiable=[found.instant for found in reading.summary.unverifiable],
        )
    _logger.info("%s: read back %d rows in %d requests", day.key, rows, reading.summary.requests)
    return ReadBack(read_back_id=read_back_id, rows=rows, summary=reading.summary)


def _windows(run: RunContext, day: StoreDay) -> Generator[Window]:
    with run.engine.connect() as connection:
        yield from plan_windows(
            expected_timestamps(connection, day.day), start=day.start, end=day.end, profile=run.profile
        )


def _held_row(held: HeldOrder) -> HeldRow:
    return HeldRow(
        order_id=held.order_id,
        order_timestamp=held.order_timestamp,
        sales_amount=held.sales_amount,
        profit_amount=held.profit_amount,
        currency=held.currency,
        status=held.status,
    )
