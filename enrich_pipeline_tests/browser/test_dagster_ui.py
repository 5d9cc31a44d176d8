"""A data engineer's way through the Dagster UI: a day is materialised by clicking, and its receipt shows."""

from __future__ import annotations

import os
import re
import signal
import socket
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import TimeoutError as PlaywrightTimeoutError

from enrich_pipeline.enrich_api.process import ServiceProcess, ServiceSpec
from enrich_pipeline.warehouse.embedded import EmbeddedPostgres, libpq_url
from enrich_pipeline_tests.support.command_line import enrich, environment, start_enrich

# Dagster's code server and webserver each take seconds to start, on two cores and beside other tests more.
_STARTED_MS = 120_000
_SHOWN_MS = 60_000


@pytest.fixture(scope="module")
def yesterday() -> str:
    return (datetime.now(UTC).date() - timedelta(days=1)).isoformat()


@pytest.fixture(scope="module")
def dagster_ui(tmp_path_factory: pytest.TempPathFactory, yesterday: str) -> Iterator[str]:
    """`enrich ui` on a seeded store with its vendor running; yields its address."""
    data_dir: Path = tmp_path_factory.mktemp("ui") / "data"
    first_day = datetime.fromisoformat(yesterday) - timedelta(days=30)
    env = environment(data_dir, FIRST_DAY=first_day.date().isoformat())
    server = EmbeddedPostgres.start(data_dir)
    assert enrich("seed", "--days", "2", "--orders-per-day", "120", env=env).returncode == 0
    with (
        socket.create_server(("127.0.0.1", 0)) as probe,
        ServiceProcess(ServiceSpec(database_url=libpq_url(server.url("enrich_api")))) as service,
    ):
        port = probe.getsockname()[1]
        probe.close()
        assert enrich("api", "import", env=env).returncode == 0
        key = enrich("api", "key", env=env).stdout.strip()
        env |= {"WORKMAGIC_API_URL": service.base_url, "WORKMAGIC_API_KEY": key}
        process = start_enrich("ui", "--port", str(port), env=env, output=data_dir / "ui.log")
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            os.killpg(process.pid, signal.SIGINT)  # as Ctrl-C does
            process.wait(timeout=60)


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    opened = browser.new_page(viewport={"width": 1500, "height": 1200})
    opened.set_default_timeout(_SHOWN_MS)
    yield opened
    opened.close()


def _open(page: Page, url: str) -> None:
    """Open a page of a server that may still be starting."""
    deadline = datetime.now(UTC) + timedelta(milliseconds=_STARTED_MS)
    while True:
        try:
            page.goto(url)
        except PlaywrightError:
            if datetime.now(UTC) > deadline:
                raise
            page.wait_for_timeout(500)
        else:
            return


def _reload_until_shown(page: Page, text: str) -> None:
    """Look at the page again and again: it does not follow a run that was queued when it was opened."""
    deadline = datetime.now(UTC) + timedelta(milliseconds=_STARTED_MS)
    while datetime.now(UTC) < deadline:
        with suppress(PlaywrightTimeoutError):
            page.get_by_text(text).wait_for(timeout=4_000)
            return
        page.reload()
    pytest.fail(f"{text} did not show within {_STARTED_MS / 1000:.0f} seconds")


@pytest.mark.timeout(400)
def test_a_day_is_materialised_by_clicking_and_its_receipt_and_checks_show(
    page: Page, dagster_ui: str, yesterday: str
) -> None:
    _open(page, f"{dagster_ui}/asset-groups")
    page.get_by_role("button", name="Materialize all").click(timeout=_STARTED_MS)
    dialog = page.get_by_role("dialog")
    day = dialog.locator("input[type=text]").first
    day.fill(yesterday)
    day.press("Enter")
    dialog.get_by_role("button", name="Launch 1 run").click()
    expect(dialog).to_be_hidden(timeout=_SHOWN_MS)

    _open(page, f"{dagster_ui}/assets/upload_verification?view=partitions&partition={yesterday}")
    _reload_until_shown(page, "enrich/orders_verified")
    findings = page.get_by_role("row").filter(has_text="enrich/findings")
    expect(findings).to_have_text(re.compile(r"enrich/findings\s*0"))
    expect(page.get_by_text("every order is accounted for").first).to_be_visible()

    page.goto(f"{dagster_ui}/assets/upload_verification?view=checks")
    expect(page.get_by_text("every_order_is_accounted_for").first).to_be_visible()
    expect(page.get_by_text("Succeeded")).to_have_count(2)
