"""A real HTTP server that misbehaves on purpose: each request gets the answer that the test wrote for it.

It can cut an answer short, reset a connection, or never answer; a test says when, so none has to sleep.
"""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class SentRequest:
    """A request as the server received it."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    client_port: int


@dataclass(frozen=True)
class Reply:
    """A plain answer. `cut_after` sends only so many bytes of the body it announced, then closes."""

    status: int = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = field(default_factory=dict)
    cut_after: int | None = None


@dataclass(frozen=True)
class Reset:
    """Read the request, then reset the connection without a word."""


@dataclass(frozen=True)
class Silence:
    """Read the request and never answer; the connection stays open until the test ends."""


Answer = Reply | Reset | Silence
Respond = Callable[[SentRequest], Answer]


def json_reply(document: Any, status: int = 200, **headers: str) -> Reply:
    """A JSON answer; `Retry_After="1"` becomes the header Retry-After."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, json.dumps(document).encode(), {"Content-Type": "application/json", **named})


def in_turn(*answers: Answer) -> Respond:
    """Give one answer after the other; a request too many gets a 599, which no test expects."""
    script, lock = iter(answers), threading.Lock()

    def respond(_request: SentRequest) -> Answer:
        with lock:
            return next(script, Reply(599, b"the script is over"))

    return respond


class ScriptedServer(ThreadingHTTPServer):
    """The server; `requests` are those it read so far, `url` is where it listens."""

    daemon_threads = False

    def __init__(self, respond: Respond) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.respond = respond
        self.requests: list[SentRequest] = []
        self.over = threading.Event()
        self.connections: set[socket.socket] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: ScriptedServer

    def setup(self) -> None:
        super().setup()
        self.server.connections.add(self.connection)

    def finish(self) -> None:
        self.server.connections.discard(self.connection)
        super().finish()

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_CONNECT(self) -> None:
        self._answer()

    def _answer(self) -> None:
        url = urlsplit(self.path)
        request = SentRequest(
            method=self.command,
            path=url.path,
            query={name: values[-1] for name, values in parse_qs(url.query).items()},
            headers=self.headers,
            body=self.rfile.read(int(self.headers.get("Content-Length", 0))),
            client_port=self.client_address[1],
        )
        self.server.requests.append(request)
        match self.server.respond(request):
            case Reply() as reply:
                self._reply(reply)
            case Reset():
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()
                self.close_connection = True
            case Silence():
                self.server.over.wait()
                self.close_connection = True

    def _reply(self, reply: Reply) -> None:
        self.send_response(reply.status)
        for name, value in {"Content-Length": str(len(reply.body)), **reply.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(reply.body[: reply.cut_after])
        if reply.cut_after is not None:
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class names it so
        """Say nothing: tests look at `requests`."""


@contextmanager
def scripted_server(respond: Respond) -> Iterator[ScriptedServer]:
    """Run a server on a free port until the block ends; no thread outlives it."""
    server = ScriptedServer(respond)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.over.set()
        server.shutdown()
        for connection in list(server.connections):
            # A kept-alive connection of a client that is still open would hold its thread for ever.
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        server.server_close()
        thread.join()
