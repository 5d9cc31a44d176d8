"""What stands before every page: the hosts it answers to, the session, and the headers that keep other sites out."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import parse_qs, urlsplit

from starlette.requests import Request
from starlette.responses import Response

from enrich_pipeline.enrich_api.config import ApiConfig
from enrich_pipeline.enrich_api.dashboard.sessions import Session, find_session
from enrich_pipeline.enrich_api.database import Database

COOKIE: Final = "enrich_order_api_session"

_LARGEST_FORM = 4096
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}

SignedInPage = Callable[[Request, Session], Awaitable[Response]]
Page = Callable[[Request], Awaitable[Response]]


class Guard:
    """Lets requests through to pages. A name that is not this service's own may be an attacker's that points here."""

    def __init__(self, config: ApiConfig, database: Database, refuse: Callable[[int], Response]) -> None:
        self._hosts = {*_LOOPBACK, *config.dashboard_hosts}
        self._database = database
        self._refuse = refuse

    def open(self, page: Page) -> Page:
        """A page that needs no session."""

        async def guarded(request: Request) -> Response:
            if not self._is_own_host(request):
                return _with_headers(self._refuse(421))
            return _with_headers(await page(request))

        return guarded

    def signed_in(self, page: SignedInPage) -> Page:
        """A page for a signed-in browser; others are told how to sign in."""

        async def guarded(request: Request) -> Response:
            secret = request.cookies.get(COOKIE)
            session = await find_session(self._database, secret) if secret else None
            return await page(request, session) if session else self._refuse(401)

        return self.open(guarded)

    def form(self, page: SignedInPage) -> Page:
        """A form of a signed-in browser; it must come from our own page."""

        async def checked(request: Request, session: Session) -> Response:
            if not self._is_own_origin(request) or not await _bears_token(request, session):
                return self._refuse(403)
            return await page(request, session)

        return self.signed_in(checked)

    def _is_own_host(self, request: Request) -> bool:
        return _host_name(request.headers.get("host", "")) in self._hosts

    def _is_own_origin(self, request: Request) -> bool:
        origin = urlsplit(request.headers.get("origin", ""))
        return origin.netloc == request.headers.get("host") and origin.hostname in self._hosts


def _host_name(host: str) -> str | None:
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None


async def _bears_token(request: Request, session: Session) -> bool:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LARGEST_FORM:
            return False
    tokens = parse_qs(body.decode("ascii", "replace")).get("form_token", [])
    return len(tokens) == 1 and hmac.compare_digest(tokens[0].encode(), session.form_token.encode())


def _with_headers(response: Response) -> Response:
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    return response
