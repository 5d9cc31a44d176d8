"""The dashboard's pages: what each reads, and which template shows it."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterable, Sequence
from contextlib import suppress
from datetime import timedelta
from importlib.resources import files
from typing import Any

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from enrich_pipeline.enrich_api.config import ApiConfig, utc_now
from enrich_pipeline.enrich_api.dashboard import exports, failures, queries
from enrich_pipeline.enrich_api.dashboard.formats import Formats
from enrich_pipeline.enrich_api.dashboard.guard import COOKIE, Guard, Page
from enrich_pipeline.enrich_api.dashboard.paging import PAGE_ROWS, Filters, plain, read_filters
from enrich_pipeline.enrich_api.dashboard.sessions import PATH, SESSION_HOURS, Session, sign_in
from enrich_pipeline.enrich_api.dashboard.trend_chart import build_chart
from enrich_pipeline.enrich_api.database import Database
from enrich_pipeline.enrich_api.key_vault import open_vault
from enrich_pipeline.enrich_api.keys import replace_key_online
from enrich_pipeline.enrich_api.refresh import latest_due

_LONGEST_SHOWN = 200_000
_ASSETS = {"dashboard.css": "text/css", "dashboard.js": "text/javascript", "icon.svg": "image/svg+xml"}
_REFUSALS = {
    401: ("Sign in", "Open the address that the service printed when it started, or print a new one with"),
    403: ("This form cannot be used", "It did not come from this dashboard. Open the page anew and try again."),
    404: ("Not found", "There is no such page, or what it showed is no longer kept."),
    421: ("Unknown host", "This dashboard does not answer to that name. Use 127.0.0.1 or localhost."),
}


class Dashboard:
    """The pages of one store."""

    def __init__(self, config: ApiConfig, database: Database) -> None:
        self._config = config
        self._database = database
        self._vault = open_vault(config.key_secret_file)
        self._guard = Guard(config, database, self._refusal)
        self._new_keys: dict[bytes, str] = {}
        self._templates = _templates(config)

    def routes(self) -> list[Route]:
        """Every path of the dashboard."""
        guard = self._guard
        return [
            Route(PATH, guard.signed_in(self._overview)),
            Route(f"{PATH}/sign-in", guard.open(self._sign_in)),
            Route(f"{PATH}/key", guard.form(self._generate_key), methods=["POST"]),
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
        days = await queries.trend(self._database)
        last_due = latest_due(utc_now(), at=self._config.profile.refresh_at, zone=self._config.zone)
        return self._page(
            "overview",
            session,
            chart=build_chart(days),
            days=days,
            store=await queries.store_state(self._database),
            next_refresh=last_due + timedelta(days=1),
            new_key=self._new_keys.pop(session.digest, None),
        )

    async def _sign_in(self, request: Request) -> Response:
        secret = await sign_in(self._database, request.query_params.get("token", ""))
        if secret is None:
            return self._refusal(401)
        answer = RedirectResponse(PATH, 303)
        # No `secure`: it would keep the cookie off plain http, and this service is for this machine.
        answer.set_cookie(
            COOKIE, secret, max_age=SESSION_HOURS * 3600, path="/settings/", httponly=True, samesite="lax"
        )
        return answer

    async def _generate_key(self, _request: Request, session: Session) -> Response:
        self._new_keys[session.digest] = await replace_key_online(self._database, vault=self._vault)
        return RedirectResponse(PATH, 303)

    async def _orders(self, request: Request, session: Session) -> Response:
        filters = read_filters(request.query_params, self._config.zone)
        rows, has_more = _one_page(await queries.orders_page(self._database, filters))
        after = f"{rows[-1]['order_timestamp'].isoformat()}|{rows[-1]['order_id']}" if has_more else ""
        return self._page("orders", session, rows=rows, filters=filters, next_query=_next(filters, after))

    async def _order(self, request: Request, session: Session) -> Response:
        order_id = plain(request.query_params.get("id", ""))
        row = await queries.order_detail(self._database, order_id)
        if row is None:
            return self._refusal(404)
        refusals = await failures.failures_of_order(self._database, order_id)
        return self._page("order", session, row=row, failures=refusals)

    async def _requests(self, request: Request, session: Session) -> Response:
        filters = read_filters(request.query_params, self._config.zone)
        rows, has_more = _one_page(await queries.requests_page(self._database, filters))
        after = rows[-1]["request_id"] if has_more else ""
        return self._page("requests", session, rows=rows, filters=filters, next_query=_next(filters, after))

    async def _request(self, request: Request, session: Session) -> Response:
        row = await queries.request_detail(self._database, plain(request.path_params["request_id"]))
        if row is None:
            return self._refusal(404)
        return self._page(
            "request",
            session,
            row=row,
            body=_readable(row["body"]),
            answer=_readable(row["answer"]),
            failures=await failures.failures_of(self._database, row["request_id"]),
        )

    async def _failures(self, request: Request, session: Session) -> Response:
        filters = read_filters(request.query_params, self._config.zone)
        rows, has_more = _one_page(await failures.failures_page(self._database, filters))
        after = f"{rows[-1]['request_id']}|{rows[-1]['place']}" if has_more else ""
        return self._page("failures", session, rows=rows, filters=filters, next_query=_next(filters, after))

    async def _requests_by_day(self, _request: Request, _session: Session) -> Response:
        return _download(exports.requests_by_day(self._database), "api-requests-by-day.csv")

    async def _failed_uploads(self, request: Request, _session: Session) -> Response:
        filters = read_filters(request.query_params, self._config.zone)
        return _download(exports.failed_uploads(self._database, filters), "failed-uploads.csv")

    def _page(self, name: str, session: Session, **values: Any) -> Response:
        return HTMLResponse(self._templates.get_template(f"{name}.html").render(page=name, session=session, **values))

    def _refusal(self, status: int) -> Response:
        title, detail = _REFUSALS[status]
        template = self._templates.get_template("refusal.html")
        return HTMLResponse(template.render(page="", status=status, title=title, detail=detail), status)


def _templates(config: ApiConfig) -> Environment:
    formats = Formats(config.zone)
    environment = Environment(
        loader=PackageLoader("enrich_pipeline.enrich_api.dashboard"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "time": formats.time,
        "amount": formats.amount,
        "count": formats.count,
        "short": formats.short,
        "size": formats.size,
        "latency": formats.latency,
    }
    names: dict[str, Any] = environment.globals  # what Jinja declares there is too narrow
    names.update(
        {
            "path": PATH,
            "zone_name": config.store_timezone,
            "explanations": failures.EXPLANATIONS,
            "profile": config.profile,
            "body_days": config.body_days,
            "window_days": None if config.allow_outside_window else config.window_days,
        }
    )
    return environment


def _one_page(rows: Sequence[queries.Row]) -> tuple[Sequence[queries.Row], bool]:
    return rows[:PAGE_ROWS], len(rows) > PAGE_ROWS


def _next(filters: Filters, after: str) -> str | None:
    return filters.query(after=after) if after else None


def _readable(deflated: bytes | None) -> str | None:
    """A kept body as text, indented where it is JSON; None when there is none."""
    if not deflated:
        return None
    text = zlib.decompress(deflated).decode("utf-8", "replace")
    with suppress(msgspec.DecodeError):  # what was refused as no JSON is shown as it came
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
