"""The dashboard over HTTP: who may see it, what it shows, what it exports."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

import httpx
import psycopg
import pytest

from enrich_pipeline.enrich_api.dashboard.sessions import PATH, offer_sign_in
from enrich_pipeline.warehouse.embedded import API_ROLE, EmbeddedPostgres
from enrich_pipeline_tests.enrich_api.wire import post, row
from enrich_pipeline_tests.support.api_server import RunningApi, running_api
from enrich_pipeline_tests.support.databases import fresh_database

NOW = datetime(2025, 6, 20, 12, tzinfo=UTC)
FORMULA, SCRIPT = '=HYPERLINK("x")', "<script>alert(1)</script>"


def sign_in_address(output: str) -> str:
    found = re.search(r"once: (\S+)", output)
    assert found
    return found.group(1)


@pytest.fixture(scope="module")
def service(postgres: EmbeddedPostgres) -> Iterator[RunningApi]:
    """A service with 120 enriched orders, the later sixty of them pending, and some failures; its log is written."""
    orders = [
        (f"ORDER{n:03}", datetime(2025, 6, 10, n % 24, tzinfo=UTC), "USD", Decimal("10.50"), Decimal("5"))
        for n in range(120)
    ]
    with (
        fresh_database(postgres, owner=API_ROLE) as url,
        running_api(url, now=NOW, store_timezone="America/New_York", orders=orders) as api,
    ):
        rows = [row(str(o[0]), order_timestamp=o[1].isoformat(), sales_amount="1234.5") for o in orders]
        post(api, *rows[:60])
        api.refresh()
        post(api, *rows[60:])
        post(api, row(FORMULA), row(SCRIPT), row("ORDER000", sales_amount='"1"'))
        httpx.post(f"{api.base_url}/enrich/orders", headers=api.headers, content=b"{<b>")
        api.restart()
        yield api


@pytest.fixture(scope="module")
def client(service: RunningApi) -> Iterator[httpx.Client]:
    """A signed-in browser."""
    with httpx.Client(base_url=service.base_url, follow_redirects=True) as opened:
        assert opened.get(sign_in_address(service.process.output())).status_code == 200
        yield opened


def page(client: httpx.Client, path: str = "", **query: str) -> str:
    answer = client.get(f"{PATH}{path}", params=query)
    assert answer.status_code == 200, answer.text
    return answer.text


def ids(html: str) -> list[str]:
    return re.findall(r"<th [^>]*><a [^>]*>(ORDER\d+)</a></th>", html)


def test_an_address_signs_in_one_browser_once(service: RunningApi, client: httpx.Client) -> None:
    assert httpx.get(sign_in_address(service.process.output())).status_code == 401


@pytest.mark.parametrize(
    "path", ["", "/orders", "/requests", "/failed-uploads", "/requests-by-day.csv", "/failed-uploads.csv"]
)
def test_without_a_session_there_is_nothing_to_see(service: RunningApi, path: str) -> None:
    for cookies in ({}, {"enrich_order_api_session": "guessed"}):
        answer = httpx.get(f"{service.base_url}{PATH}{path}", cookies=cookies)
        assert answer.status_code == 401
        assert "ORDER" not in answer.text


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "[", ""])
def test_another_hosts_name_is_not_answered_to(client: httpx.Client, host: str) -> None:
    assert client.get(PATH, headers={"Host": host}).status_code in {400, 421}


def test_pages_may_not_be_framed_cached_or_scripted_from_elsewhere(client: httpx.Client) -> None:
    headers = client.get(PATH).headers

    assert "default-src 'none'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["cache-control"] == "no-store"


def test_the_cookie_is_kept_from_scripts_and_other_sites(service: RunningApi) -> None:
    with psycopg.connect(service.config.database_url, autocommit=True) as connection:
        answer = httpx.get(offer_sign_in(connection, service.base_url))
    cookie = answer.headers["set-cookie"].lower()
    assert answer.status_code == 303
    assert "httponly" in cookie
    assert "samesite=lax" in cookie


def test_a_key_is_replaced_only_by_our_own_form(service: RunningApi, client: httpx.Client) -> None:
    token = re.search(r'name="form_token" value="([^"]+)"', page(client))
    assert token
    own = {"Origin": service.base_url}
    good = {"form_token": token.group(1)}

    for data, headers in (
        (good, {"Origin": "https://evil.example"}),
        (good, {"Origin": "null"}),
        (good, {}),
        ({"form_token": "guessed"}, own),
        ({}, own),
    ):
        assert client.post(f"{PATH}/key", data=data, headers=headers).status_code == 403
    post(service, row("ORDER000", order_timestamp="2025-06-10T00:00:00Z", sales_amount="1234.5"))

    shown = client.post(f"{PATH}/key", data=good, headers=own)
    key = re.search(r"eoa_[\w-]+", shown.text)
    assert key
    assert key.group(0) not in page(client)
    service.key = key.group(0)
    post(service, row("ORDER000", order_timestamp="2025-06-10T00:00:00Z", sales_amount="1234.5"))


def test_orders_come_latest_first_page_by_page_each_once(client: httpx.Client) -> None:
    seen, query = [], ""
    while True:
        html = client.get(f"{PATH}/orders?{query}").text
        seen += ids(html)
        found = re.search(r'rel="next" href="[^"?]*\?([^"]*)"', html)
        if not found:
            break
        query = found.group(1).replace("&amp;", "&")

    assert len(seen) == len(set(seen)) == 120
    assert seen == sorted(seen, key=lambda order_id: (int(order_id[5:]) % 24, order_id), reverse=True)


def test_an_order_shows_what_it_was_and_what_it_is(client: httpx.Client) -> None:
    html = page(client, "/orders", search="ORDER023")

    assert ids(html) == ["ORDER023"]
    for shown in ("10.50", "1,234.50", "5.00", "\u221265.40", "Applied", "2025-06-10 19:00:00"):
        assert shown in html


def test_one_order_shows_the_difference_and_its_failed_uploads(client: httpx.Client) -> None:
    html = page(client, "/order", id="ORDER000")

    for shown in ("10.50 USD", "1,234.50 USD", "1,224.00 USD", "\u221270.40 USD", "invalid_amount"):
        assert shown in html
    assert client.get(f"{PATH}/order", params={"id": "ORDER999"}).status_code == 404


def test_orders_are_filtered_by_time_on_the_stores_clock_and_by_status(client: httpx.Client) -> None:
    midnight = {"from": "2025-06-10T00:00", "to": "2025-06-10T01:00"}

    assert ids(page(client, "/orders", **midnight)) == ["ORDER100", "ORDER076", "ORDER052", "ORDER028", "ORDER004"]
    assert ids(page(client, "/orders", **midnight, choice="applied")) == ["ORDER052", "ORDER028", "ORDER004"]
    assert "Nothing matches" in page(client, "/orders", choice="outside_window")


def test_a_filter_that_makes_no_sense_filters_nothing(client: httpx.Client) -> None:
    html = page(client, "/orders", **{"from": "yesterday", "after": "x|y", "search": "\x00", "choice": ""})

    assert len(ids(html)) == 50


def test_requests_are_filtered_and_one_is_shown_whole(client: httpx.Client) -> None:
    html = page(client, "/requests", choice="rejected", method="POST")
    links = re.findall(rf'href="{PATH}(/requests/req_\w+)"', html)

    assert len(links) == 1
    detail = page(client, links[0])
    assert "invalid_amount" in detail
    assert "&lt;script&gt;" in detail
    assert "not_json" in page(client, "/requests", choice="failed")
    assert "not_json" not in page(client, "/requests", choice="succeeded")
    assert client.get(f"{PATH}/requests/req_none").status_code == 404


def test_nothing_that_a_client_sent_becomes_markup(client: httpx.Client) -> None:
    everything = page(client, "/failed-uploads") + page(client, "/requests") + page(client, "/orders", search=SCRIPT)

    assert SCRIPT not in everything
    assert SCRIPT.replace("<", "&lt;").replace(">", "&gt;") in everything


def test_failed_uploads_are_listed_by_reason_and_exported(client: httpx.Client) -> None:
    html = page(client, "/failed-uploads", choice="unknown_order")
    assert html.count("<code>unknown_order</code>") == 2

    rows = list(csv.DictReader(io.StringIO(page(client, "/failed-uploads.csv", choice="unknown_order"))))
    assert [found["order_id"] for found in rows] == [SCRIPT, f"'{FORMULA}"]
    assert {found["code"] for found in rows} == {"unknown_order"}


def test_requests_are_exported_by_day(client: httpx.Client) -> None:
    rows = list(csv.DictReader(io.StringIO(page(client, "/requests-by-day.csv"))))
    posts = [found for found in rows if (found["method"], found["status"]) == ("POST", "200")]

    assert sum(int(found["accepted"]) for found in posts) >= 120
    assert sum(int(found["rejected"]) for found in posts) == 3


def test_the_trend_has_seven_days_and_the_totals(client: httpx.Client) -> None:
    html = page(client)

    assert html.count("<g>") == 7
    assert len(re.findall(r'<th role="rowheader"[^>]*>\d{4}-\d\d-\d\d<', html)) == 7
    assert "America/New_York" in html


def test_a_new_store_has_empty_states_and_no_errors(postgres: EmbeddedPostgres) -> None:
    with (
        fresh_database(postgres, owner=API_ROLE) as url,
        running_api(url) as api,
        httpx.Client(base_url=api.base_url, follow_redirects=True) as client,
    ):
        assert "No orders were posted" in client.get(sign_in_address(api.process.output())).text
        assert "No enriched orders yet" in page(client, "/orders")
        assert "No requests yet" in page(client, "/requests")
        assert "No failed uploads" in page(client, "/failed-uploads")
        assert page(client, "/failed-uploads.csv").count("\n") == 1
