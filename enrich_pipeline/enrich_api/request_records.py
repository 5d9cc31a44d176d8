"""What is known of one request while it is served: its id, and what the request log will say of it.

The id stands in the answer's X-Request-Id, in its problem document and in the log. Ids sort by the time at which
their requests came, so that the log needs no other key.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from enrich_pipeline.enrich_api.key_ring import ApiKey
from enrich_pipeline.enrich_api.posted_rows import RowError

SCOPE_KEY = "enrich_api.record"
_LONGEST_PATH = 200
# Probes come every few seconds, the dashboard and the control of faults are not the API: none belongs in its log.
_NOT_RECORDED = ("/settings/", "/admin/", "/healthz", "/readyz", "/openapi.json", "/metrics", "/favicon.ico")


@dataclass(slots=True)
class RequestRecord:
    """One request. The endpoint fills in what it learns; nothing of the key but its label is ever in here.

    Attributes:
        request_id: sorts by time.
        received_at: when its head was read (UTC).
        key: the key it bore, once that was recognised.
        query: the parameters of a GET that the contract names.
        rows: orders in a POST, or in a GET's answer.
        problem: the code of the problem document, when the request was refused as a whole.
        body: a POST's body, as it was read.
        answer: the answer's body, of a POST or a refusal.
        errors: the rows that were refused.
        latency_us: from the head to the last byte of the answer, in microseconds.
    """

    request_id: str
    received_at: datetime
    method: str
    path: str
    key: ApiKey | None = None
    query: str = ""
    rows: int = 0
    accepted: int = 0
    problem: str | None = None
    body: bytes = field(default=b"", repr=False)
    answer: bytes = field(default=b"", repr=False)
    errors: Sequence[RowError] = ()
    status: int = 0
    request_bytes: int = 0
    response_bytes: int = 0
    latency_us: int = 0


class RecordRequests:
    """ASGI middleware: gives every request its record and its id, and passes the record on when it was answered."""

    def __init__(self, app: ASGIApp, finished: Callable[[RequestRecord], None]) -> None:
        self._app = app
        self._finished = finished

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection scope."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter_ns()
        path = scope["path"]
        record = RequestRecord(new_request_id(), datetime.now(UTC), scope["method"], path[:_LONGEST_PATH])
        scope[SCOPE_KEY] = record
        request_id = (b"x-request-id", record.request_id.encode())

        async def send_recorded(message: Message) -> None:
            if message["type"] == "http.response.start":
                record.status = message["status"]
                message["headers"] = [*message.get("headers", ()), request_id]
            else:
                record.response_bytes += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, receive, send_recorded)
        finally:
            if path != "/" and not path.startswith(_NOT_RECORDED):
                record.latency_us = (time.perf_counter_ns() - started) // 1000
                self._finished(record)


def record_of(request: Request) -> RequestRecord:
    """The record of this request."""
    return request.scope[SCOPE_KEY]


def new_request_id() -> str:
    """A name that no other request has: microseconds since 1970, then 40 random bits."""
    return f"req_{time.time_ns() // 1000:014x}{secrets.token_hex(5)}"
