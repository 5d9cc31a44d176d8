"""The service as an ASGI application: routes, what holds them together, and how errors become answers."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import cast

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from enrich_pipeline.enrich_api.config import ApiConfig
from enrich_pipeline.enrich_api.dashboard.pages import Dashboard
from enrich_pipeline.enrich_api.database import Connection, Database
from enrich_pipeline.enrich_api.errors import DatabaseUnavailableError
from enrich_pipeline.enrich_api.faults.admin import FaultsEndpoint
from enrich_pipeline.enrich_api.hosts import Hosts, OnlyOwnHosts
from enrich_pipeline.enrich_api.key_ring import KeyRing
from enrich_pipeline.enrich_api.metrics import Metrics
from enrich_pipeline.enrich_api.openapi import openapi_document
from enrich_pipeline.enrich_api.orders_endpoint import OrdersEndpoint
from enrich_pipeline.enrich_api.problems import Problem, unavailable
from enrich_pipeline.enrich_api.rate_limit import RateLimiter
from enrich_pipeline.enrich_api.refresh import refresh_daily, withhold_refreshes
from enrich_pipeline.enrich_api.request_log import RequestLog
from enrich_pipeline.enrich_api.request_records import RecordRequests, RequestRecord, record_of
from enrich_pipeline.enrich_api.retention import forget_until_cancelled

_JSON = "application/json"


class _Service:
    """What the endpoints share while the service runs."""

    def __init__(self, config: ApiConfig, folder: Path) -> None:
        self.config = config
        self.database = Database(config)
        self.hosts = Hosts(config.allowed_hosts)
        self.keys = KeyRing(self.database)
        self.log = RequestLog(self.database)
        self._document = msgspec.json.encode(openapi_document(config.profile))
        self.metrics = Metrics(folder)
        limiter = RateLimiter(config.profile.requests_per_minute, folder)
        self.orders = OrdersEndpoint(config, self.database, self.keys, limiter)

    def routes(self) -> list[Route]:
        """Every path that is served."""
        routes = [
            Route("/enrich/orders", self.orders.serve, methods=["GET", "POST"]),
            Route("/healthz", self._healthz),
            Route("/readyz", self._readyz),
            Route("/openapi.json", self._openapi),
            Route("/metrics", self.metrics.serve),
        ]
        routes += Dashboard(self.config, self.database, self.hosts, self.orders.fault_report).routes()
        if self.config.fault_control:
            faults = FaultsEndpoint(self.orders, self.database, self.keys)
            routes.append(Route("/admin/faults", faults.serve, methods=["GET", "PUT", "DELETE"]))
        return routes

    @contextlib.asynccontextmanager
    async def lifespan(self, _app: Starlette) -> AsyncGenerator[None]:
        """Hold the database's connections and the background work for as long as the server runs."""
        await self.database.open()
        await withhold_refreshes(self.database, self.orders.faults.withheld_refreshes())
        background = [
            asyncio.create_task(refresh_daily(self.database, self.config)),
            asyncio.create_task(forget_until_cancelled(self.database, self.config)),
        ]
        writing = asyncio.create_task(self.log.write_until_closed())
        try:
            yield
        finally:
            for task in background:
                task.cancel()
            self.log.close()
            await asyncio.gather(*background, writing, return_exceptions=True)
            await self.database.close()

    def finished(self, record: RequestRecord) -> None:
        """Count and log an answered request."""
        self.metrics.observe(record)
        self.log.append(record)

    async def _healthz(self, _request: Request) -> Response:
        """Alive: the process answers."""
        return Response(b'{"status":"ok"}', media_type=_JSON)

    async def _readyz(self, _request: Request) -> Response:
        """Ready: the database answers too."""

        async def ping(connection: Connection) -> None:
            await connection.execute("SELECT 1")

        await self.database.run(ping)
        return Response(b'{"status":"ready"}', media_type=_JSON)

    async def _openapi(self, _request: Request) -> Response:
        """What is served."""
        return Response(self._document, media_type=_JSON)


def create_app(config: ApiConfig, folder: Path) -> RecordRequests:
    """The service, for any ASGI server. It connects when the server starts it; the schema must be there by then.

    `folder` is where the workers of one service share their counts; empty when the first of them starts.
    """
    service = _Service(config, folder)
    app = Starlette(
        routes=service.routes(),
        lifespan=service.lifespan,
        exception_handlers={
            Problem: _answer_problem,
            DatabaseUnavailableError: _answer_unavailable,
            HTTPException: _answer_http_exception,
            ClientDisconnect: _answer_disconnect,
            Exception: _answer_unexpected,
        },
    )
    app.router.redirect_slashes = False  # a key and a body should not be sent twice because of a slash
    return RecordRequests(OnlyOwnHosts(app, service.hosts), service.finished)


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
