"""A brand's way through the dashboard in a real browser: everything that the vendor's guide says the page has."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
import psycopg
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect

from enrich_pipeline.enrich_api.channel_orders import ChannelOrder
from enrich_pipeline.enrich_api.dashboard.sessions import PATH, offer_sign_in
from enrich_pipeline.enrich_api.stores import add_store
from enrich_pipeline.warehouse.embedded import API_ROLE, EmbeddedPostgres
from enrich_pipeline_tests.enrich_api.wire import post, row
from enrich_pipeline_tests.support.api_server import RunningApi, running_api
from enrich_pipeline_tests.support.databases import fresh_database
from enrich_pipeline_tests.support.used_service import fill_service

# At whatever hour the tests run, no day ends between what was posted and what is looked at.
_ZONE = next(name for name in ("America/New_York", "Asia/Tokyo") if 5 <= datetime.now(ZoneInfo(name)).hour < 22)
_ORDERED_AT = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=2)
_SCRIPT = "<script>window.ran = true</script>"
_HANDLER = '"><img src=x onerror="window.ran = true">'
_FORMULA = '=HYPERLINK("https://evil.example","open")'
_HOSTILE = (_SCRIPT, _HANDLER, _FORMULA, "</pre></td>{{ 7*7 }}", "javascript:window.ran=true")
_PAGES = ("", "/orders", "/requests", "/failed-uploads")


@pytest.fixture(scope="module")
def service(postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApi]:
    """A service after two weeks of use, to which an hour ago hostile order ids were posted too."""
    known = [*(f"KNOWN{number}" for number in range(3)), *_HOSTILE]
    orders = [ChannelOrder(order_id, _ORDERED_AT, "USD", Decimal("300.00"), Decimal("120.00")) for order_id in known]
    with (
        fresh_database(postgres, owner=API_ROLE) as url,
        running_api(
            url,
            store_timezone=_ZONE,
            orders=orders,
            key_secret_file=tmp_path_factory.mktemp("keys") / "secret",
            arguments=["--workers", "2"],  # whichever serves the next page
        ) as api,
    ):
        with psycopg.connect(api.config.database_url) as connection:
            fill_service(connection, orders=200, requests=300)
            add_store(connection, "Outlet", timezone="Europe/Paris", currency="EUR")
            # At whatever hour the tests run, no daily refresh comes between what was posted and what is looked at.
            connection.execute("UPDATE enrich_api.stores SET refreshed_at = now() + interval '1 day'")
        moment = _ORDERED_AT.isoformat()
        post(api, *(row(order_id, order_timestamp=moment) for order_id in known))
        post(api, *(row(f"{order_id} unknown") for order_id in _HOSTILE), row("KNOWN0", sales_amount='"1"'))
        httpx.post(f"{api.base_url}/enrich/orders", headers=api.headers, content=f"not JSON {_SCRIPT}")
        api.restart()  # which writes the request log to its end
        yield api


@pytest.fixture(scope="module")
def context(service: RunningApi, shared_browser: Browser) -> Iterator[BrowserContext]:
    """A signed-in browser that reports whatever it loads from elsewhere, or runs that it should not."""
    opened = shared_browser.new_context(accept_downloads=True)
    with psycopg.connect(service.config.database_url, autocommit=True) as connection:
        address = offer_sign_in(connection, service.base_url)
    opened.grant_permissions(["clipboard-read", "clipboard-write"], origin=service.base_url)
    page = opened.new_page()
    page.goto(address)
    page.close()
    yield opened
    opened.close()


@pytest.fixture
def page(context: BrowserContext, service: RunningApi) -> Iterator[Page]:
    """A page, which fails its test for any message in the console and anything loaded from elsewhere."""
    opened = context.new_page()
    opened.set_default_timeout(5_000)
    complaints: list[str] = []
    # Chromium itself notes that a page came with 404; one asset that did not come is what matters.
    opened.on("console", lambda said: said.location["url"] == opened.url or complaints.append(said.text))
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("dialog", lambda dialog: complaints.append(dialog.message))
    opened.on("request", lambda request: request.url.startswith(service.base_url) or complaints.append(request.url))
    yield opened
    opened.close()
    assert complaints == []


def _goto(page: Page, service: RunningApi, path: str = "") -> None:
    page.goto(f"{service.base_url}{PATH}{path}")


def _request_with_refused_orders(service: RunningApi) -> str:
    with psycopg.connect(service.config.database_url) as connection:
        found = connection.execute("SELECT request_id FROM enrich_api.rejected_rows ORDER BY 1 DESC").fetchone()
    assert found
    return found[0]


# With a row of each kind instead of fifty: what there is to find is the same, and found sooner.
@pytest.mark.parametrize(
    "path",
    [
        "",
        "/orders?search=KNOWN",
        "/orders?search=no-such-order",
        "/order?id=KNOWN0",
        "/requests?from={an_hour_ago}",
        "/requests/{request_id}",
        "/failed-uploads?search=KNOWN0",
        "/no-such-page",
    ],
)
def test_axe_finds_no_serious_issue_at_either_width_in_light_and_dark(
    page: Page, service: RunningApi, path: str
) -> None:
    an_hour_ago = datetime.now(ZoneInfo(_ZONE)) - timedelta(hours=1)
    _goto(
        page,
        service,
        path.format(an_hour_ago=f"{an_hour_ago:%Y-%m-%dT%H:%M}", request_id=_request_with_refused_orders(service)),
    )
    page.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")
    for width in (1280, 390):
        for scheme in ("light", "dark"):
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme=scheme)
            found = Axe().run(page)
            serious = [issue for issue in found.response["violations"] if issue["impact"] in {"serious", "critical"}]
            assert serious == [], found.generate_report()
            assert page.evaluate("document.documentElement.scrollWidth") == width


def test_the_key_can_be_copied_long_after_it_was_generated(page: Page, service: RunningApi) -> None:
    _goto(page, service)
    keys = page.get_by_role("table", name="Keys that work")
    expect(keys.get_by_role("row").nth(1)).to_contain_text(service.key[-4:])
    assert service.key not in page.content()
    keys.get_by_role("button", name="Copy").click()

    expect(keys.get_by_text("Copied", exact=True)).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == service.key


def test_another_stores_key_is_generated_copied_and_replaced_and_the_old_one_stops_when_it_was_said_to(
    page: Page, service: RunningApi
) -> None:
    _goto(page, service)
    page.get_by_label("Store").select_option("Outlet")
    page.get_by_role("button", name="Switch").click()
    expect(page.get_by_text("There is no key yet.")).to_be_visible()
    expect(page.get_by_text("Europe/Paris")).to_be_visible()
    first = _generated(page, "Generate the key", label="Till <b>")

    page.get_by_text("Generate anew").click()
    page.get_by_label("The present key stops").select_option("in 1 hour")
    second = _generated(page, "Replace the key", label="")
    keys = page.get_by_role("table", name="Keys that work").get_by_role("row")
    expect(keys.nth(1)).to_contain_text(second[-4:])
    expect(keys.nth(2)).to_contain_text(re.compile(f"{first[-4:]}.*Till <b>.*until 2", re.DOTALL))
    assert [_status(service, key) for key in (first, second)] == [200, 200]

    page.get_by_text("Generate anew").click()
    third = _generated(page, "Replace the key", label="")
    assert [_status(service, key) for key in (first, second, third)] == [401, 401, 200]
    page.reload()
    assert third not in page.content()
    page.get_by_label("Store").select_option("default")
    page.get_by_role("button", name="Switch").click()
    expect(page.get_by_text(service.key[-4:])).to_be_visible()


def _generated(page: Page, button: str, *, label: str) -> str:
    """Generate a key as a user does, and return what the clipboard then holds."""
    page.get_by_label("Label").fill(label)
    page.get_by_role("button", name=button).click()
    shown = page.get_by_role("status")
    shown.get_by_role("button", name="Copy").click()
    expect(shown.get_by_text("Copied", exact=True)).to_be_visible()
    key = page.evaluate("navigator.clipboard.readText()")
    expect(page.locator("#shown-key")).to_have_text(key)
    return key


def _status(service: RunningApi, key: str) -> int:
    """What a request that bears this key is answered."""
    query = {"start": "2025-01-01T00:00:00Z", "end": "2025-01-02T00:00:00Z"}
    headers = {"Authorization": f"Bearer {key}"}
    return httpx.get(f"{service.base_url}/enrich/orders", params=query, headers=headers).status_code


def test_the_trend_tells_each_of_seven_days_in_a_chart_and_in_a_table(page: Page, service: RunningApi) -> None:
    _goto(page, service)

    chart = page.get_by_role("img", name=re.compile("Orders by day"))
    expect(chart).to_be_visible()
    assert chart.locator("g").count() == 7
    page.get_by_text("As a table").click()
    today = page.get_by_role("row").last.get_by_role("cell")
    shown = chart.get_attribute("aria-label") or ""
    accepted, refused = today.nth(0).inner_text(), today.nth(1).inner_text()
    assert shown.strip().endswith(f"{accepted} accepted, {refused} refused.")
    assert int(refused) >= len(_HOSTILE) + 1


def test_an_order_is_found_and_its_original_and_updated_sales_and_profit_compared(
    page: Page, service: RunningApi
) -> None:
    _goto(page, service, "/orders")
    page.get_by_role("searchbox", name="Order id").fill("KNOWN1")
    page.get_by_role("button", name="Filter").click()
    expect(page.get_by_role("row")).to_have_count(2)
    page.get_by_role("link", name="KNOWN1", exact=True).click()

    expect(page).to_have_title(re.compile("^Order KNOWN1 · Enrich Order API · Store data settings"))
    sales = page.get_by_role("row", name=re.compile("Sales"))
    expect(sales.get_by_role("cell")).to_have_text(["300.00 USD", "269.94 USD", "\u221230.06 USD"])
    profit = page.get_by_role("row", name=re.compile("Profit"))
    expect(profit.get_by_role("cell")).to_have_text(["120.00 USD", "\u221265.40 USD", "\u2212185.40 USD"])
    expect(page.get_by_text("Pending")).to_be_visible()


def test_a_time_range_is_the_stores_clock_and_says_so(page: Page, service: RunningApi) -> None:
    local = _ORDERED_AT.astimezone(ZoneInfo(_ZONE))
    _goto(page, service, "/orders")
    page.get_by_label(f"From, {_ZONE}").fill((local - timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M"))
    page.get_by_label(f"To, {_ZONE}").fill((local + timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M"))
    page.get_by_label("Status").select_option("Pending")
    page.get_by_role("button", name="Filter").click()

    expect(page.get_by_role("link", name="KNOWN0", exact=True)).to_be_visible()
    assert page.locator("tbody tr").count() <= 3 + len(_HOSTILE) + 1
    expect(page.get_by_text(local.strftime("%Y-%m-%d %H:%M:%S")).first).to_be_visible()
    page.get_by_role("link", name="Clear").click()
    expect(page.locator("tbody tr")).to_have_count(50)


def test_pages_follow_each_other_to_the_end_and_back(page: Page, service: RunningApi) -> None:
    _goto(page, service, "/requests?method=POST")
    seen: list[str] = []
    while True:
        seen += page.locator("tbody tr td:last-child").all_inner_texts()
        earlier = page.get_by_role("link", name="Earlier")
        if not earlier.count():
            break
        earlier.click()

    assert len(seen) == len(set(seen)) > 100
    page.get_by_role("link", name="Back to the latest").click()
    expect(page.locator("tbody tr td:last-child").first).to_have_text(seen[0])


def test_the_request_log_shows_what_came_and_what_was_answered_and_never_the_key(
    page: Page, service: RunningApi
) -> None:
    _goto(page, service, "/requests")
    page.get_by_label("Outcome").select_option("With refused orders")
    page.get_by_role("button", name="Filter").click()
    page.locator("tbody a").first.click()

    expect(page.get_by_role("group", name="What came")).to_contain_text('"sales_amount": "1"')
    expect(page.get_by_role("group", name="What was answered")).to_contain_text('"code": "invalid_amount"')
    assert service.key not in page.content()
    assert f"...{service.key[-4:]}" in page.content()


def test_failed_uploads_are_reviewed_by_reason_and_exported(page: Page, service: RunningApi) -> None:
    _goto(page, service, "/failed-uploads")
    page.get_by_label("Reason").select_option("An amount was missing or no number")
    page.get_by_role("searchbox", name="Order id").fill("KNOWN0")
    page.get_by_role("button", name="Filter").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator("tbody tr")).to_contain_text("sales_amount must be a JSON number, not a string.")

    [found] = _downloaded(page, "Export these (CSV)", "failed-uploads.csv")
    assert (found["order_id"], found["code"]) == ("KNOWN0", "invalid_amount")


def test_an_exported_formula_is_a_text(page: Page, service: RunningApi) -> None:
    _goto(page, service, "/failed-uploads")

    exported = _downloaded(page, "Export all (CSV)", "failed-uploads.csv")

    assert f"'{_FORMULA} unknown" in {found["order_id"] for found in exported}
    assert not any(value.startswith(("=", "+", "-", "@")) for found in exported for value in found.values())


def test_api_requests_are_exported_by_day(page: Page, service: RunningApi) -> None:
    _goto(page, service)

    exported = _downloaded(page, "Export API requests per day (CSV)", "api-requests-by-day.csv")

    assert {"day", "method", "status", "requests", "accepted", "rejected"} <= exported[0].keys()
    assert {found["method"] for found in exported} == {"GET", "POST"}
    assert sum(int(found["requests"]) for found in exported) >= 300


def test_text_that_came_with_orders_runs_nowhere(page: Page, service: RunningApi) -> None:
    for path in [*_PAGES, f"/requests/{_request_with_refused_orders(service)}"]:
        _goto(page, service, path)
        assert page.evaluate("window.ran") is None, path
    for order_id in _HOSTILE:
        _goto(page, service, "/orders")
        page.get_by_role("searchbox", name="Order id").fill(order_id)
        page.get_by_role("button", name="Filter").click()
        page.get_by_role("link", name=order_id, exact=True).click()
        expect(page.get_by_role("heading", level=1)).to_have_text(order_id)
        assert page.evaluate("window.ran") is None


def test_even_markup_that_got_into_a_page_could_not_run(context: BrowserContext, service: RunningApi) -> None:
    page = context.new_page()
    _goto(page, service)
    refused = page.evaluate(
        """(markup) => new Promise(told => {
            document.addEventListener("securitypolicyviolation", event => told(event.effectiveDirective));
            document.querySelector("main").insertAdjacentHTML("beforeend", markup);
        })""",
        '<img src="/settings/x" onerror="window.ran = true">',
    )

    assert refused in {"script-src-attr", "script-src"}
    assert page.evaluate("window.ran") is None
    page.close()


def test_everything_is_reached_by_keyboard_with_the_focus_in_sight(page: Page, service: RunningApi) -> None:
    _goto(page, service, "/orders")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    expect(page.get_by_role("link", name="Skip to content")).to_be_in_viewport()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_role("searchbox", name="Order id")).to_be_focused()
    outline = page.evaluate("getComputedStyle(document.activeElement).outline")
    assert "solid 2px" in outline
    page.keyboard.type("KNOWN2")
    page.keyboard.press("Enter")
    expect(page.locator("tbody tr")).to_have_count(1)


def _downloaded(page: Page, link: str, name: str) -> list[dict[str, str]]:
    with page.expect_download() as download:
        page.get_by_role("link", name=link).click()
    assert download.value.suggested_filename == name
    with Path(download.value.path()).open(newline="") as file:
        return list(csv.DictReader(file))
