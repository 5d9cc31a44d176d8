"""Faults of the answer: late, refused, broken off, lost, or not what it should be."""

from __future__ import annotations

import asyncio
import socket
import struct
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import cast

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from enrich_pipeline.enrich_api.faults.plan import Struck
from enrich_pipeline.enrich_api.faults.specs import Fault
from enrich_pipeline.enrich_api.problems import Problem

TRANSPORT_EXTENSION = "enrich_api.transport"
"""Where the server leaves the connection's transport, as ASGI itself has no way to break one."""

_HTML = "<html><head><title>502 Bad Gateway</title></head><body><h1>Bad Gateway</h1></body></html>"
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


async def answer_instead(struck: Struck) -> Response | None:
    """Wait, refuse or break the connection before anything is stored; None when the request may go on.

    Raises:
        Problem: the refusal.
    """
    if fault := struck.first("latency"):
        await asyncio.sleep(fault.seconds(1))
    if struck.first("reset-before-commit"):
        return _Reset()
    if struck.first("502"):
        return Response(_HTML, 502, media_type="text/html")
    if fault := struck.first("429"):
        raise Problem(429, "fault_429", "A fault on demand: too many requests.", headers=_retry_after(fault, "1"))
    if fault := struck.first("503"):
        raise Problem(503, "fault_503", "A fault on demand: unavailable.", headers=_retry_after(fault, "none"))
    if struck.first("500"):
        raise Problem(500, "fault_500", "A fault on demand: nothing was stored.")
    return None


def answer_spoilt(struck: Struck, answer: Response) -> Response:
    """What is answered in place of `answer`, when everything was done."""
    if struck.first("reset-after-commit"):
        return _Reset()
    if struck.first("lost-answer"):
        return _Lost()
    if struck.first("cut-answer"):
        return _Cut(bytes(answer.body))
    if struck.first("not-json"):
        return Response(_HTML, media_type="text/html")
    if struck.first("other-shape"):
        return Response(b'{"data":{"result":"ok"}}', media_type="application/json")
    return answer


def _retry_after(fault: Fault, default: str) -> dict[str, str]:
    value = fault.value or default
    if value == "none":
        return {}
    if value == "date":
        return {"Retry-After": format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)}
    return {"Retry-After": value}


class _Reset(Response):
    """Resets the connection instead of answering."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  # ASGI's signature
        """Break it, and end when it is gone."""
        transport = _transport(scope)
        connection = cast("socket.socket", transport.get_extra_info("socket"))
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        transport.abort()
        await _until_gone(receive)


class _Lost(Response):
    """Never answers."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  # ASGI's signature
        """End when the client gives up."""
        await _until_gone(receive)


class _Cut(Response):
    """Announces the whole answer, sends the first half and ends the connection."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the half, and end when the connection is gone."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        body = bytes(self.body)
        await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
        _transport(scope).close()
        await _until_gone(receive)


def _transport(scope: Scope) -> asyncio.Transport:
    return scope["extensions"][TRANSPORT_EXTENSION]


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
