"""Commands that only read, on a warehouse where nothing was run yet, and on one that an earlier version made."""

from __future__ import annotations

import json

import psycopg
import pytest
from click.testing import CliRunner, Result
from sqlalchemy import URL
from sqlalchemy.exc import IntegrityError

from enrich_pipeline.cli import main
from enrich_pipeline.commands.boundary import database_says
from enrich_pipeline.warehouse.embedded import libpq_url
from enrich_pipeline_tests.support.small_store import SmallStore


def enrich(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def make_earlier(store: SmallStore) -> None:
    """Take away what an earlier version did not have."""
    store.execute("ALTER TABLE enrich.receipts DROP COLUMN holds")
    store.execute("ALTER TABLE enrich.alerts DROP COLUMN closed_at")
    store.execute("UPDATE enrich.store SET schema_version = 'an earlier one'")


@pytest.mark.parametrize("command", ["receipt", "status", "diff 2026-03-10", "explain O1"])
def test_before_the_first_run_a_reader_is_told_to_run_a_day(
    store: SmallStore, database: URL, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setenv("WAREHOUSE_URL", libpq_url(database))
    done = enrich(*command.split())
    assert done.exit_code == 2
    assert "Nothing was run on this warehouse yet" in done.output
    assert "enrich run --from DAY --to DAY" in done.output


@pytest.mark.parametrize("command", ["receipt", "status", "explain 1"])
def test_a_reader_shows_what_an_earlier_version_kept(store: SmallStore, command: str) -> None:
    make_earlier(store)
    done = enrich(*command.split(), "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.output)


def test_the_doctor_says_that_another_version_made_the_tables_and_changes_nothing(store: SmallStore) -> None:
    make_earlier(store)
    for _ in range(2):
        done = enrich("doctor", "--json")
        found = {finding["check"]: finding for finding in json.loads(done.output)}
        assert found["warehouse"]["level"] == "warn"
        assert "another version" in found["warehouse"]["says"]
        assert done.exit_code == 1
    enrich("status")


def test_a_check_of_the_doctor_that_breaks_is_a_line_and_costs_no_other_line(store: SmallStore) -> None:
    store.execute("ALTER TABLE enrich.receipts RENAME TO receipts_elsewhere")
    done = enrich("doctor", "--json")
    store.execute("ALTER TABLE enrich.receipts_elsewhere RENAME TO receipts")
    found = {finding["check"]: finding for finding in json.loads(done.output)}
    assert (done.exit_code, found["yesterday"]["level"], found["alerts"]["level"]) == (2, "fail", "ok")


def test_what_a_database_refuses_is_named_without_the_row_that_it_quotes(store: SmallStore) -> None:
    with pytest.raises(IntegrityError) as refused:
        store.execute("INSERT INTO enrich.checked_days (order_day) VALUES ('2026-03-10')")
    assert "2026-03-10" in str(refused.value.orig)
    assert database_says(refused.value) == "The database refused: NotNullViolation (SQLSTATE 23502)."
    assert database_says(psycopg.errors.DiskFull()) == "The database refused: DiskFull (SQLSTATE 53100)."
