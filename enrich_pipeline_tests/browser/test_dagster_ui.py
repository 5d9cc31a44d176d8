"""A data engineer's way through the Dagster UI: a day is materialised by clicking, and its receipt shows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser, Page, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeoutError

from enrich_pipeline.orchestration.flow import (
    ALERTS_SENSOR,
    AWAITING_REFRESH_SENSOR,
    ENRICHED_UPLOAD,
    LATE_CHANGES_SENSOR,
    UPLOAD_VERIFICATION,
)
from enrich_pipeline_tests.support.dagster_api import DagsterApi
from enrich_pipeline_tests.support.running_ui import Shop, running_ui, seeded_shop

# A run waits for the daemon's next look, and then for its process, beside other tests.
_DONE_MS = 120_000
_SHOWN_MS = 60_000

_SENSORS = (LATE_CHANGES_SENSOR, AWAITING_REFRESH_SENSOR, ALERTS_SENSOR)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """Three days, the first of which is done: the others are the tests' own."""
    with seeded_shop(tmp_path_factory.mktemp("ui"), days=3, orders_per_day=120) as seeded:
        seeded.run("run", "--from", seeded.keys[0], "--to", seeded.keys[0])
        yield seeded


@pytest.fixture(scope="module")
def dagster(shop: Shop) -> Iterator[DagsterApi]:
    with running_ui(shop) as opened:
        for sensor in _SENSORS:
            opened.stop_sensor(sensor)
        yield opened


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    opened = browser.new_page(viewport={"width": 1500, "height": 1200})
    opened.set_default_timeout(_SHOWN_MS)
    yield opened
    opened.close()


def _reload_until_shown(page: Page, text: str) -> None:
    """Look at the page again and again: it does not follow a run that was queued when it was opened."""
    deadline = datetime.now(UTC) + timedelta(milliseconds=_DONE_MS)
    while datetime.now(UTC) < deadline:
        with suppress(PlaywrightTimeoutError):
            page.get_by_text(text).wait_for(timeout=4_000)
            return
        page.reload()
    pytest.fail(f"{text} did not show within {_DONE_MS / 1000:.0f} seconds")


@pytest.mark.timeout(400)
def test_a_day_is_materialised_by_clicking_and_its_receipt_and_checks_show(
    page: Page, shop: Shop, dagster: DagsterApi
) -> None:
    yesterday = shop.keys[-1]
    page.goto(f"{dagster.url}/asset-groups")
    page.get_by_role("button", name="Materialize all").click()
    dialog = page.get_by_role("dialog")
    day = dialog.locator("input[type=text]").first
    day.fill(yesterday)
    day.press("Enter")
    dialog.get_by_role("button", name="Launch 1 run").click()
    expect(dialog).to_be_hidden()

    page.goto(f"{dagster.url}/assets/upload_verification?view=partitions&partition={yesterday}")
    _reload_until_shown(page, "enrich/orders_verified")
    findings = page.get_by_role("row").filter(has_text="enrich/findings")
    expect(findings).to_have_text(re.compile(r"enrich/findings\s*0"))
    expect(page.get_by_text("every order is accounted for").first).to_be_visible()

    page.goto(f"{dagster.url}/assets/upload_verification?view=checks")
    expect(page.get_by_text("every_order_is_accounted_for").first).to_be_visible()
    expect(page.get_by_text("Succeeded")).to_have_count(2)
    assert yesterday in shop.good_days()


@pytest.mark.timeout(400)
def test_a_sensor_that_is_tried_out_asks_for_the_day_that_changed_and_else_says_why_not(
    shop: Shop, dagster: DagsterApi
) -> None:
    day = shop.keys[0]
    for sensor in _SENSORS:
        said = dagster.look(sensor)
        assert said["skipReason"]
        assert not said["runRequests"]
    shop.execute(f"""
        UPDATE raw.order_lines SET unit_price = unit_price + 1 WHERE order_id = (
            SELECT order_id FROM enrich.order_profit WHERE order_day = '{day}' AND exclusion IS NULL LIMIT 1
        )
    """)
    (request,) = dagster.look(LATE_CHANGES_SENSOR)["runRequests"]
    assert {"key": "dagster/partition", "value": day} in request["tags"]


@pytest.mark.timeout(400)
def test_a_backfill_with_a_poisoned_day_delivers_the_other_and_ends_red(shop: Shop, dagster: DagsterApi) -> None:
    good, bad, _ = shop.keys
    shop.execute(f"""
        CREATE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF NEW.order_day = '{bad}' AND NEW.mart = 'order_profit' THEN NEW.run_id = 'another run'; END IF;
            RETURN NEW; END $$;
        CREATE TRIGGER poison BEFORE INSERT OR UPDATE ON enrich.computed_days FOR EACH ROW EXECUTE FUNCTION poison()
    """)
    backfill = dagster.launch_backfill([good, bad])
    assert dagster.wait_for_backfill(backfill, seconds=_DONE_MS / 1000) == "COMPLETED_FAILED"
    assert good in shop.good_days()
    for asset in (ENRICHED_UPLOAD, UPLOAD_VERIFICATION):
        days = dagster.days_by_status(asset)
        assert good in days["MATERIALIZED"]
        assert days["FAILED"] == {bad}
