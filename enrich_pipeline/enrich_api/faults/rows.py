"""Faults of the data: rows that are not stored, stored wrong, not listed, or listed twice."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import msgspec

from enrich_pipeline.enrich_api.faults.plan import Struck, chooses
from enrich_pipeline.enrich_api.faults.specs import Fault
from enrich_pipeline.enrich_api.list_rows import Listing
from enrich_pipeline.enrich_api.posted_rows import PostedOrder

_ZERO = msgspec.Raw(b"0")


class _Named(msgspec.Struct):
    order_id: str


class _Rows(msgspec.Struct):
    orders: list[msgspec.Raw]


def rows_to_store(struck: Struck, rows: Sequence[PostedOrder]) -> Sequence[PostedOrder]:
    """What is stored in place of `rows`."""
    if struck.first("stores-nothing"):
        return ()
    if struck.first("stores-half"):
        rows = rows[::2]
    if fault := struck.first("zeroed"):
        rows = [_zeroed(row) if chooses(fault, row.order_id) else row for row in rows]
    if fault := struck.first("shifted"):
        rows = [_shifted(fault, row) if chooses(fault, row.order_id) else row for row in rows]
    return rows


def listed_ids(listing: Listing) -> list[str]:
    """The orders of a GET's answer."""
    return [_id_of(row) for row in msgspec.json.decode(listing.body, type=_Rows).orders]


def rows_to_list(struck: Struck, listing: Listing) -> Listing:
    """What is listed in place of `listing`."""
    truncated, duplicates = struck.first("truncated"), struck.first("duplicates")
    if not truncated and not duplicates:
        return listing
    rows = msgspec.json.decode(listing.body, type=_Rows).orders
    if truncated and truncated.order_id:
        rows = [row for row in rows if _id_of(row) != truncated.order_id]
    elif truncated:
        rows = rows[: (len(rows) + 1) // 2]
    if duplicates:
        rows = [copy for row in rows for copy in [row] * (2 if chooses(duplicates, _id_of(row)) else 1)]
    return Listing(len(rows), msgspec.json.encode(_Rows(rows)))


def _id_of(row: msgspec.Raw) -> str:
    return msgspec.json.decode(row, type=_Named).order_id


def _zeroed(row: PostedOrder) -> PostedOrder:
    return msgspec.structs.replace(row, sales_amount=_ZERO, profit_amount=_ZERO)


def _shifted(fault: Fault, row: PostedOrder) -> PostedOrder:
    return msgspec.structs.replace(row, order_timestamp=_shift(fault, row.order_timestamp))


def _shift(fault: Fault, moment: datetime) -> datetime:
    by = fault.shift_zone()
    if isinstance(by, ZoneInfo):
        return moment.astimezone(UTC).replace(tzinfo=by).astimezone(UTC)
    return moment + by
