"""A month in the running UI: the real webserver and daemon, Postgres storage, the vendor's service; days asserted each.

The daemon looks every half minute, so these take minutes and run in `make test-full` only.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from enrich_pipeline.orchestration.flow import (
    ALERTS_SENSOR,
    AWAITING_REFRESH_SENSOR,
    ENRICHED_UPLOAD,
    FLOW,
    LATE_CHANGES_SENSOR,
    UPLOAD_VERIFICATION,
)
from enrich_pipeline_tests.support.dagster_api import DagsterApi
from enrich_pipeline_tests.support.running_ui import Shop, running_ui, seeded_shop

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

_DAYS = 28
_MOST_SECONDS = 400


@pytest.fixture
def month(tmp_path: Path) -> Iterator[Shop]:
    """A store of four weeks, nothing of it uploaded."""
    with seeded_shop(tmp_path, days=_DAYS, orders_per_day=60) as shop:
        yield shop


@pytest.fixture
def dagster(month: Shop) -> Iterator[DagsterApi]:
    """The month's UI, its sensors stopped."""
    with running_ui(month) as opened:
        _wait_for_tables(month, opened)
        for sensor in (LATE_CHANGES_SENSOR, AWAITING_REFRESH_SENSOR, ALERTS_SENSOR):
            opened.stop_sensor(sensor)
        yield opened


def _wait_for_tables(month: Shop, dagster: DagsterApi) -> None:
    """A sensor's first look creates the pipeline's tables."""
    dagster.wait_for(lambda: month.fetch("SELECT to_regclass('enrich.receipts')")[0][0], seconds=120)


def test_a_month_launched_by_clicking_ends_green_on_every_day(
    month: Shop, dagster: DagsterApi, browser: Browser
) -> None:
    page = browser.new_page(viewport={"width": 1500, "height": 1200})
    page.set_default_timeout(60_000)
    page.goto(f"{dagster.url}/asset-groups")
    page.get_by_role("button", name="Materialize all").click()
    dialog = page.get_by_role("dialog")
    days = dialog.locator("input[type=text]").first
    days.fill(f"[{month.keys[0]}...{month.keys[-1]}]")
    days.press("Enter")
    dialog.get_by_role("button", name="Launch").click()
    expect(dialog).to_be_hidden()
    page.close()

    dagster.wait_for(lambda: month.good_days() == {*month.keys}, seconds=_MOST_SECONDS)
    for asset in FLOW:
        assert dagster.wait_for(lambda asset=asset: dagster.days_by_status(asset).get("MATERIALIZED"), seconds=60) == {
            *month.keys
        }
    metadata = dagster.metadata_by_day(UPLOAD_VERIFICATION)
    assert {day for day, labels in metadata.items() if "enrich/orders_verified" in labels} == {*month.keys}


def test_one_poisoned_day_is_red_and_says_why_and_the_others_are_uploaded_and_verified(
    month: Shop, dagster: DagsterApi
) -> None:
    bad, good = month.keys[10], {*month.keys} - {month.keys[10]}
    month.execute(
        f"""
        CREATE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF NEW.order_day = '{bad}' AND NEW.mart = 'order_profit' THEN NEW.run_id = 'another run'; END IF;
            RETURN NEW; END $$
        """,
        "CREATE TRIGGER poison BEFORE INSERT OR UPDATE ON enrich.computed_days FOR EACH ROW EXECUTE FUNCTION poison()",
    )

    ended = dagster.wait_for_backfill(dagster.launch_backfill(month.keys), seconds=_MOST_SECONDS)

    assert ended == "COMPLETED_FAILED"
    assert month.good_days() == good
    for asset in (ENRICHED_UPLOAD, UPLOAD_VERIFICATION):
        assert dagster.days_by_status(asset) == {"MATERIALIZED": good, "FAILED": {bad}}
    month.execute("DROP TRIGGER poison ON enrich.computed_days")
    mended = dagster.wait_for_backfill(dagster.launch_backfill([bad]), seconds=_MOST_SECONDS)
    assert mended == "COMPLETED_SUCCESS"
    assert month.good_days() == {*month.keys}


def test_a_cancelled_month_leaves_whole_days_and_the_next_backfill_completes_it(
    month: Shop, dagster: DagsterApi
) -> None:
    # The vendor's answers take their time, so that the month is in the middle when it is cancelled.
    month.execute(
        """
        CREATE FUNCTION linger() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            PERFORM pg_sleep(0.5); RETURN NEW; END $$
        """,
        "CREATE TRIGGER linger BEFORE INSERT ON enrich.receipts FOR EACH ROW EXECUTE FUNCTION linger()",
    )
    backfill = dagster.launch_backfill(month.keys)
    dagster.wait_for(lambda: len(month.good_days()) >= 3, seconds=_MOST_SECONDS)

    dagster.cancel_backfill(backfill)

    assert dagster.wait_for_backfill(backfill, seconds=_MOST_SECONDS) == "CANCELED"
    done = month.good_days()
    assert 3 <= len(done) < _DAYS
    assert {day.isoformat() for (day,) in month.fetch("SELECT order_day FROM enrich.receipts")} == done
    month.execute("DROP TRIGGER linger ON enrich.receipts")
    again = dagster.wait_for_backfill(dagster.launch_backfill(month.keys), seconds=_MOST_SECONDS)
    assert again == "COMPLETED_SUCCESS"
    assert month.good_days() == {*month.keys}
