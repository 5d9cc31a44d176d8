"""Whatever a vendor answers, a caller gets an answer of the promised shape or an error of this package, never another.

Any other exception would end an upload without a word in its ledger about a batch that the vendor may have stored.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from enrich_pipeline.domain.contract import FULL
from enrich_pipeline.enrich_client import NO_RETRIES, EnrichApiError, EnrichClient, GetAnswer, PostAnswer
from enrich_pipeline_tests.enrich_client.conftest import KEY
from enrich_pipeline_tests.support.scripted_server import Reply, ScriptedServer, scripted_server

START = datetime(2025, 6, 10, tzinfo=UTC)

_ROW_ERROR = {"index": 0, "order_id": "A1", "code": "unknown_order", "message": "no such order"}
_HELD = {
    "order_id": "A1",
    "order_timestamp": "2025-06-10T20:19:00Z",
    "sales_amount": 269.94,
    "profit_amount": -65.4,
    "currency": "USD",
    "status": "applied",
}
_DOCUMENTS = [
    {"request_id": "r-1", "received": 1, "accepted": 1, "rejected": 0, "errors": []},
    {"request_id": "r-1", "received": 1, "accepted": 0, "rejected": 1, "errors": [_ROW_ERROR]},
    {"orders": [_HELD]},
    {"type": "urn:problem:wrong", "title": "Wrong", "detail": "It is wrong.", "code": "wrong", "request_id": "r-1"},
]
_FRAGMENTS = [
    b"null", b"true", b"{}", b"[]", b"-1", b"-0", b"NaN", b"1e999999999", b"1e-400", b"9" * 5_000, b"[" * 100_000,
    b'"NaN"', b'"Infinity"', b'"\\u0000"', b'"\\ud800"', b'"' + b"x" * 9_000 + b'"', b"\xff", b'"\xe9"',
    b'"9999-12-31T23:59:59.999999999-14:00"', b'"0001-01-01T00:00:00+14:00"', f'"{KEY}"'.encode(), KEY.encode(),
]  # fmt: skip


@st.composite
def _bodies(draw: st.DrawFn) -> bytes:
    """A good document, with one or two places of it replaced: a value by another, or bytes by any bytes."""
    body = json.dumps(draw(st.sampled_from(_DOCUMENTS))).encode()
    for _ in range(draw(st.integers(0, 2))):
        colons = [place + 2 for place in range(len(body)) if body[place : place + 2] == b": "]
        if colons and draw(st.booleans()):
            start = draw(st.sampled_from(colons))
            end = min(place for place in (body.find(b",", start), body.find(b"}", start), len(body)) if place >= 0)
        else:
            start = draw(st.integers(0, len(body)))
            end = start + draw(st.integers(0, 8))
        piece = draw(st.one_of(st.sampled_from(_FRAGMENTS), st.binary(max_size=4)))
        body = body[:start] + piece + body[end:]
    return body


_headers = st.fixed_dictionaries(
    {},
    optional={
        "Retry-After": st.sampled_from(["0", "²", "", "9" * 999, "Tue, 10 Jun 2025 12:00:07 +99999999999999999999"]),
        "X-Request-Id": st.sampled_from(["\xff", "x" * 5_000, f"r-{KEY}"]),
        "Content-Encoding": st.sampled_from(["gzip", "br", "deflate", "identity", "\xff"]),
    },
)
_statuses = st.sampled_from([200, 200, 200, 201, 204, 301, 304, 400, 401, 404, 413, 415, 418, 422, 429, 500, 503, 599])


@pytest.fixture(scope="module")
def server() -> Iterator[ScriptedServer]:
    """A server whose answer each example sets."""
    with scripted_server(lambda _request: Reply()) as running:
        yield running


@settings(max_examples=300)
@given(reply=st.builds(Reply, _statuses, _bodies(), _headers), is_post=st.booleans())
def test_an_answer_has_the_promised_shape_or_is_an_error_that_holds_no_key(
    server: ScriptedServer, reply: Reply, is_post: bool
) -> None:
    server.respond = lambda _request: reply
    with EnrichClient(server.url, SecretStr(KEY), FULL, retry=NO_RETRIES) as client:
        try:
            if is_post:
                answer = client.post_orders(b'{"orders":[{}]}', order_count=1)
            else:
                answer = client.get_orders(START, START + timedelta(days=1), 1)
        except EnrichApiError as error:
            answer = error

    match answer:
        case PostAnswer():
            assert answer.accepted == 1 - len(answer.row_errors)
            assert KEY not in repr(answer)
        case GetAnswer():
            assert all(row.sales_amount.is_finite() and row.profit_amount.is_finite() for row in answer.orders)
        case EnrichApiError():
            assert KEY not in f"{answer} {vars(answer)}"
            assert len(str(answer)) < 2_000
