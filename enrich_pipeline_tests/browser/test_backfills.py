"""A month in the running UI: the real webserver and daemon, Postgres storage, the vendor's service; days asserted each.

The daemon looks every half minute, so these take minutes and run in `make test-full` only.
"""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Generator, Iterator
from contextlib import contextmanager
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
    DAILY_SCHEDULE,
    ENRICHED_UPLOAD,
    FLOW,
    LATE_CHANGES_SENSOR,
    UPLOAD_VERIFICATION,
)
from enrich_pipeline.warehouse.embedded import Database, EmbeddedPostgres, libpq_url
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


@dataclass(frozen=True)
class Shop:
    """A seeded store whose vendor runs, and what a command needs to work on it."""

    data_dir: Path
    env: dict[str, str]
    server: EmbeddedPostgres
    keys: list[str]

    def url(self, database: Database) -> str:
        return libpq_url(self.server.url(database))


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
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
        yield Shop(data_dir, env, server, keys)


@contextmanager
def _opened(shop: Shop) -> Generator[Month]:
    """`enrich ui` on the shop, its webserver and its daemon at work; stopped as Ctrl-C does."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    process = start_enrich("ui", "--port", str(port), env=shop.env, output=shop.data_dir / "ui.log")
    try:
        with DagsterApi(f"http://127.0.0.1:{port}") as dagster:
            dagster.wait_until_loaded()
            month = Month(f"http://127.0.0.1:{port}", dagster, shop.url("warehouse"), shop.keys)
            # A sensor's first look creates the pipeline's tables.
            dagster.wait_for(lambda: month.fetch("SELECT to_regclass('enrich.receipts')")[0][0], seconds=120)
            yield month
    finally:
        os.killpg(process.pid, signal.SIGINT)
        process.wait(timeout=60)


@pytest.fixture
def month(shop: Shop) -> Iterator[Month]:
    """The shop's UI, its sensors stopped."""
    with _opened(shop) as opened:
        for sensor in (LATE_CHANGES_SENSOR, AWAITING_REFRESH_SENSOR, ALERTS_SENSOR):
            opened.dagster.stop_sensor(sensor)
        yield opened


def test_the_daily_schedule_makes_up_for_a_night_on_which_the_daemon_was_down(shop: Shop) -> None:
    state = "SELECT count(*) FROM instigators WHERE instigator_body LIKE '%daily_enrichment_schedule%'"
    with psycopg.connect(shop.url("dagster"), autocommit=True) as connection:
        with _opened(shop) as before:
            before.dagster.wait_for(lambda: connection.execute(state).fetchone() == (1,), seconds=120)
        # As if it had been switched off a day ago.
        connection.execute(
            """
            UPDATE instigators SET instigator_body = regexp_replace(
                regexp_replace(instigator_body, '"start_timestamp": [0-9.]+', '"start_timestamp": ' || %(then)s),
                '"last_iteration_timestamp": [0-9.]+', '"last_iteration_timestamp": ' || %(then)s
            ) WHERE instigator_body LIKE '%%daily_enrichment_schedule%%'
            """,
            {"then": f"{(datetime.now(UTC) - timedelta(days=1)).timestamp():.1f}"},
        )
    due = datetime.now(UTC) - timedelta(minutes=30)  # its last tick was at 00:30
    with _opened(shop) as after:
        (run,) = after.dagster.wait_for(
            lambda: after.dagster.finished_runs("dagster/schedule_name", DAILY_SCHEDULE), seconds=_MOST_SECONDS
        )
        assert run == ("SUCCESS", (due.date() - timedelta(days=1)).isoformat())
        assert after.good_days() == {run[1]}


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
        lambda: month.dagster.finished_runs("dagster/sensor_name", LATE_CHANGES_SENSOR), seconds=_MOST_SECONDS
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
