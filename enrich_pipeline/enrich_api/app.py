"""The service as an ASGI application: routes, what holds them together, and how errors become answers."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Iterator, Sequence
from typing import LiteralString, cast

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from enrich_pipeline.enrich_api.config import ApiConfig
from enrich_pipeline.enrich_api.database import Connection, Database
from enrich_pipeline.enrich_api.errors import DatabaseUnavailableError
from enrich_pipeline.enrich_api.keys import KeyRing
from enrich_pipeline.enrich_api.list_rows import list_rows, listing_statement
from enrich_pipeline.enrich_api.posted_rows import PostedRows, RowError, read_rows
from enrich_pipeline.enrich_api.problems import Problem, unavailable
from enrich_pipeline.enrich_api.rate_limit import RateLimiter
from enrich_pipeline.enrich_api.refresh import refresh_daily
from enrich_pipeline.enrich_api.request_log import RequestLog
from enrich_pipeline.enrich_api.request_records import RecordRequests, RequestRecord, record_of
from enrich_pipeline.enrich_api.requests import authenticate, check_rate, contract_query, read_body, read_window
from enrich_pipeline.enrich_api.retention import forget_until_cancelled
from enrich_pipeline.enrich_api.store_rows import store_rows

_log = logging.getLogger(__name__)

_JSON = "application/json"


class _Service:
    """The endpoints, and what they share while the service runs."""

    def __init__(self, config: ApiConfig) -> None:
        self.config = config
        self.profile = config.profile
        self.database = Database(config)
        self.keys = KeyRing(self.database)
        self.log = RequestLog(self.database)
        self.limiter = RateLimiter(config.profile.requests_per_minute)
        self.listing: LiteralString = listing_statement(config.profile)

    @contextlib.asynccontextmanager
    async def lifespan(self, _app: Starlette) -> AsyncGenerator[None]:
        """Hold the database's connections and the background work for as long as the server runs."""
        await self.database.open()
        background = [
            asyncio.create_task(refresh_daily(self.database, self.config)),
            asyncio.create_task(forget_until_cancelled(self.database, self.config)),
            asyncio.create_task(self.log.write_until_cancelled()),
        ]
        try:
            yield
        finally:
            for task in background:
                task.cancel()
            await asyncio.gather(*background, return_exceptions=True)
            await self.log.flush()
            await self.database.close()

    async def orders(self, request: Request) -> Response:
        """The contract's one path."""
        return await (self.post_orders(request) if request.method == "POST" else self.get_orders(request))

    async def post_orders(self, request: Request) -> Response:
        """Enrich orders. Answered once what was accepted is committed."""
        record = record_of(request)
        record.key = key = await authenticate(request, self.keys)
        check_rate(key, self.limiter)
        record.body = body = await read_body(request, largest=self.profile.largest_body_bytes)
        record.request_bytes = len(body)
        rows = read_rows(body, largest_batch=self.profile.largest_batch)
        unknown = await store_rows(self.database, key, rows.good, precision=self.profile.precision)
        errors = sorted([*rows.errors, *_unknown_orders(rows, unknown)])
        record.rows, record.accepted, record.errors = rows.received, rows.received - len(errors), errors
        record.answer = b"{}" if self.profile.post_answer == "empty" else _report(record)
        return Response(record.answer, media_type=_JSON)

    async def get_orders(self, request: Request) -> Response:
        """List enriched orders by their posted timestamp."""
        record = record_of(request)
        record.key = key = await authenticate(request, self.keys)
        record.query = contract_query(request.query_params)
        check_rate(key, self.limiter)
        window = read_window(request.query_params, self.profile)
        listing = await list_rows(self.database, key, window, statement=self.listing)
        record.rows = listing.rows
        return Response(listing.body, media_type=_JSON)

    async def healthz(self, _request: Request) -> Response:
        """Alive: the process answers."""
        return Response(b'{"status":"ok"}', media_type=_JSON)

    async def readyz(self, _request: Request) -> Response:
        """Ready: the database answers too."""

        async def ping(connection: Connection) -> None:
            await connection.execute("SELECT 1")

        await self.database.run(ping)
        return Response(b'{"status":"ready"}', media_type=_JSON)


def create_app(config: ApiConfig) -> RecordRequests:
    """The service, for any ASGI server. It connects when the server starts it; the schema must be there by then."""
    service = _Service(config)
    app = Starlette(
        routes=[
            Route("/enrich/orders", service.orders, methods=["GET", "POST"]),
            Route("/healthz", service.healthz),
            Route("/readyz", service.readyz),
        ],
        lifespan=service.lifespan,
        exception_handlers={
            Problem: _answer_problem,
            DatabaseUnavailableError: _answer_unavailable,
            HTTPException: _answer_http_exception,
            ClientDisconnect: _answer_disconnect,
            Exception: _answer_unexpected,
        },
    )
    return RecordRequests(app, service.log.append)


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


def _refuse(request: Request, problem: Problem) -> Response:
    record = record_of(request)
    response = problem.response(record.request_id)
    record.problem, record.answer = problem.code, bytes(response.body)
    return response


async def _answer_problem(request: Request, error: Exception) -> Response:
    return _refuse(request, cast("Problem", error))


async def _answer_unavailable(request: Request, _error: Exception) -> Response:
    return _refuse(request, unavailable())


async def _answer_http_exception(request: Request, error: Exception) -> Response:
    refused = cast("HTTPException", error)
    code = {404: "not_found", 405: "method_not_allowed"}.get(refused.status_code, "refused")
    return _refuse(request, Problem(refused.status_code, code, refused.detail, headers=refused.headers))


async def _answer_disconnect(_request: Request, _error: Exception) -> Response:
    return Response(status_code=400)  # nobody is there to read it


async def _answer_unexpected(request: Request, _error: Exception) -> Response:
    detail = "The service failed. The request may or may not have been stored; sending it again does no harm."
    return _refuse(request, Problem(500, "internal_error", detail))
