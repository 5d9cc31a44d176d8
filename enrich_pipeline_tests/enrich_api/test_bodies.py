"""How a body is read: compressed or not, never more than the limit, never for ever."""

from __future__ import annotations

import gzip
import socket
import time
from collections.abc import Iterator

import httpx
import pytest

from enrich_pipeline_tests.enrich_api.test_problems import assert_problem
from enrich_pipeline_tests.enrich_api.wire import body, held, row
from enrich_pipeline_tests.support.api_server import RunningApi

MIB = 1024 * 1024


def post_coded(api: RunningApi, content: bytes, coding: str = "gzip") -> httpx.Response:
    headers = api.headers | {"Content-Encoding": coding}
    return httpx.post(f"{api.base_url}/enrich/orders", headers=headers, content=content)


@pytest.mark.parametrize("coding", ["gzip", "x-gzip", "GZIP"])
def test_a_gzip_body_is_read(full: RunningApi, order_id: str, coding: str) -> None:
    answer = post_coded(full, gzip.compress(body(row(order_id))), coding)

    assert answer.json()["accepted"] == 1
    assert held(full, order_id) is not None


def test_a_body_that_grows_past_the_limit_is_a_413(full: RunningApi) -> None:
    bomb = gzip.compress(b" " * (64 * MIB))

    assert len(bomb) < MIB
    assert_problem(post_coded(full, bomb), 413, "body_too_large")


def test_a_gzip_body_that_grows_to_just_the_limit_is_read(full: RunningApi) -> None:
    assert post_coded(full, gzip.compress(body().ljust(8 * MIB))).status_code == 200
    assert post_coded(full, gzip.compress(body().ljust(8 * MIB + 1))).status_code == 413


@pytest.mark.parametrize(
    "damaged",
    [
        b"{}",
        b"",
        gzip.compress(body())[:-4],
        gzip.compress(body()) + b"more",
        gzip.compress(body()[:5]) + gzip.compress(body()[5:]),
        gzip.compress(body()).replace(b"\x1f\x8b", b"\x1f\x8c"),
    ],
    # Named, since gzip writes the time into its head: a name made of it would differ between workers.
    ids=["plain_json", "nothing", "cut_short", "more_behind", "two_streams", "another_magic_number"],
)
def test_what_is_not_one_gzip_stream_is_a_400(full: RunningApi, damaged: bytes) -> None:
    assert_problem(post_coded(full, damaged), 400, "not_gzip")


def test_a_profile_without_gzip_says_so(minimal: RunningApi) -> None:
    answer = post_coded(minimal, gzip.compress(body()))

    assert_problem(answer, 415, "unsupported_encoding")
    assert answer.headers["accept-encoding"] == "identity"


def test_another_coding_is_a_415_that_names_the_one_read_here(full: RunningApi) -> None:
    answer = post_coded(full, body(), "br")

    assert_problem(answer, 415, "unsupported_encoding")
    assert answer.headers["accept-encoding"] == "gzip"


@pytest.fixture(scope="module")
def impatient(full: RunningApi) -> Iterator[RunningApi]:
    """The shared service, giving a client half a second."""
    full.restart(arguments=["--request-timeout", "0.5"])
    yield full
    full.restart()


def answer_to(api: RunningApi, *parts: bytes, pause_seconds: float = 0.0) -> bytes:
    """Send the parts and read until the service ends the connection."""
    with socket.create_connection(("127.0.0.1", api.process.port), timeout=20) as connection:
        for part in parts:
            connection.sendall(part)
            time.sleep(pause_seconds)
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
    return received


def test_a_head_that_does_not_end_is_a_408(impatient: RunningApi) -> None:
    answer = answer_to(impatient, b"POST /enrich/orders HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ")

    assert answer.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
    assert b"application/problem+json" in answer
    assert b'"code":"request_timeout"' in answer


def test_a_client_that_says_nothing_is_cut_off(impatient: RunningApi) -> None:
    assert answer_to(impatient) == b""
    assert answer_to(impatient, b"\r\n") == b""


def test_a_body_that_does_not_end_is_a_408_and_stores_nothing(impatient: RunningApi, order_id: str) -> None:
    whole = body(row(order_id))
    head = (
        f"POST /enrich/orders HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {impatient.key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(whole)}\r\n\r\n"
    )
    answer = answer_to(impatient, head.encode(), whole[:-1])

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b'"code":"request_timeout"' in answer
    assert held(impatient, order_id) is None


def test_a_second_request_is_waited_for_no_longer_than_the_first(impatient: RunningApi) -> None:
    answer = answer_to(
        impatient, b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", b"GET /healthz HT", pause_seconds=0.1
    )

    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"HTTP/1.1 408 " in answer


def test_what_is_no_http_is_a_problem_too(full: RunningApi) -> None:
    answer = answer_to(full, b"\x16\x03\x01 hello\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b'"code":"not_http"' in answer
