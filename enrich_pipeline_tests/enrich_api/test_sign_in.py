"""Who gets into the dashboard, by which names it is called, and which store it shows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
import psycopg
import pytest

from enrich_pipeline.enrich_api.dashboard.sessions import PATH, offer_sign_in
from enrich_pipeline.enrich_api.database import connect
from enrich_pipeline.enrich_api.hosts import Hosts
from enrich_pipeline.enrich_api.stores import add_store
from enrich_pipeline.warehouse.embedded import API_ROLE, EmbeddedPostgres
from enrich_pipeline_tests.enrich_api.wire import body, post, row
from enrich_pipeline_tests.support.api_server import RunningApi, running_api
from enrich_pipeline_tests.support.databases import fresh_database

_PASSWORD = "correct horse battery"
_ORDER = ("ORDER1", datetime(2025, 6, 10, tzinfo=UTC), "USD", 10, 5)


@pytest.fixture(scope="module")
def service(postgres: EmbeddedPostgres) -> Iterator[RunningApi]:
    """A service with a password, a name of its own, and a second store in Tokyo."""
    with (
        fresh_database(postgres, owner=API_ROLE) as url,
        running_api(url, orders=[_ORDER], dashboard_password=_PASSWORD, arguments=["--allow-host", "api.test"]) as api,
    ):
        with connect(api.config) as connection:
            add_store(connection, "Tokyo <b>", timezone="Asia/Tokyo", currency="JPY")
        post(api, row("ORDER1", order_timestamp="2025-06-10T00:00:00Z"))
        yield api


@pytest.fixture
def client(service: RunningApi) -> Iterator[httpx.Client]:
    """A browser that is not signed in."""
    with httpx.Client(base_url=service.base_url, follow_redirects=True) as opened:
        yield opened


def sign_in(client: httpx.Client, service: RunningApi) -> None:
    with psycopg.connect(service.config.database_url, autocommit=True) as connection:
        assert client.get(offer_sign_in(connection, service.base_url)).status_code == 200


def send_form(client: httpx.Client, path: str, **fields: str) -> httpx.Response:
    """Send a form of the overview as a browser would."""
    token = re.search(r'name="form_token" value="([^"]+)"', client.get(PATH).text)
    data = fields | ({"form_token": token.group(1)} if token else {})
    return client.post(f"{PATH}{path}", data=data, headers={"Origin": str(client.base_url).rstrip("/")})


def test_the_bare_address_leads_to_the_dashboard(client: httpx.Client) -> None:
    asked = client.get("/")
    assert (asked.status_code, asked.url.path) == (401, PATH)
    assert "Sign in" in asked.text


def test_the_password_signs_in_and_no_other_does(client: httpx.Client) -> None:
    asked = client.get(f"{PATH}/orders")
    assert asked.status_code == 401
    assert 'type="password"' in asked.text

    assert send_form(client, "/sign-in", password="wrong horse").status_code == 401
    assert send_form(client, "/sign-in", password=_PASSWORD).status_code == 200
    assert "ORDER1" in client.get(f"{PATH}/orders").text


def test_a_sign_in_form_from_another_site_is_refused(client: httpx.Client) -> None:
    for origin in ("https://evil.example", "null", "http://127.0.0.1:1"):
        refused = client.post(f"{PATH}/sign-in", data={"password": _PASSWORD}, headers={"Origin": origin})
        assert refused.status_code == 403


def test_guessing_the_password_is_stopped_for_a_while(service: RunningApi, client: httpx.Client) -> None:
    answers = [send_form(client, "/sign-in", password=f"guess {n}").status_code for n in range(6)]
    assert answers[-1] == 429
    assert send_form(client, "/sign-in", password=_PASSWORD).status_code == 429

    sign_in(client, service)
    assert client.get(PATH).status_code == 200


def test_each_store_is_shown_by_itself_on_its_own_clock(service: RunningApi, client: httpx.Client) -> None:
    sign_in(client, service)
    assert "Tokyo &lt;b&gt;" in client.get(PATH).text

    shown = send_form(client, "/store", store="Tokyo <b>")
    assert "Asia/Tokyo" in shown.text
    assert "There is no key yet" in shown.text
    assert "No enriched orders yet" in client.get(f"{PATH}/orders").text

    send_form(client, "/store", store="no such store")
    assert "Asia/Tokyo" in client.get(PATH).text
    send_form(client, "/store", store="default")
    assert "ORDER1" in client.get(f"{PATH}/orders").text


def test_a_key_belongs_to_the_store_it_was_generated_for(service: RunningApi, client: httpx.Client) -> None:
    sign_in(client, service)
    send_form(client, "/store", store="Tokyo <b>")
    shown = re.search(r"eoa_[\w-]{20,}", send_form(client, "/key", label="till").text)
    assert shown

    headers = service.headers | {"Authorization": f"Bearer {shown.group(0)}"}
    answer = httpx.post(f"{service.base_url}/enrich/orders", headers=headers, content=body(row("ORDER1")))
    assert [error["code"] for error in answer.json()["errors"]] == ["unknown_order"]
    post(service, row("ORDER1", order_timestamp="2025-06-10T00:00:00Z"))


def test_the_api_answers_to_its_own_names_only(service: RunningApi) -> None:
    def status(**headers: str) -> int:
        url = f"{service.base_url}/enrich/orders"
        return httpx.post(url, headers=service.headers | headers, content=body(row("ORDER1"))).status_code

    for name in ("localhost", "api.test:8321", "192.0.2.7", "[2001:db8::1]:80", "API.test"):
        assert status(Host=name) == 200
    assert status(Host="evil.example") == 421
    assert status(Origin="https://evil.example") == 403
    assert httpx.get(f"{service.base_url}/healthz", headers={"Host": "probe"}).status_code == 200


@pytest.mark.parametrize(
    "host", ["", "[", "api.test.evil", "evil@api.test", "api.test@evil", "127.0.0.1.evil", "1.2.3"]
)
def test_a_name_that_only_looks_like_ours_is_not(host: str) -> None:
    hosts = Hosts({"api.test"})

    assert not hosts.are_named_by(host)
    assert not hosts.are_origin(f"http://{host}")
