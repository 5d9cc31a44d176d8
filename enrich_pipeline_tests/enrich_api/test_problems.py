"""How a whole request is refused: the status, the headers, one document shape."""

from __future__ import annotations

import socket
from typing import Any

import httpx
import pytest

from enrich_pipeline_tests.enrich_api.wire import END, START, body, row
from enrich_pipeline_tests.support.api_server import RunningApi

WINDOW = {"start": START, "end": END}


def assert_problem(answer: httpx.Response, status: int, code: str) -> None:
    document = answer.json()
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert document.keys() == {"type", "title", "status", "detail", "code", "request_id"}
    assert (document["status"], document["code"]) == (status, code)
    assert document["type"].endswith(code)
    assert document["request_id"] == answer.headers["x-request-id"]


@pytest.mark.parametrize("authorization", [None, "", "Bearer", "Basic a2V5", "Bearer wrong", "Bearer größe".encode()])
def test_a_request_without_a_good_key_is_challenged(full: RunningApi, authorization: Any) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}

    for answer in (
        httpx.get(f"{full.base_url}/enrich/orders", headers=headers, params=WINDOW),
        httpx.post(f"{full.base_url}/enrich/orders", headers=headers, content=body()),
    ):
        assert_problem(answer, 401, "unauthorized")
        assert answer.headers["www-authenticate"].startswith("Bearer ")


def test_the_schemes_name_may_be_written_in_any_case(full: RunningApi) -> None:
    headers = {"Authorization": f"bEARER {full.key}"}

    assert httpx.get(f"{full.base_url}/enrich/orders", headers=headers, params=WINDOW).status_code == 200


@pytest.mark.parametrize(
    "content_type", ["", "text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin-1"]
)
def test_a_body_that_is_not_announced_as_json_is_a_415(full: RunningApi, content_type: str) -> None:
    headers = full.headers | {"Content-Type": content_type}

    assert_problem(
        httpx.post(f"{full.base_url}/enrich/orders", headers=headers, content=body()), 415, "unsupported_media_type"
    )


def test_json_may_name_its_charset(full: RunningApi) -> None:
    headers = full.headers | {"Content-Type": 'Application/JSON; charset="UTF-8"'}

    assert httpx.post(f"{full.base_url}/enrich/orders", headers=headers, content=body()).status_code == 200


def test_a_body_that_is_no_json_is_a_400(full: RunningApi) -> None:
    answer = httpx.post(f"{full.base_url}/enrich/orders", headers=full.headers, content=b"{")

    assert_problem(answer, 400, "not_json")


def test_another_envelope_is_a_422(full: RunningApi) -> None:
    answer = httpx.post(f"{full.base_url}/enrich/orders", headers=full.headers, content=b"[]")

    assert_problem(answer, 422, "invalid_envelope")


def test_a_body_announced_as_too_large_is_refused_unread(minimal: RunningApi) -> None:
    head = (
        f"POST /enrich/orders HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {minimal.key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {2**20 + 1}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", minimal.process.port), timeout=10) as connection:
        connection.sendall(head.encode())
        assert connection.recv(65536).startswith(b"HTTP/1.1 413")


def test_a_body_of_unknown_length_is_refused_as_soon_as_it_is_too_large(minimal: RunningApi) -> None:
    def endless() -> Any:
        for _ in range(17):
            yield b" " * 65536

    answer = httpx.post(f"{minimal.base_url}/enrich/orders", headers=minimal.headers, content=endless())

    assert_problem(answer, 413, "body_too_large")


def test_a_body_of_exactly_the_largest_size_is_read(minimal: RunningApi) -> None:
    padded = body(row("NOT-AN-ORDER")).ljust(2**20)

    assert httpx.post(f"{minimal.base_url}/enrich/orders", headers=minimal.headers, content=padded).status_code == 200


def test_an_unknown_path_or_method_is_a_problem_too(full: RunningApi) -> None:
    assert_problem(httpx.get(f"{full.base_url}/enrich"), 404, "not_found")
    answer = httpx.delete(f"{full.base_url}/enrich/orders")
    assert_problem(answer, 405, "method_not_allowed")
    assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD", "POST"}
