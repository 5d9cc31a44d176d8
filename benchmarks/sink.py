"""A sink: an HTTP server in a process of its own that reads each body whole, waits, and answers as the API would.

It does as little as a server can, so that a benchmark measures clients. With `--keep` it also keeps what was posted
and answers GET with it, sorted and limited as the contract says.

    python benchmarks/sink.py --delay-ms 50
"""

from __future__ import annotations

import argparse
import asyncio
import bisect
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from urllib.parse import parse_qs, urlsplit

import httptools
import msgspec
import uvloop


class _Order(msgspec.Struct):
    order_timestamp: str


class _Posted(msgspec.Struct):
    orders: list[msgspec.Raw]


_posted = msgspec.json.Decoder(_Posted)
_order = msgspec.json.Decoder(_Order)


class Held:
    """What was posted, by time; sorted when it is first asked for."""

    def __init__(self) -> None:
        self._rows: list[tuple[float, bytes]] = []
        self._sorted = True

    def keep(self, body: bytes) -> None:
        for raw in _posted.decode(body).orders:
            row = bytes(raw)
            at = datetime.fromisoformat(_order.decode(row).order_timestamp).timestamp()
            self._rows.append((at, row))
        self._sorted = False

    def answer(self, url: bytes) -> bytes:
        if not self._sorted:
            self._rows.sort()
            self._sorted = True
        query = {name: values[0] for name, values in parse_qs(urlsplit(url.decode()).query).items()}
        first = bisect.bisect_left(self._rows, (datetime.fromisoformat(query["start"]).timestamp(), b""))
        end = bisect.bisect_right(self._rows, (datetime.fromisoformat(query["end"]).timestamp(), b"\xff"))
        rows = self._rows[first : min(end, first + int(query["limit"]))]
        return b'{"orders":[' + b",".join(row for _, row in rows) + b"]}"


class Connection(asyncio.Protocol):
    """One connection: whole requests in, whole answers out, in order."""

    def __init__(self, delay_seconds: float, held: Held | None) -> None:
        self._delay_seconds = delay_seconds
        self._held = held
        self._loop = asyncio.get_running_loop()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._parser = httptools.HttpRequestParser(self)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_begin(self) -> None:
        self._body: list[bytes] = []
        self._orders = 0
        self._url = b""

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        body = b"".join(self._body)
        if self._parser.get_method() == b"GET":
            answer = self._held.answer(self._url) if self._held else b'{"orders":[]}'
        else:
            orders = body.count(b'"order_id"')
            answer = b'{"request_id":"r","received":%d,"accepted":%d,"rejected":0,"errors":[]}' % (orders, orders)
            if self._held:
                self._held.keep(body)
        whole = (
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(answer) + answer
        )
        if self._delay_seconds:
            self._loop.call_later(self._delay_seconds, self._write, whole)
        else:
            self._write(whole)

    def _write(self, answer: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(answer)  # type: ignore[attr-defined]  # a stream's transport


@contextmanager
def running_sink(*, delay_ms: float = 0, keep: bool = False) -> Iterator[str]:
    """Run a sink in a process of its own; yield its base URL."""
    command = [sys.executable, __file__, "--delay-ms", str(delay_ms), *(["--keep"] if keep else [])]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process.stdout.readline().strip()  # type: ignore[union-attr]  # it is a pipe
        finally:
            process.terminate()


async def _serve(delay_ms: float, *, keep: bool) -> None:
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stopped.set)
    held = Held() if keep else None
    server = await loop.create_server(lambda: Connection(delay_ms / 1000, held), "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await stopped.wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--delay-ms", type=float, default=0)
    parser.add_argument("--keep", action="store_true")
    arguments = parser.parse_args()
    uvloop.run(_serve(arguments.delay_ms, keep=arguments.keep))
