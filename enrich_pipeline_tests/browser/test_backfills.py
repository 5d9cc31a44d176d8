"""A month in the running UI: the real webserver and daemon, Postgres storage, the vendor's service; days asserted each.

The daemon looks every half minute, so these take minutes and run in `make test-full` only.
"""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from playwright.sync_api import Browser, expect

from enrich_pipeline.enrich_api.process import ServiceProcess, ServiceSpec
from enrich_pipeline.orchestration.flow import (
    ALERTS_SENSOR,
    AWAITING_REFRESH_SENSOR,
    ENRICHED_UPLOAD,
    FLOW,
    LATE_CHANGES_SENSOR,
    UPLOAD_VERIFICATION,
)
from enrich_pipeline.warehouse.embedded import EmbeddedPostgres, libpq_url
from enrich_pipeline_tests.support.command_line import enrich, environment, start_enrich
from enrich_pipeline_tests.support.dagster_api import DagsterApi

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

_DAYS = 28
_MOST_SECONDS = 400


@dataclass(frozen=True)
class Month:
    """A store of four weeks, its vendor, and the UI that shows it."""

    url: str
    dagster: DagsterApi
    warehouse: str
    keys: list[str]

    def fetch(self, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.warehouse, autocommit=True) as connection:
            return connection.execute(query).fetchall()  # type: ignore[arg-type]  # the tests' own queries

    def execute(self, *statements: str) -> None:
        with psycopg.connect(self.warehouse, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)  # type: ignore[arg-type]  # the tests' own statements

    def good_days(self) -> set[str]:
        """Days whose newest receipt accounts for every order, none of them left over and no finding."""
        rows = self.fetch("""
            SELECT DISTINCT ON (order_day) order_day, accounted_for AND findings = 0 AND verified > 0
            FROM enrich.receipts ORDER BY order_day, receipt_id DESC
        """)
        return {day.isoformat() for day, is_good in rows if is_good}


@pytest.fixture
def month(tmp_path: Path) -> Iterator[Month]:
    """`enrich ui` on a seeded store with its vendor running, its sensors stopped."""
    today = datetime.now(UTC).date()
    keys = [(today - timedelta(days=back)).isoformat() for back in range(_DAYS, 0, -1)]
    data_dir = tmp_path / "data"
    env = environment(data_dir, FIRST_DAY=(today - timedelta(days=40)).isoformat())
    server = EmbeddedPostgres.start(data_dir)
    assert enrich("seed", "--days", str(_DAYS), "--orders-per-day", "60", env=env).returncode == 0
    with ServiceProcess(ServiceSpec(database_url=libpq_url(server.url("enrich_api")))) as service:
        assert enrich("api", "import", env=env).returncode == 0
        key = enrich("api", "key", env=env).stdout.strip()
        env |= {"WORKMAGIC_API_URL": service.base_url, "WORKMAGIC_API_KEY": key}
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        process = start_enrich("ui", "--port", str(port), env=env, output=data_dir / "ui.log")
        try:
            with DagsterApi(f"http://127.0.0.1:{port}") as dagster:
                dagster.wait_until_loaded()
                opened = Month(f"http://127.0.0.1:{port}", dagster, libpq_url(server.url("warehouse")), keys)
                # A sensor's first look creates the pipeline's tables.
                dagster.wait_for(lambda: opened.fetch("SELECT to_regclass('enrich.receipts')")[0][0], seconds=120)
                for sensor in (LATE_CHANGES_SENSOR, AWAITING_REFRESH_SENSOR, ALERTS_SENSOR):
                    dagster.stop_sensor(sensor)
                yield opened
        finally:
            os.killpg(process.pid, signal.SIGINT)  # as Ctrl-C does
            process.wait(timeout=60)


