"""`enrich status`: what a person and a program see of the last five weeks."""

from __future__ import annotations

import json
from datetime import timedelta

from click.testing import CliRunner

from enrich_pipeline.cli import main
from enrich_pipeline_tests.support.small_store import SmallStore


def test_every_one_of_the_last_days_is_an_object(store: SmallStore) -> None:
    done = CliRunner().invoke(main, ["status", "--json"])
    days = json.loads(done.output)
    assert (done.exit_code, len(days)) == (0, 36)
    (shown,) = [day for day in days if day["day"] == store.day.key]
    assert (shown["orders"], shown["states"]["verified"], shown["unverified"]) == (1, 1, 0)
    assert shown["verified_amounts"] == {"USD": {"sales": "10", "profit": "6"}}
    assert shown["mend_until"] == (store.day.day + timedelta(days=28)).isoformat()
    assert shown["receipt_run_id"] == shown["last_run_id"]


def test_a_day_nobody_looked_at_is_there_and_empty(store: SmallStore) -> None:
    days = json.loads(CliRunner().invoke(main, ["status", "--json"]).output)
    assert [day["orders"] for day in days if day["day"] != store.day.key] == [None] * 35


def test_a_run_that_wrote_no_receipt_shows(store: SmallStore) -> None:
    run = store.context()
    store.execute(
        "INSERT INTO enrich.upload_runs (order_day, run_id, overrides) VALUES (:day, :run_id, '{}')",
        day=store.day.day,
        run_id=run.run_id,
    )
    assert "no receipt" in CliRunner().invoke(main, ["status"]).output
    store.execute("DELETE FROM enrich.upload_runs WHERE run_id = :run_id", run_id=run.run_id)
    assert "no receipt" not in CliRunner().invoke(main, ["status"]).output


def test_a_day_that_a_guard_held_is_an_exit_code_and_its_reason_stands_under_the_table(store: SmallStore) -> None:
    store.execute("UPDATE enrich.receipts SET holds = '[\"zeros: costs are empty\"]'")
    done = CliRunner().invoke(main, ["status"])
    store.execute("UPDATE enrich.receipts SET holds = '[]'")
    assert done.exit_code == 1
    assert f"{store.day.key}: held by zeros: costs are empty." in done.output


def test_findings_are_an_exit_code(store: SmallStore) -> None:
    store.execute("UPDATE enrich.receipts SET findings = 1")
    assert CliRunner().invoke(main, ["status"]).exit_code == 1
    store.execute("UPDATE enrich.receipts SET findings = 0")
    assert CliRunner().invoke(main, ["status"]).exit_code == 0
