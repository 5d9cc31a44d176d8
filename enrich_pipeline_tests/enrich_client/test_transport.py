import logging
import socket
import traceback
from gzip import decompress

import pytest
from pydantic import SecretStr

from enrich_pipeline.domain.contract import FULL, MINIMAL
from enrich_pipeline.domain.errors import SettingsError
from enrich_pipeline.enrich_client import (
    NO_RETRIES,
    AnswerLost,
    AnswerTimedOut,
    AuthenticationError,
    ConnectionFailed,
    EnrichApiError,
    EnrichClient,
    Redirected,
    Timeouts,
    Unprocessable,
)
from enrich_pipeline.enrich_client.transport import is_this_machine
from enrich_pipeline_tests.enrich_client.conftest import KEY
from enrich_pipeline_tests.support.scripted_server import Reply, Reset, Silence, json_reply

ACCEPTED = json_reply({"request_id": "r1", "received": 1, "accepted": 1, "rejected": 0, "errors": []})


def post(client):
    return client.post_orders(b'{"orders":[{}]}', order_count=1)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_a_post_carries_the_key_the_body_and_who_we_are(talking):
    with talking(ACCEPTED) as (client, server):
        post(client)
        (request,) = server.requests
    assert (request.method, request.path, request.body) == ("POST", "/enrich/orders", b'{"orders":[{}]}')
    assert request.headers["Authorization"] == f"Bearer {KEY}"
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["Accept"] == "application/json"
    assert request.headers["User-Agent"].startswith("enrich-pipeline/")


@pytest.mark.parametrize(("gzip", "encoding"), [(False, "identity"), (None, "identity"), (True, "gzip")])
def test_compressed_answers_are_asked_for_when_told_to_and_not_of_this_machine(talking, gzip, encoding):
    with talking(ACCEPTED, gzip=gzip) as (client, server):
        post(client)
        assert server.requests[0].headers["Accept-Encoding"] == encoding


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://localhost:1/v1", "http://[::1]:1"])
def test_this_machine_is_known_by_its_names(url):
    assert is_this_machine(url)
    assert not is_this_machine(url.replace("127.0.0.1", "10.0.0.1").replace("localhost", "x.eu").replace("::1", "::2"))


@pytest.mark.parametrize(
    ("profile", "gzip", "is_compressed"), [(FULL, True, True), (FULL, None, False), (MINIMAL, True, False)]
)
def test_a_body_is_compressed_where_the_vendor_takes_it_and_is_elsewhere(talking, profile, gzip, is_compressed):
    answer = ACCEPTED if profile is FULL else json_reply({})
    with talking(answer, profile=profile, gzip=gzip) as (client, server):
        post(client)
        (request,) = server.requests
    assert ("Content-Encoding" in request.headers) == is_compressed
    assert (decompress(request.body) if is_compressed else request.body) == b'{"orders":[{}]}'


@pytest.mark.parametrize("status", [400, 415, 422])
def test_a_vendor_that_cannot_read_compressed_bodies_gets_them_as_they_are(talking, status):
    def respond(request):
        return Reply(status) if "Content-Encoding" in request.headers else ACCEPTED

    with talking(respond=respond, gzip=True) as (client, server):
        post(client)
        post(client)
        assert ["Content-Encoding" in request.headers for request in server.requests] == [True, False, False]


def test_a_body_that_is_refused_either_way_is_no_reason_to_stop_compressing(talking):
    with talking(Reply(422), Reply(422), ACCEPTED, Reply(422), gzip=True) as (client, server):
        with pytest.raises(Unprocessable):
            post(client)
        post(client)
        with pytest.raises(Unprocessable):
            post(client)
        encoded = ["Content-Encoding" in request.headers for request in server.requests]
    assert encoded == [True, False, True, True]


def test_a_base_url_may_have_a_path_of_its_own(talking):
    with talking(ACCEPTED) as (_, server), EnrichClient(f"{server.url}/v1", SecretStr(KEY), FULL) as client:
        post(client)
        assert server.requests[0].path == "/v1/enrich/orders"


def test_a_connection_is_kept_for_the_next_request(talking):
    with talking(*[ACCEPTED] * 3) as (client, server):
        for _ in range(3):
            post(client)
        assert len({request.client_port for request in server.requests}) == 1


def test_where_nobody_listens_nothing_was_sent():
    with (
        EnrichClient(f"http://127.0.0.1:{free_port()}", SecretStr(KEY), FULL, retry=NO_RETRIES) as client,
        pytest.raises(ConnectionFailed, match="nothing was sent") as caught,
    ):
        post(client)
    assert caught.value.outcome_known


def test_a_server_that_speaks_no_tls_was_sent_nothing(talking):
    with talking() as (_, server):
        url = server.url.replace("http:", "https:")
        with (
            EnrichClient(url, SecretStr(KEY), FULL, retry=NO_RETRIES) as client,
            pytest.raises(ConnectionFailed),
        ):
            post(client)
    assert server.requests == []


@pytest.mark.parametrize(
    "answer",
    [
        Reset(),
        Reply(200, b'{"request_id":"r1","received":1}', cut_after=10),
        Reply(200, b"", cut_after=0, headers={"Content-Length": "5"}),
        Reply(200, b'{"request_id":"r1"', headers={}),
        Reply(200, b"<html>Please sign in</html>"),
        Reply(200, b"not gzip", headers={"Content-Encoding": "gzip"}),
        Reply(204, b""),
        Reply(200, '{"request_id":"é"}'.encode("latin-1")),
        Reply(200, b'{"more":' + b"[" * 100_000),
    ],
    ids=[
        "reset",
        "cut in the body",
        "cut before the body",
        "half a document",
        "a proxy's page",
        "broken gzip",
        "empty",
        "another encoding",
        "endless nesting",
    ],
)
def test_an_answer_that_is_not_whole_leaves_the_outcome_unknown(talking, answer):
    with talking(answer, retry=NO_RETRIES) as (client, _), pytest.raises(AnswerLost) as caught:
        post(client)
    assert not caught.value.outcome_known