def test_a_month_launched_by_clicking_ends_green_and_a_late_change_runs_its_day_again(
    month: Month, browser: Browser
) -> None:
    page = browser.new_page(viewport={"width": 1500, "height": 1200})
    page.set_default_timeout(60_000)
    page.goto(f"{month.url}/asset-groups")
    page.get_by_role("button", name="Materialize all").click()
    dialog = page.get_by_role("dialog")
    days = dialog.locator("input[type=text]").first
    days.fill(f"[{month.keys[0]}...{month.keys[-1]}]")
    days.press("Enter")
    dialog.get_by_role("button", name="Launch").click()
    expect(dialog).to_be_hidden()
    page.close()

    month.dagster.wait_for(lambda: month.good_days() == {*month.keys}, seconds=_MOST_SECONDS)
    for asset in FLOW:
        assert month.dagster.wait_for(
            lambda asset=asset: month.dagster.days_by_status(asset).get("MATERIALIZED"), seconds=60
        ) == {*month.keys}
    metadata = month.dagster.metadata_by_day(UPLOAD_VERIFICATION)
    assert {day for day, labels in metadata.items() if "enrich/orders_verified" in labels} == {*month.keys}

    # Nothing changed, so each sensor says why it asks for nothing; then one line is corrected, and its day alone runs.
    for sensor in (LATE_CHANGES_SENSOR, AWAITING_REFRESH_SENSOR, ALERTS_SENSOR):
        assert month.dagster.look(sensor)["skipReason"]
    changed = month.keys[20]
    month.execute(f"""
        UPDATE raw.order_lines SET unit_price = unit_price + 1 WHERE order_id IN (
            SELECT order_id FROM enrich.order_profit WHERE order_day = '{changed}' AND exclusion IS NULL LIMIT 1
        )
    """)
    month.dagster.start_sensor(LATE_CHANGES_SENSOR)
    (run,) = month.dagster.wait_for(
        lambda: [
            run
            for run in month.dagster.runs_of_sensor(LATE_CHANGES_SENSOR).values()
            if run[0] in {"SUCCESS", "FAILURE"}
        ],
        seconds=_MOST_SECONDS,
    )
    assert run == ("SUCCESS", changed)
    assert month.good_days() == {*month.keys}
    assert month.fetch(f"SELECT count(*) FROM enrich.receipts WHERE order_day = '{changed}'") == [(2,)]
    assert month.dagster.look(LATE_CHANGES_SENSOR)["skipReason"]


def test_one_poisoned_day_is_red_and_says_why_and_the_others_are_uploaded_and_verified(month: Month) -> None:
    bad, good = month.keys[10], {*month.keys} - {month.keys[10]}
    month.execute(
        f"""
        CREATE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF NEW.order_day = '{bad}' AND NEW.mart = 'order_profit' THEN NEW.run_id = 'another run'; END IF;
            RETURN NEW; END $$
        """,
        "CREATE TRIGGER poison BEFORE INSERT OR UPDATE ON enrich.computed_days FOR EACH ROW EXECUTE FUNCTION poison()",
    )

    ended = month.dagster.wait_for_backfill(month.dagster.launch_backfill(month.keys), seconds=_MOST_SECONDS)

    assert ended == "COMPLETED_FAILED"
    assert month.good_days() == good
    for asset in (ENRICHED_UPLOAD, UPLOAD_VERIFICATION):
        assert month.dagster.days_by_status(asset) == {"MATERIALIZED": good, "FAILED": {bad}}
    month.execute("DROP TRIGGER poison ON enrich.computed_days")
    mended = month.dagster.wait_for_backfill(month.dagster.launch_backfill([bad]), seconds=_MOST_SECONDS)
    assert mended == "COMPLETED_SUCCESS"
    assert month.good_days() == {*month.keys}


def test_a_cancelled_month_leaves_whole_days_and_the_next_backfill_completes_it(month: Month) -> None:
    # The vendor's answers take their time, so that the month is in the middle when it is cancelled.
    month.execute(
        """
        CREATE FUNCTION linger() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            PERFORM pg_sleep(0.5); RETURN NEW; END $$
        """,
        "CREATE TRIGGER linger BEFORE INSERT ON enrich.receipts FOR EACH ROW EXECUTE FUNCTION linger()",
    )
    backfill = month.dagster.launch_backfill(month.keys)
    month.dagster.wait_for(lambda: len(month.good_days()) >= 3, seconds=_MOST_SECONDS)

    month.dagster.cancel_backfill(backfill)

    assert month.dagster.wait_for_backfill(backfill, seconds=_MOST_SECONDS) == "CANCELED"
    done = month.good_days()
    assert 3 <= len(done) < _DAYS
    assert {day.isoformat() for (day,) in month.fetch("SELECT order_day FROM enrich.receipts")} == done
    month.execute("DROP TRIGGER linger ON enrich.receipts")
    again = month.dagster.wait_for_backfill(month.dagster.launch_backfill(month.keys), seconds=_MOST_SECONDS)
    assert again == "COMPLETED_SUCCESS"
    assert month.good_days() == {*month.keys}
