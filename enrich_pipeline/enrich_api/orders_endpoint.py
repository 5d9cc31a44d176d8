"""POST and GET /enrich/orders: the contract's two calls, from the request to its answer."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import LiteralString

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from enrich_pipeline.enrich_api.bodies import read_body
from enrich_pipeline.enrich_api.columns import columns_of
from enrich_pipeline.enrich_api.config import ApiConfig
from enrich_pipeline.enrich_api.database import Database
from enrich_pipeline.enrich_api.faults import Fault
from enrich_pipeline.enrich_api.faults.answers import answer_instead, answer_spoilt
from enrich_pipeline.enrich_api.faults.plan import FaultPlan, Struck
from enrich_pipeline.enrich_api.faults.rows import listed_ids, rows_to_list, rows_to_store
from enrich_pipeline.enrich_api.key_ring import ApiKey, KeyRing
from enrich_pipeline.enrich_api.list_rows import list_rows, listing_statement
from enrich_pipeline.enrich_api.posted_rows import PostedRows, RowError, read_rows
from enrich_pipeline.enrich_api.rate_limit import RateLimiter
from enrich_pipeline.enrich_api.request_records import RequestRecord, record_of
from enrich_pipeline.enrich_api.requests import authenticate, check_rate, contract_query, read_window
from enrich_pipeline.enrich_api.store_rows import store_rows

_JSON = "application/json"


class OrdersEndpoint:
    """The contract's one path.

    Attributes:
        faults: what goes wrong on purpose; may be replaced while the service runs.
    """

    def __init__(self, config: ApiConfig, database: Database, keys: KeyRing, limiter: RateLimiter) -> None:
        self.faults = FaultPlan(config.faults)
        self._profile = config.profile
        self._request_seconds = config.request_seconds
        self._database = database
        self._keys = keys
        self._limiter = limiter
        self._listing: LiteralString = listing_statement(config.profile)

    def fault_report(self) -> Sequence[tuple[Fault, int]]:
        """Each fault in force, and how often it has struck."""
        return self.faults.report()

    async def serve(self, request: Request) -> Response:
        """Serve either method."""
        return await (self._post(request) if request.method == "POST" else self._get(request))

    async def _post(self, request: Request) -> Response:
        """Enrich orders. Answered once what was accepted is committed."""
        record = record_of(request)
        record.key = key = await authenticate(request, self._keys)
        check_rate(key, self._limiter)
        record.body = body = await self._body(request)
        record.request_bytes = len(body)
        rows = read_rows(body, largest_batch=self._profile.largest_batch)
        struck = self._strike(record, {row.order_id for row in rows.good} if self.faults.reads_rows else ())
        if instead := await answer_instead(struck):
            return instead
        unknown = await self._store(key, rows, struck)
        errors = sorted([*rows.errors, *_unknown_orders(rows, unknown)])
        record.rows, record.accepted, record.errors = rows.received, rows.received - len(errors), errors
        record.answer = b"{}" if self._profile.post_answer == "empty" else _report(record)
        return answer_spoilt(struck, Response(record.answer, media_type=_JSON))

    async def _body(self, request: Request) -> bytes:
        profile = self._profile
        return await read_body(
            request, largest=profile.largest_body_bytes, gzip=profile.gzip, seconds=self._request_seconds
        )

    async def _store(self, key: ApiKey, rows: PostedRows, struck: Struck) -> Sequence[int]:
        """Store the good rows; return the places of those whose order is unknown."""
        if not struck:
            return await store_rows(self._database, key, rows.columns, precision=self._profile.precision)
        stored = rows_to_store(struck, rows.good)
        unknown = await store_rows(self._database, key, columns_of(stored), precision=self._profile.precision)
        unknown_ids = {stored[place].order_id for place in unknown}
        return [place for place, row in enumerate(rows.good) if row.order_id in unknown_ids]

    async def _get(self, request: Request) -> Response:
        """List enriched orders by their posted timestamp."""
        record = record_of(request)
        record.key = key = await authenticate(request, self._keys)
        record.query = contract_query(request.query_params)
        check_rate(key, self._limiter)
        window = read_window(request.query_params, self._profile)
        listing = await list_rows(self._database, key, window, statement=self._listing)
        struck = self._strike(record, set(listed_ids(listing)) if self.faults.reads_rows else ())
        if instead := await answer_instead(struck):
            return instead
        listing = rows_to_list(struck, listing)
        record.rows = listing.rows
        return answer_spoilt(struck, Response(listing.body, media_type=_JSON))

    def _strike(self, record: RequestRecord, order_ids: Collection[str]) -> Struck:
        struck = self.faults.strike(record.method, order_ids)
        if struck:
            record.problem = f"fault_{struck.faults[0].kind}"
        return struck


def _unknown_orders(rows: PostedRows, unknown: Sequence[int]) -> Iterator[RowError]:
    message = "The store has no such order: only orders that its sales channels reported can be enriched."
    for place in unknown:
        yield RowError(rows.positions[place], rows.good[place].order_id, "unknown_order", message)


def _report(record: RequestRecord) -> bytes:
    return msgspec.json.encode(
        {
            "request_id": record.request_id,
            "received": record.rows,
            "accepted": record.accepted,
            "rejected": len(record.errors),
            "errors": record.errors,
        }
    )
