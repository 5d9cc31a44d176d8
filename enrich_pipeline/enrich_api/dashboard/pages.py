"""The dashboard's pages: what each reads, and which template shows it."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterable, Sequence
from contextlib import suppress
from datetime import timedelta
from importlib.resources import files
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from enrich_pipeline.enrich_api.config import ApiConfig, utc_now
from enrich_pipeline.enrich_api.dashboard import exports, failures, queries
from enrich_pipeline.enrich_api.dashboard.guard import Form, Guard, Page
from enrich_pipeline.enrich_api.dashboard.key_panel import OVERLAPS, KeyPanel
from enrich_pipeline.enrich_api.dashboard.paging import PAGE_ROWS, Filters, plain, read_filters
from enrich_pipeline.enrich_api.dashboard.queries import StoreRows
from enrich_pipeline.enrich_api.dashboard.rendering import FaultReport, Renderer
from enrich_pipeline.enrich_api.dashboard.sessions import PATH, Session, choose_store, take_key
from enrich_pipeline.enrich_api.dashboard.sign_in import SignIn
from enrich_pipeline.enrich_api.dashboard.trend_chart import build_chart
from enrich_pipeline.enrich_api.database import Database
from enrich_pipeline.enrich_api.hosts import Hosts
from enrich_pipeline.enrich_api.key_vault import open_vault
from enrich_pipeline.enrich_api.refresh import latest_due
from enrich_pipeline.enrich_api.stores import all_stores_online

_LONGEST_SHOWN = 200_000
_ASSETS = {"dashboard.css": "text/css", "dashboard.js": "text/javascript", "icon.svg": "image/svg+xml"}


class Dashboard:
    """The pages of every store; a session looks at one."""

    def __init__(self, config: ApiConfig, database: Database, hosts: Hosts, faults: FaultReport) -> None:
        self._config = config
        self._database = database
        self._renderer = Renderer(config, faults)
        self._sign_in = SignIn(database, self._renderer, config.dashboard_password)
        self._key_panel = KeyPanel(database, open_vault(config.key_secret_file))
        self._guard = Guard(hosts, database, self._refusal)

    def routes(self) -> list[Route]:
        """Every path of the dashboard."""
        guard = self._guard
        return [
            Route("/", guard.open(_lead_here)),
            Route(PATH, guard.signed_in(self._overview)),
            Route(f"{PATH}/sign-in", guard.open(self._sign_in.by_address)),
            Route(f"{PATH}/sign-in", guard.open(self._sign_in.by_password), methods=["POST"]),
            Route(f"{PATH}/store", guard.form(self._choose_store), methods=["POST"]),
            Route(f"{PATH}/key", guard.form(self._key_panel.generate), methods=["POST"]),
            Route(f"{PATH}/key/copy", guard.form(self._key_panel.copy), methods=["POST"]),
            Route(f"{PATH}/orders", guard.signed_in(self._orders)),
            Route(f"{PATH}/order", guard.signed_in(self._order)),
            Route(f"{PATH}/requests", guard.signed_in(self._requests)),
            Route(f"{PATH}/requests/{{request_id}}", guard.signed_in(self._request)),
            Route(f"{PATH}/requests-by-day.csv", guard.signed_in(self._requests_by_day)),
            Route(f"{PATH}/failed-uploads", guard.signed_in(self._failures)),
            Route(f"{PATH}/failed-uploads.csv", guard.signed_in(self._failed_uploads)),
            *(Route(f"{PATH}/assets/{name}", guard.open(_asset(name))) for name in _ASSETS),
            Route(f"{PATH}/{{anything_else:path}}", guard.open(self._not_found)),
        ]

    async def _not_found(self, _request: Request) -> Response:
        return self._refusal(404)

    async def _overview(self, _request: Request, session: Session) -> Response:
        store = self._rows(session)
        days = await queries.trend(store)
        last_due = latest_due(utc_now(), at=self._config.profile.refresh_at, zone=session.store.zone)
        return await self._page(
            "overview",
            session,
            chart=build_chart(days),
            days=days,
            refreshed_at=await queries.refreshed_at(store),
            next_refresh=last_due + timedelta(days=1),
            keys=await self._key_panel.keys(session),
            can_copy=self._key_panel.can_copy,
            overlaps=OVERLAPS,
            shown_key=await take_key(self._database, session),
        )

    async def _choose_store(self, _request: Request, session: Session, form: Form) -> Response:
        await choose_store(self._database, session, plain(form.get("store", "")))
        return RedirectResponse(PATH, 303)

    async def _orders(self, request: Request, session: Session) -> Response:
        filters = _filters(request, session)
        rows, has_more = _one_page(await queries.orders_page(self._rows(session), filters))
        after = f"{rows[-1]['order_timestamp'].isoformat()}|{rows[-1]['order_id']}" if has_more else ""
        return await self._page("orders", session, rows=rows, filters=filters, next_query=_next(filters, after))

    async def _order(self, request: Request, session: Session) -> Response:
        order_id = plain(request.query_params.get("id", ""))
        row = await queries.order_detail(self._rows(session), order_id)
        if row is None:
            return self._refusal(404)
        refusals = await failures.failures_of_order(self._rows(session), order_id)
        return await self._page("order", session, row=row, failures=refusals)

    async def _requests(self, request: Request, session: Session) -> Response:
        filters = _filters(request, session)
        rows, has_more = _one_page(await queries.requests_page(self._rows(session), filters))
        after = rows[-1]["request_id"] if has_more else ""
        return await self._page("requests", session, rows=rows, filters=filters, next_query=_next(filters, after))

    async def _request(self, request: Request, session: Session) -> Response:
        store = self._rows(session)
        row = await queries.request_detail(store, plain(request.path_params["request_id"]))
        if row is None:
            return self._refusal(404)
        return await self._page(
            "request",
            session,
            row=row,
            body=_readable(row["body"]),
            answer=_readable(row["answer"]),
            failures=await failures.failures_of(store, row["request_id"]),
        )

    async def _failures(self, request: Request, session: Session) -> Response:
        filters = _filters(request, session)
        rows, has_more = _one_page(await failures.failures_page(self._rows(session), filters))
        after = f"{rows[-1]['request_id']}|{rows[-1]['place']}" if has_more else ""
        return await self._page("failures", session, rows=rows, filters=filters, next_query=_next(filters, after))

    async def _requests_by_day(self, _request: Request, session: Session) -> Response:
        return _download(exports.requests_by_day(self._rows(session)), "api-requests-by-day.csv")

    async def _failed_uploads(self, request: Request, session: Session) -> Response:
        chunks = exports.failed_uploads(self._rows(session), _filters(request, session))
        return _download(chunks, "failed-uploads.csv")

    def _rows(self, session: Session) -> StoreRows:
        return StoreRows(self._database, session.store.store_id)

    async def _page(self, name: str, session: Session, **values: Any) -> Response:
        return self._renderer.page(name, session, await all_stores_online(self._database), **values)

    def _refusal(self, status: int) -> Response:
        return self._sign_in.refusal() if status == 401 else self._renderer.refusal(status)


async def _lead_here(_request: Request) -> Response:
    """Whoever opens the bare address in a browser means the dashboard."""
    return RedirectResponse(PATH)


def _filters(request: Request, session: Session) -> Filters:
    return read_filters(request.query_params, session.store.zone)


def _one_page(rows: Sequence[queries.Row]) -> tuple[Sequence[queries.Row], bool]:
    return rows[:PAGE_ROWS], len(rows) > PAGE_ROWS


def _next(filters: Filters, after: str) -> str | None:
    return filters.query(after=after) if after else None


def _readable(deflated: bytes | None) -> str | None:
    """A kept body as text, indented where it is JSON; None when there is none."""
    if not deflated:
        return None
    text = zlib.decompress(deflated).decode("utf-8", "replace")
    # What was refused as no JSON, or as nested too deeply, is shown as it came.
    with suppress(msgspec.DecodeError, RecursionError):
        text = msgspec.json.format(text, indent=2)  # moves white space only: numbers stay as they were written
    return text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "\n... (the rest is not shown)"


def _asset(name: str) -> Page:
    content = files("enrich_pipeline.enrich_api.dashboard").joinpath("static", name).read_bytes()

    async def serve(_request: Request) -> Response:
        return Response(content, media_type=_ASSETS[name], headers={"Cache-Control": "no-cache"})

    return serve


def _download(chunks: AsyncIterable[str], name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(chunks, media_type="text/csv; charset=utf-8", headers=headers)
