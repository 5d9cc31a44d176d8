"""Problem documents (RFC 9457): the one shape in which the service refuses a whole request."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

import msgspec
from starlette.responses import Response


class Problem(Exception):  # noqa: N818  # RFC 9457's own word; it is an answer more than an error
    """A request that is refused as a whole. Nothing of it was stored.

    Attributes:
        status: the HTTP status.
        code: a stable word for programs, last part of the document's `type`.
        detail: what is wrong and what to do; never a key or a payload.
        headers: further headers of the answer.
    """

    def __init__(self, status: int, code: str, detail: str, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.headers = dict(headers or {})

    @property
    def title(self) -> str:
        """The status in words."""
        return HTTPStatus(self.status).phrase

    def response(self, request_id: str) -> Response:
        """The problem document."""
        document = {
            "type": f"urn:enrich-order-api:problem:{self.code}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "request_id": request_id,
        }
        body = msgspec.json.encode(document)
        return Response(body, self.status, self.headers, media_type="application/problem+json")


def unauthorized(detail: str) -> Problem:
    """401, with the challenge that RFC 9110 asks for."""
    return Problem(401, "unauthorized", detail, headers={"WWW-Authenticate": 'Bearer realm="Enrich Order API"'})


def unavailable() -> Problem:
    """503: the database is out of reach; nothing was stored, and the same request may be sent again."""
    return Problem(503, "unavailable", "The service's database is out of reach.", headers={"Retry-After": "2"})
