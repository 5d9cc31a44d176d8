"""A server connection that is patient for a while only, and refuses what is no HTTP in the service's own words.

uvicorn waits for a request's head for ever, and answers what it cannot read in plain text.
"""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar, cast

from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from enrich_pipeline.enrich_api.faults.answers import TRANSPORT_EXTENSION
from enrich_pipeline.enrich_api.problems import Problem
from enrich_pipeline.enrich_api.request_records import new_request_id

# Its parser keeps whatever comes. asyncio hands over at most 256 KiB at a time, so this may be passed by as much.
_LARGEST_HEAD = 64 * 1024


class RequestProtocol(HttpToolsProtocol):
    """One connection. Each request's scope leads to its transport: ASGI alone knows no way to break one."""

    head_seconds: ClassVar[float] = 30.0
    """How long a client may take for a request's head."""

    _head_timer: asyncio.TimerHandle | None = None
    _has_begun = False
    _head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes; between requests even those that begin none start the wait for one."""
        super().data_received(data)
        self._head_bytes = self._head_bytes + len(data) if self._has_begun else 0
        if self._head_bytes > _LARGEST_HEAD and not self.transport.is_closing():
            self._refuse(Problem(431, "head_too_large", f"The request's head is larger than {_LARGEST_HEAD} bytes."))
        cycle = cast("Any", self.cycle)  # None until the first head has come
        if self._head_timer is None and (cycle is None or cycle.response_complete) and not self.transport.is_closing():
            self._wait_for_head()

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        self._wait_for_head()
        self._has_begun = True
        scope = cast("Scope", self.scope)
        scope.setdefault("extensions", {})[TRANSPORT_EXTENSION] = self.transport

    def on_headers_complete(self) -> None:
        """Serve a request; its body is waited for where it is read."""
        self._stop_waiting()
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP."""
        self._refuse(Problem(400, "not_http", msg))

    def _wait_for_head(self) -> None:
        self._stop_waiting()
        self._head_timer = self.loop.call_later(self.head_seconds, self._give_up)

    def _stop_waiting(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
        self._has_begun = False

    def _give_up(self) -> None:
        if self.transport.is_closing():
            return
        if self._has_begun:
            detail = f"The request's head did not come within {self.head_seconds:g} s."
            self._refuse(Problem(408, "request_timeout", detail))
        else:
            self.transport.close()

    def _refuse(self, problem: Problem) -> None:
        self._stop_waiting()
        request_id = new_request_id()
        response = problem.response(request_id)
        headers = [*response.raw_headers, (b"x-request-id", request_id.encode()), (b"connection", b"close")]
        head = f"HTTP/1.1 {problem.status} {problem.title}\r\n".encode()
        lines = b"".join(name + b": " + value + b"\r\n" for name, value in headers)
        self.transport.write(head + lines + b"\r\n" + bytes(response.body))
        self.transport.close()


def request_protocol(head_seconds: float) -> type[RequestProtocol]:
    """The protocol with this patience: uvicorn makes its connections of a class."""
    return type("RequestProtocol", (RequestProtocol,), {"head_seconds": head_seconds})
