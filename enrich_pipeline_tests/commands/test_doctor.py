"""`enrich doctor`: what is well, what is not and how to mend it, and an exit code that cron understands."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import URL

from enrich_pipeline.cli import main
from enrich_pipeline.commands.doctor_findings import DOCTOR_CHECKS
from enrich_pipeline.warehouse import raw_tables
from enrich_pipeline_tests.support.own_server import PASSWORD
from enrich_pipeline_tests.support.small_store import SmallStore


def examined() -> tuple[int, dict[str, dict[str, Any]]]:
    done = CliRunner().invoke(main, ["doctor", "--json"])
    return done.exit_code, {finding["check"]: finding for finding in json.loads(done.output)}


def test_every_check_is_made_and_says_how_to_mend_what_is_not_well(store: SmallStore) -> None:
    exit_code, found = examined()
    assert tuple(found) == DOCTOR_CHECKS
    not_well = {check: finding["level"] for check, finding in found.items() if finding["level"] != "ok"}
    assert not_well == {"dagster_daemons": "warn"}  # none runs in this test
    assert exit_code == 1
    assert all(bool(finding["remedy"]) == (finding["level"] != "ok") for finding in found.values())


def test_a_wrong_key_is_a_failure(store: SmallStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKMAGIC_API_KEY", "no-key-of-this-store")
    exit_code, found = examined()
    assert (exit_code, found["api"]["level"]) == (2, "fail")
    assert "WORKMAGIC_API_KEY" in found["api"]["remedy"]


def test_a_warehouse_that_cannot_be_reached_is_a_failure_without_its_password(
    store: SmallStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WAREHOUSE_URL", f"postgresql://brand:{PASSWORD}@127.0.0.1:1/warehouse")
    exit_code, found = examined()
    assert (exit_code, found["warehouse"]["level"]) == (2, "fail")
    assert "raw_tables" not in found
    assert PASSWORD not in json.dumps(found)


def test_a_missing_column_is_named(store: SmallStore) -> None:
    store.execute("ALTER TABLE raw.refunds RENAME COLUMN tax TO vat")
    _, found = examined()
    store.execute("ALTER TABLE raw.refunds RENAME COLUMN vat TO tax")
    assert found["raw_tables"]["says"] == "raw.refunds.tax is missing"


def test_a_source_is_looked_at_and_makes_the_raw_tables_itself(
    store: SmallStore, database: URL, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with closing(sqlite3.connect(tmp_path / "brand.db")) as brand:
        for table in (raw_tables.orders, raw_tables.order_lines):
            brand.execute(f"CREATE TABLE {table.name} ({', '.join(column.name for column in table.columns)})")
        monkeypatch.setenv("SOURCE_URL", f"sqlite:///{tmp_path / 'brand.db'}")
        monkeypatch.setenv("WAREHOUSE_URL", database.render_as_string(hide_password=False))
        _, found = examined()
        assert (found["source"]["level"], found["source"]["says"]) == ("ok", "sqlite, with orders, order_lines")
        assert found["raw_tables"]["level"] == "ok"
        brand.execute("ALTER TABLE orders DROP COLUMN currency")
        exit_code, found = examined()
        assert (exit_code, found["source"]["level"]) == (2, "fail")
        assert "orders lacks currency" in found["source"]["says"]


@pytest.mark.parametrize("url", [f"postgresql://brand:{PASSWORD}@127.0.0.1:1/shop", "sqlite:////no/such/folder/x.db"])
def test_a_source_that_cannot_be_reached_is_a_failure(
    store: SmallStore, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("SOURCE_URL", url)
    _, found = examined()
    assert found["source"]["level"] == "fail"
    assert found["source"]["says"].startswith("The source (SOURCE_URL) cannot be reached: ")
    assert PASSWORD not in json.dumps(found)


def test_yesterday_without_a_receipt_is_noticed_though_dagster_is_down(
    store: SmallStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECEIPT_DUE_HOUR", "0")
    store.execute("UPDATE enrich.receipts SET partial = true")
    exit_code, found = examined()
    store.execute("UPDATE enrich.receipts SET partial = false")
    assert (exit_code, found["yesterday"]["level"]) == (1, "warn")
    assert f"enrich run --from {store.day.key}" in found["yesterday"]["remedy"]


def test_a_zone_other_than_the_computed_days_is_a_failure(store: SmallStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORE_TIMEZONE", "Asia/Tokyo")
    exit_code, found = examined()
    assert (exit_code, found["zone"]["remedy"]) == (2, f"Set STORE_TIMEZONE={store.store.timezone}.")


def test_a_person_reads_a_line_a_check(store: SmallStore) -> None:
    lines = CliRunner().invoke(main, ["doctor"]).output.splitlines()
    assert len([line for line in lines if line.startswith(("ok", "warn", "FAIL"))]) == len(DOCTOR_CHECKS)
