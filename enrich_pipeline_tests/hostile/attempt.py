"""Sending a hostile request as bytes on a socket of its own, and looking at what it left behind."""

from __future__ import annotations

import json
import socket
from contextlib import suppress
from dataclasses import dataclass

import psycopg

from enrich_pipeline_tests.hostile.cases import Case
from enrich_pipeline_tests.support.api_server import RunningApi

_SECONDS = 20.0
_STORED = "SELECT count(*) FROM enrich_api.orders WHERE created_at IS NOT NULL"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the status, and the codes of the rows in a 200. No status when the connection just ended."""

    status: int | None
    codes: tuple[str, ...] = ()
    body: bytes = b""

    def fits(self, case: Case) -> bool:
        """Whether it is the one that the case must get."""
        if isinstance(case.expected, int):
            return self.status == case.expected
        return self.status == 200 and case.expected in self.codes


def attempt(api: RunningApi, case: Case) -> Answer:
    """Send the request and read the answer to its end."""
    with socket.create_connection(("127.0.0.1", api.process.port), timeout=_SECONDS) as connection:
        with suppress(BrokenPipeError, ConnectionResetError):  # it may stop reading what is too large, and answer
            connection.sendall(_request(api, case))
        return _read(connection, case)


def orders_stored(connection: psycopg.Connection) -> int:
    """How many orders were enriched by whatever was sent."""
    row = connection.execute(_STORED).fetchone()
    return row[0] if row else 0


def _request(api: RunningApi, case: Case) -> bytes:
    if case.raw is not None:
        return case.raw.replace(b"{key}", api.key.encode())
    headers: dict[str, str | None] = {
        "Host": f"127.0.0.1:{api.process.port}",
        "Connection": "close",
        "Authorization": f"Bearer {api.key}",
        "Content-Type": "application/json",
        "Content-Length": str(len(case.body)),
        **case.headers,
    }
    lines = [f"{name}: {value}" for name, value in headers.items() if value is not None]
    head = "\r\n".join([f"{case.method} {case.target} HTTP/1.1", *lines, "", ""]).replace("{key}", api.key)
    return head.encode("latin-1", "replace") + case.body


def _read(connection: socket.socket, case: Case) -> Answer:
    received = bytearray()
    with suppress(ConnectionResetError):  # it may close with bytes of ours unread; what it answered is here
        while not _is_complete(received, case) and (chunk := connection.recv(65536)):
            received += chunk
    head, _, body = bytes(received).partition(b"\r\n\r\n")
    parts = head.split(b" ", 2)
    if len(parts) < 2 or not parts[0].startswith(b"HTTP/"):
        return Answer(None)
    status = int(parts[1])
    rows = json.loads(body).get("errors", []) if status == 200 and body.startswith(b"{") else []
    return Answer(status, tuple(row["code"] for row in rows), body)


def _is_complete(received: bytearray, case: Case) -> bool:
    head, separator, body = bytes(received).partition(b"\r\n\r\n")
    if not separator:
        return False
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return case.method == "HEAD" or len(body) >= int(line.partition(b":")[2])
    return False
