"""Which names this service answers to. A page elsewhere can point a name of its own at this machine: not these.

An address in figures is always taken: a browser that was sent to one was not misled by a name.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

from enrich_pipeline.enrich_api.problems import Problem
from enrich_pipeline.enrich_api.request_records import SCOPE_KEY, RequestRecord

# Probes and metrics say nothing worth misleading a browser for; the dashboard refuses in pages of its own.
_OPEN_TO_ALL = ("/healthz", "/readyz", "/metrics", "/settings/")


class Hosts:
    """The names: this machine's own, and those that the operator allowed."""

    def __init__(self, allowed: Collection[str]) -> None:
        self._names = {"localhost", *(name.lower() for name in allowed)}

    def are_named_by(self, host: str) -> bool:
        """Whether a Host header names us; its port does not matter."""
        try:
            parts = urlsplit(f"//{host}")
            return parts.username is None and self._is_own(parts.hostname)
        except ValueError:
            return False

    def are_origin(self, origin: str) -> bool:
        """Whether an Origin header is a page of ours."""
        try:
            parts = urlsplit(origin)
            return parts.scheme in {"http", "https"} and parts.username is None and self._is_own(parts.hostname)
        except ValueError:
            return False

    def _is_own(self, name: str | None) -> bool:
        return name is not None and (name in self._names or _is_address(name))


class OnlyOwnHosts:
    """ASGI middleware: refuses requests to another name, and those that a page elsewhere makes a browser send."""

    def __init__(self, app: ASGIApp, hosts: Hosts) -> None:
        self._app = app
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection scope."""
        problem = self._problem(scope)
        if problem is None:
            await self._app(scope, receive, send)
            return
        record: RequestRecord = scope[SCOPE_KEY]
        response = problem.response(record.request_id)
        record.problem, record.answer = problem.code, bytes(response.body)
        await response(scope, receive, send)

    def _problem(self, scope: Scope) -> Problem | None:
        if scope["type"] != "http" or scope["path"].startswith(_OPEN_TO_ALL):
            return None
        headers = dict(scope["headers"])
        if not self._hosts.are_named_by(headers.get(b"host", b"").decode("latin-1")):
            return Problem(421, "unknown_host", "This service does not answer to that Host; see --allow-host.")
        origin = headers.get(b"origin")
        if origin is not None and not self._hosts.are_origin(origin.decode("latin-1")):
            return Problem(403, "foreign_origin", "This service does not answer pages of another Origin.")
        return None


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
