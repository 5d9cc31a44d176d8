"""Each sensor on a real warehouse: it asks for runs on its cause, says why when it does not, and never asks twice."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.storage.tags import PARTITION_NAME_TAG
from sqlalchemy import text

from enrich_pipeline.domain.days import StoreDay
from enrich_pipeline.orchestration.finished_runs import finished_runs
from enrich_pipeline.orchestration.flow import (
    ALERTS_SENSOR,
    AWAITING_REFRESH_SENSOR,
    DELIVERY_STEP,
    LATE_CHANGES_SENSOR,
    UPLOAD_VERIFICATION,
)
from enrich_pipeline.orchestration.repository import build_definitions
from enrich_pipeline.settings import load_settings
from enrich_pipeline.steps.compute import compute_profit
from enrich_pipeline.warehouse.audit_tables import audit_metadata
from enrich_pipeline.warehouse.embedded import EmbeddedPostgres
from enrich_pipeline.warehouse.mart_tables import mart_metadata
from enrich_pipeline.warehouse.raw_schema import create_raw_schema
from enrich_pipeline.warehouse.raw_tables import RAW_TABLES
from enrich_pipeline_tests.support.small_store import PROJECT_DIR, SmallStore, small_store


@pytest.fixture(scope="module")
def opened_store(postgres: EmbeddedPostgres) -> Iterator[SmallStore]:
    with small_store(postgres) as opened:
        yield opened


@pytest.fixture
def store(opened_store: SmallStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> SmallStore:
    """The store, emptied, and the settings that lead to it."""
    with opened_store.engine.begin() as connection:
        create_raw_schema(connection)
        tables = [*RAW_TABLES, *mart_metadata.sorted_tables, *audit_metadata.sorted_tables]
        names = ", ".join(table.fullname for table in tables if table.name not in {"store", "currencies"})
        connection.execute(text(f"TRUNCATE {names}"))
    for name, value in opened_store.variables().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("ENRICH_DATA_DIR", str(tmp_path))
    opened_store.cost("A", "4.00")
    return opened_store


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as opened:
        yield opened


def evaluate(name: str, instance: dg.DagsterInstance, cursor: str | None = None) -> dg.SensorExecutionData:
    definitions = build_definitions(load_settings())
    repository = definitions.get_repository_def()
    context = dg.build_sensor_context(
        instance, cursor=cursor, repository_def=repository, resources=dict(definitions.resources or {})
    )
    return repository.get_sensor_def(name).evaluate_tick(context)


def test_a_late_change_asks_for_its_day_and_nothing_else_for_none(
    store: SmallStore, instance: dg.DagsterInstance
) -> None:
    store.place("1")
    store.compute(store.context())
    quiet = evaluate(LATE_CHANGES_SENSOR, instance)
    assert (quiet.run_requests, bool(quiet.skip_message)) == ([], True)

    store.execute("UPDATE raw.unit_costs SET unit_cost = 5")
    store.execute("UPDATE raw.orders SET updated_at = now()")
    asked = evaluate(LATE_CHANGES_SENSOR, instance, quiet.cursor)
    assert [request.partition_key for request in asked.run_requests or []] == [store.day.key]

    again = evaluate(LATE_CHANGES_SENSOR, instance, asked.cursor)
    assert (again.run_requests, bool(again.skip_message)) == ([], True)


def test_adjacent_late_days_are_one_range_run(store: SmallStore, instance: dg.DagsterInstance) -> None:
    store.place("1")
    store.place("2", at=store.day.start - timedelta(hours=2))
    run = store.context()
    before = StoreDay(store.day.day - timedelta(days=1), store.day.zone)
    compute_profit(run, before, store.day, url=store.url, project_dir=PROJECT_DIR, log_dir=None)
    store.execute("UPDATE raw.unit_costs SET unit_cost = 5")
    (request,) = evaluate(LATE_CHANGES_SENSOR, instance).run_requests or []
    assert request.partition_key_range == dg.PartitionKeyRange(before.key, store.day.key)


def test_a_warehouse_without_raw_tables_is_no_failure(store: SmallStore, instance: dg.DagsterInstance) -> None:
    store.execute("DROP SCHEMA raw CASCADE")
    quiet = evaluate(LATE_CHANGES_SENSOR, instance)
    assert (quiet.run_requests, "raw tables" in str(quiet.skip_message)) == ([], True)


def test_the_alerts_sensor_shows_the_last_weeks_when_they_changed_and_runs_nothing(
    store: SmallStore, instance: dg.DagsterInstance
) -> None:
    store.place("1")
    store.run_day()
    first = evaluate(ALERTS_SENSOR, instance)
    (shown,) = first.asset_events
    table = shown.metadata["enrich/status"].value
    assert [(row.data["day"], row.data["orders"], row.data["verified"]) for row in table.records] == [
        (store.day.key, 1, 1)
    ]
    again = evaluate(ALERTS_SENSOR, instance, first.cursor)
    assert (again.asset_events, again.run_requests, bool(again.skip_message)) == ([], [], True)


def test_a_failed_run_is_an_alert_until_a_run_of_the_day_succeeds(
    store: SmallStore, instance: dg.DagsterInstance, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "enrich_pipeline.steps.alerts")
    store.place("1")
    for status, said in ((dg.DagsterRunStatus.FAILURE, "ALERT run_failed"), (dg.DagsterRunStatus.SUCCESS, "RECOVERED")):
        finish_run(instance, store.day.key, status)
        caplog.clear()
        evaluate(ALERTS_SENSOR, instance)
        evaluate(ALERTS_SENSOR, instance)
        assert [said in record.message for record in caplog.records if store.day.key in record.message] == [True]


@pytest.mark.parametrize(
    ("assets", "is_counted"), [((), True), (("raw_orders",), False), (("raw_orders", "upload_verification"), True)]
)
def test_only_a_run_that_verifies_its_day_says_whether_the_day_is_done(
    instance: dg.DagsterInstance, assets: tuple[str, ...], is_counted: bool
) -> None:
    finish_run(instance, "2026-11-01", dg.DagsterRunStatus.SUCCESS, assets=assets)
    found = finished_runs(instance, now=datetime.now(UTC))
    assert [run.first.isoformat() for run in found] == ["2026-11-01"] * is_counted


@pytest.mark.parametrize("status", [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE])
def test_a_dry_run_neither_opens_nor_closes_the_alert_of_a_failed_day(
    instance: dg.DagsterInstance, status: dg.DagsterRunStatus
) -> None:
    finish_run(instance, "2026-11-01", status, config={"ops": {DELIVERY_STEP: {"config": {"dry_run": True}}}})
    assert finished_runs(instance, now=datetime.now(UTC)) == []


def finish_run(
    instance: dg.DagsterInstance,
    day: str,
    status: dg.DagsterRunStatus,
    *,
    assets: tuple[str, ...] = (),
    config: dict[str, object] | None = None,
) -> None:
    """A run of `assets`, or of the whole job, that began, and ended as `status` says."""
    ended = {dg.DagsterRunStatus.FAILURE: dg.DagsterEventType.RUN_FAILURE}
    run = instance.add_run(
        dg.DagsterRun(
            job_name="any",
            run_id=str(uuid.uuid4()),
            run_config=config,
            tags={PARTITION_NAME_TAG: day},
            status=dg.DagsterRunStatus.STARTED,
            asset_selection=frozenset(dg.AssetKey(name) for name in assets) or None,
        )
    )
    event = dg.DagsterEvent(ended.get(status, dg.DagsterEventType.RUN_SUCCESS).value, "any")
    instance.report_dagster_event(event, run.run_id)


def test_orders_that_wait_for_the_refresh_are_verified_after_it(
    store: SmallStore, instance: dg.DagsterInstance
) -> None:
    store.place("1")
    store.run_day()
    waiting = evaluate(AWAITING_REFRESH_SENSOR, instance)
    assert (waiting.run_requests, "wait for the vendor's next refresh" in str(waiting.skip_message)) == ([], True)

    store.execute("UPDATE enrich.upload_batches SET sent_at = sent_at - interval '2 days'")
    store.execute("UPDATE enrich.read_backs SET started_at = started_at - interval '2 days'")
    (request,) = evaluate(AWAITING_REFRESH_SENSOR, instance).run_requests or []
    assert (request.partition_key, request.asset_selection) == (store.day.key, [UPLOAD_VERIFICATION.key])

    store.api.refresh()
    store.verify(store.context())
    assert evaluate(AWAITING_REFRESH_SENSOR, instance).run_requests == []
