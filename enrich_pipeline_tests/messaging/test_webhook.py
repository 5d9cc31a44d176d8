"""The webhook: what is posted, and that a failure says why without saying where."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from pydantic import SecretStr

from enrich_pipeline.domain.errors import SettingsError
from enrich_pipeline.messaging.webhook import WebhookError, post_message
from enrich_pipeline.settings import load_settings

SECRET = "T0000-canary-secret"


class Channel:
    """A webhook that answers with `status` and keeps what it was sent."""

    def __init__(self) -> None:
        self.status = 200
        self.bodies: list[dict[str, str]] = []
        channel = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                channel.bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(channel.status)
                self.send_header("Location", "http://127.0.0.1:1/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = SecretStr(f"http://127.0.0.1:{self.server.server_port}/services/{SECRET}")


@pytest.fixture
def channel() -> Iterator[Channel]:
    opened = Channel()
    thread = threading.Thread(target=opened.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield opened
    opened.server.shutdown()
    thread.join()
    opened.server.server_close()


def test_a_message_arrives_as_slack_takes_it(channel: Channel) -> None:
    post_message(channel.url, "a day failed")
    assert channel.bodies == [{"text": "a day failed"}]


@pytest.mark.parametrize("status", [302, 404, 500])
def test_anything_but_success_is_an_error_that_does_not_tell_the_address(channel: Channel, status: int) -> None:
    channel.status = status
    with pytest.raises(WebhookError, match=str(status)) as raised:
        post_message(channel.url, "a day failed")
    assert SECRET not in str(raised.value)
    assert raised.value.__cause__ is None


def test_a_webhook_that_is_not_there_is_an_error_that_does_not_tell_the_address() -> None:
    with pytest.raises(WebhookError) as raised:
        post_message(SecretStr(f"http://127.0.0.1:1/{SECRET}"), "a day failed")
    assert SECRET not in str(raised.value)


def test_plain_http_is_allowed_to_this_machine_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALERT_WEBHOOK_URL", f"http://hooks.example.com/{SECRET}")
    with pytest.raises(SettingsError, match="ALERT_WEBHOOK_URL: must be https") as raised:
        load_settings()
    assert SECRET not in str(raised.value)
