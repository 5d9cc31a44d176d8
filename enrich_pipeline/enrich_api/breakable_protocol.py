"""A server connection that faults on demand can break: ASGI alone knows no way to reset one."""

from __future__ import annotations

from typing import cast

from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from enrich_pipeline.enrich_api.faults.answers import TRANSPORT_EXTENSION


class BreakableProtocol(HttpToolsProtocol):
    """Leaves the connection's transport in the extensions of each request's scope."""

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        scope = cast("Scope", self.scope)
        scope.setdefault("extensions", {})[TRANSPORT_EXTENSION] = self.transport
