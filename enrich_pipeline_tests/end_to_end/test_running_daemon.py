"""The running daemon: its schedule makes up for a night, and each sensor fires on its cause, once, and skips without.

The daemon looks every half minute, two sensors every five: these take minutes and run in `make test-full` only.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from enrich_pipeline.orchestration.flow import (
    ALERTS_SENSOR,
    AWAITING_REFRESH_SENSOR,
    DAILY_SCHEDULE,
    LATE_CHANGES_SENSOR,
)
from enrich_pipeline_tests.support.command_line import enrich
from enrich_pipeline_tests.support.dagster_api import DagsterApi
from enrich_pipeline_tests.support.running_ui import Shop, running_ui, seeded_shop
from enrich_pipeline_tests.support.scripted_server import Reply, ScriptedServer, scripted_server

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

_MOST_SECONDS = 420


@dataclass(frozen=True)
class Watched:
    """A store whose days are done and whose sensors look, and the webhook that alerts are told to."""

    shop: Shop
    dagster: DagsterApi
    webhook: ScriptedServer

    def skipped(self, sensor: str) -> str:
        """Why the sensor's last tick asked for nothing, once there is one."""
        return self.dagster.wait_for(lambda: self.dagster.skip_reason(sensor), seconds=_MOST_SECONDS)

    def run_of(self, sensor: str) -> tuple[str, str | None]:
        """The one run that the sensor asked for, once it is over: how it ended, and its day."""
        (run,) = self.dagster.wait_for(
            lambda: self.dagster.finished_runs("dagster/sensor_name", sensor), seconds=_MOST_SECONDS
        )
        return run

    def told(self, day: str) -> list[str]:
        """The title of each paragraph about findings that names the day, in the order they were told."""
        texts = [json.loads(request.body)["text"] for request in self.webhook.requests]
        paragraphs = [paragraph for text in texts for paragraph in text.split("\n\n")]
        titles = [paragraph.splitlines()[0] for paragraph in paragraphs if day in paragraph]
        return [title for title in titles if "findings]" in title]


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    with (
        scripted_server(lambda _: Reply()) as webhook,
        seeded_shop(
            tmp_path_factory.mktemp("watched"), days=28, orders_per_day=20, ALERT_WEBHOOK_URL=f"{webhook.url}/alerts"
        ) as shop,
    ):
        shop.run("run", "--from", shop.keys[0], "--to", shop.keys[-1])
        with running_ui(shop) as dagster:
            yield Watched(shop, dagster, webhook)


def test_a_late_change_runs_its_day_again_and_no_other(watched: Watched) -> None:
    day = watched.shop.keys[20]
    assert "no further day has changed" in watched.skipped(LATE_CHANGES_SENSOR)
    watched.shop.execute(f"""
        UPDATE raw.order_lines SET unit_price = unit_price + 1, updated_at = now() WHERE order_id IN (
            SELECT order_id FROM enrich.order_profit WHERE order_day = '{day}' AND exclusion IS NULL LIMIT 1
        )
    """)
    assert watched.run_of(LATE_CHANGES_SENSOR) == ("SUCCESS", day)
    receipts = watched.shop.fetch(
        "SELECT order_day::text, count(*) FROM enrich.receipts GROUP BY 1 HAVING count(*) > 1"
    )
    assert receipts == [(day, 2)]
    assert watched.shop.good_days() == {*watched.shop.keys}


def test_a_day_that_waits_for_the_vendors_refresh_is_verified_again_after_it(watched: Watched) -> None:
    day = watched.shop.keys[12]
    assert "wait for the vendor's next refresh" in watched.skipped(AWAITING_REFRESH_SENSOR)
    watched.shop.run("api", "refresh")
    watched.shop.execute(
        f"UPDATE enrich.upload_batches SET sent_at = sent_at - interval '2 days' WHERE order_day = '{day}'",
        f"UPDATE enrich.read_backs SET started_at = started_at - interval '2 days' WHERE order_day = '{day}'",
    )
    assert watched.run_of(AWAITING_REFRESH_SENSOR) == ("SUCCESS", day)
    applied = f"SELECT applied = verified FROM enrich.receipts WHERE order_day = '{day}' ORDER BY receipt_id"
    assert watched.shop.fetch(applied) == [(False,), (True,)]


def test_a_finding_is_told_once_and_so_is_its_end(watched: Watched) -> None:
    day = watched.shop.keys[5]
    # What the seeded store brings with it has been told; a look without a change tells nothing.
    watched.dagster.wait_for(
        lambda: watched.skipped(ALERTS_SENSOR).endswith(" 0 changes were told."), seconds=_MOST_SECONDS
    )
    assert watched.told(day) == []
    ((order_id,),) = watched.shop.fetch(f"""
        SELECT order_id FROM enrich.order_states WHERE order_day = '{day}' AND state = 'verified' LIMIT 1
    """)
    watched.shop.execute(
        f"UPDATE enrich_api.orders SET sales_amount = sales_amount + 1 WHERE order_id = '{order_id}'",
        database="enrich_api",
    )
    verified = enrich("verify", "--from", day, "--to", day, env=watched.shop.env)
    assert verified.returncode == 1, verified.stderr
    watched.dagster.wait_for(lambda: watched.told(day), seconds=_MOST_SECONDS)
    watched.shop.run("run", "--from", day, "--to", day)
    watched.dagster.wait_for(lambda: len(watched.told(day)) > 1, seconds=_MOST_SECONDS)
    assert watched.told(day) == [
        "[ALERT findings] What the vendor holds differs",
        "[RECOVERED findings] What the vendor holds differs: no longer",
    ]


@pytest.fixture
def untouched(tmp_path: Path) -> Iterator[Shop]:
    """A store of two days, nothing of it uploaded."""
    with seeded_shop(tmp_path, days=2, orders_per_day=60) as shop:
        yield shop


def test_the_daily_schedule_makes_up_for_a_night_on_which_the_daemon_was_down(untouched: Shop) -> None:
    state = "SELECT count(*) FROM instigators WHERE instigator_body LIKE '%daily_enrichment_schedule%'"
    with psycopg.connect(untouched.url("dagster"), autocommit=True) as connection:
        with running_ui(untouched) as before:
            before.wait_for(lambda: connection.execute(state).fetchone() == (1,), seconds=120)
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
    with running_ui(untouched) as after:
        (run,) = after.wait_for(
            lambda: after.finished_runs("dagster/schedule_name", DAILY_SCHEDULE), seconds=_MOST_SECONDS
        )
        assert run == ("SUCCESS", (due.date() - timedelta(days=1)).isoformat())
        assert untouched.good_days() == {run[1]}