def test_a_lost_answer_is_asked_for_again(talking):
    with talking(Reset(), Reply(200, b"{}", cut_after=1), ACCEPTED) as (client, server):
        answer = post(client)
        assert answer.attempts == len(server.requests) == 3
        assert answer.accepted == 1


def test_an_answer_that_never_comes_times_out_with_its_outcome_unknown(talking):
    with (
        talking(Silence(), retry=NO_RETRIES, timeouts=Timeouts(read=0.05)) as (client, server),
        pytest.raises(AnswerTimedOut) as caught,
    ):
        post(client)
    assert len(server.requests) == 1
    assert not caught.value.outcome_known


def test_a_redirect_is_an_error_and_the_key_is_not_sent_on(talking):
    with talking() as (_, elsewhere):
        redirect = Reply(307, headers={"Location": f"{elsewhere.url}/enrich/orders"})
        with talking(redirect) as (client, _), pytest.raises(Redirected, match="Redirects are not followed"):
            post(client)
        assert elsewhere.requests == []


@pytest.fixture
def no_proxy(monkeypatch):
    """An environment that names no proxy, to set one in."""
    for variable in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(variable, raising=False)
        monkeypatch.delenv(variable.lower(), raising=False)
    return monkeypatch


def test_a_proxy_of_the_environment_is_not_used_for_this_machine(talking, no_proxy):
    no_proxy.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")
    with talking(ACCEPTED) as (client, _):
        assert post(client).accepted == 1


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "ALL_PROXY"])
@pytest.mark.parametrize("scheme", ["http://", ""])
def test_a_proxy_of_the_environment_is_asked_for_other_machines(talking, no_proxy, variable, scheme):
    with talking(Reply(502)) as (_, proxy):
        no_proxy.setenv(variable, proxy.url.replace("http://", scheme))
        with pytest.raises(ConnectionFailed):
            post(EnrichClient("https://vendor.example", SecretStr(KEY), FULL, retry=NO_RETRIES))
        (request,) = proxy.requests
    assert (request.method, request.headers["Host"]) == ("CONNECT", "vendor.example:443")
    assert "Authorization" not in request.headers


def test_a_machine_that_the_environment_excepts_is_reached_without_its_proxy(talking, no_proxy):
    with talking(Reply(502)) as (_, proxy):
        no_proxy.setenv("HTTPS_PROXY", proxy.url)
        no_proxy.setenv("NO_PROXY", "127.0.0.2,elsewhere.example")
        with pytest.raises(ConnectionFailed):
            post(EnrichClient(f"https://127.0.0.2:{free_port()}", SecretStr(KEY), FULL, retry=NO_RETRIES))
        assert proxy.requests == []


def test_plain_http_to_another_machine_is_refused_before_the_key_is_sent():
    with pytest.raises(SettingsError, match="must be https"):
        EnrichClient("http://vendor.example", SecretStr(KEY), FULL)


@pytest.mark.parametrize("key", ["", "two words", "line\nbreak", "schlüssel", " edge"])
def test_a_key_that_no_header_can_carry_is_refused_without_repeating_it(key):
    with pytest.raises(SettingsError, match="WORKMAGIC_API_KEY") as caught:
        EnrichClient("http://127.0.0.1:1", SecretStr(key), FULL)
    assert not key or key not in str(caught.value)


def test_the_key_is_in_no_repr_log_or_error(talking, caplog):
    caplog.set_level(logging.DEBUG)
    echo = json_reply({"title": "Unauthorized", "detail": f"no such key: {KEY}", "code": f"bad-{KEY}"}, status=401)
    errors = []
    for answer in (echo, Reset(), Reply(500, KEY.encode()), Reply(200, KEY.encode())):
        with talking(answer, retry=NO_RETRIES) as (client, _):
            try:
                post(client)
            except EnrichApiError as error:
                errors.append(error)
            seen = repr(client) + repr(vars(client)) + repr(vars(client._transport))
            assert KEY not in seen
    assert len(errors) == 4
    for error in errors:
        assert KEY not in "".join(traceback.format_exception(error))
        assert KEY not in repr(vars(error))
    assert "httpcore" in caplog.text
    assert KEY not in caplog.text


def test_the_key_is_in_nothing_that_a_report_on_rows_says(talking):
    row = {"index": 0, "order_id": "A1", "code": f"bad-{KEY}", "message": f"no such key:\n{KEY}"}
    report = {"request_id": f"r-{KEY}", "received": 1, "accepted": 0, "rejected": 1, "errors": [row]}
    with talking(json_reply(report)) as (client, _):
        answer = client.post_orders(b"{}", order_count=1)
    assert answer.request_id == "r-[key]"
    assert [(row.code, row.message) for row in answer.row_errors] == [("bad-[key]", "no such key: [key]")]


def test_an_error_says_where_the_key_is_made(talking):
    with talking(json_reply({}, status=403)) as (client, _), pytest.raises(AuthenticationError) as caught:
        post(client)
    assert "Settings > Store Data Settings > Enrich Order API" in str(caught.value)
