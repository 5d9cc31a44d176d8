"""What stands before every page: the hosts it answers to, the session, and the headers that keep other sites out."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, Mapping
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from starlette.requests import Request
from starlette.responses import Response

from enrich_pipeline.enrich_api.dashboard.sessions import Session, find_session
from enrich_pipeline.enrich_api.database import Database
from enrich_pipeline.enrich_api.hosts import Hosts

COOKIE: Final = "enrich_order_api_session"

_LARGEST_FORM = 4096
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}

Form = Mapping[str, str]
Page = Callable[[Request], Awaitable[Response]]
SignedInPage = Callable[[Request, Session], Awaitable[Response]]
FormPage = Callable[[Request, Session, Form], Awaitable[Response]]


class Guard:
    """Lets requests through to pages. A name that is not this service's own may be an attacker's that points here."""

    def __init__(self, hosts: Hosts, database: Database, refuse: Callable[[int], Response]) -> None:
        self._hosts = hosts
        self._database = database
        self._refuse = refuse

    def open(self, page: Page) -> Page:
        """A page that needs no session."""

        async def guarded(request: Request) -> Response:
            if not self._hosts.are_named_by(request.headers.get("host", "")):
                return _with_headers(self._refuse(421))
            if request.method == "POST" and not self._is_own_origin(request):
                return _with_headers(self._refuse(403))
            return _with_headers(await page(request))

        return guarded

    def signed_in(self, page: SignedInPage) -> Page:
        """A page for a signed-in browser; others are told how to sign in."""

        async def guarded(request: Request) -> Response:
            secret = request.cookies.get(COOKIE)
            session = await find_session(self._database, secret) if secret else None
            return await page(request, session) if session else self._refuse(401)

        return self.open(guarded)

    def form(self, page: FormPage) -> Page:
        """A form of a signed-in browser; it must come from our own page."""

        async def checked(request: Request, session: Session) -> Response:
            form = await read_form(request)
            if not hmac.compare_digest(form.get("form_token", "").encode(), session.form_token.encode()):
                return self._refuse(403)
            return await page(request, session, form)

        return self.signed_in(checked)

    def _is_own_origin(self, request: Request) -> bool:
        """Whether a form was sent by a page of this very address, port included."""
        origin = request.headers.get("origin", "")
        return self._hosts.are_origin(origin) and urlsplit(origin).netloc == request.headers.get("host")


async def read_form(request: Request) -> Form:
    """The fields of a form; none when it is larger than any of ours, or has one twice."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LARGEST_FORM:
            return {}
    fields = parse_qsl(body.decode("ascii", "replace"), keep_blank_values=True)
    form = dict(fields)
    return form if len(form) == len(fields) else {}


def _with_headers(response: Response) -> Response:
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    return response
