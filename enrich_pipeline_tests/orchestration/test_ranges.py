"""A range of days in one run: each day is recorded by itself, and one that cannot be done costs the others nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import dagster as dg
import pytest
from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluation
from dagster._core.storage.partition_status_cache import get_and_update_asset_status_cache_value
from dagster._core.storage.tags import ASSET_PARTITION_RANGE_END_TAG, ASSET_PARTITION_RANGE_START_TAG
from starlette.datastructures import QueryParams

from enrich_pipeline.domain.days import StoreDay
from enrich_pipeline.enrich_api.dashboard.paging import read_filters
from enrich_pipeline.enrich_api.dashboard.sessions import PATH
from enrich_pipeline.orchestration.flow import DAILY_JOB, ENRICHED_UPLOAD, FLOW, UPLOAD_VERIFICATION
from enrich_pipeline.orchestration.repository import build_definitions
from enrich_pipeline.orchestration.resources import EnrichApiResource
from enrich_pipeline.settings import load_settings
from enrich_pipeline_tests.support.small_store import SmallStore

DAYS = 4


@pytest.fixture
def store(configured_store: SmallStore) -> SmallStore:
    """A store with an order on each of the last `DAYS` days before today."""
    for day in days(configured_store):
        at = StoreDay(day, configured_store.store.zone).start + timedelta(hours=12)
        configured_store.place(f"order of {day}", at=at)
    return configured_store


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as opened:
        yield opened


def days(store: SmallStore) -> list[date]:
    return [store.day.day - timedelta(days=back) for back in reversed(range(DAYS))]


def run_range(store: SmallStore, instance: dg.DagsterInstance, *assets: dg.AssetKey) -> dg.ExecuteInProcessResult:
    """Run the days as one range, as a backfill from the UI does."""
    job = build_definitions(load_settings()).resolve_job_def(DAILY_JOB)
    first, *_, last = days(store)
    return job.execute_in_process(
        instance=instance,
        asset_selection=list(assets) or None,
        tags={
            ASSET_PARTITION_RANGE_START_TAG: first.isoformat(),
            ASSET_PARTITION_RANGE_END_TAG: last.isoformat(),
        },
        raise_on_error=False,
    )


def poison(store: SmallStore, day: date) -> None:
    """Make the day's marts look as if two runs had computed them, whatever the run does."""
    store.execute(
        f"""
        CREATE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF NEW.order_day = '{day}' AND NEW.mart = 'order_profit' THEN NEW.run_id = 'another run'; END IF;
            RETURN NEW; END $$
        """
    )
    store.execute(
        "CREATE TRIGGER poison BEFORE INSERT OR UPDATE ON enrich.computed_days FOR EACH ROW EXECUTE FUNCTION poison()"
    )


def partitions(instance: dg.DagsterInstance, key: dg.AssetKey) -> tuple[set[str], set[str]]:
    """The partitions of an asset that Dagster shows as materialised and as failed."""
    definitions = build_definitions(load_settings())
    definition = definitions.resolve_asset_graph().get(key).partitions_def
    assert definition is not None
    status = get_and_update_asset_status_cache_value(instance, key, definition)
    assert status is not None
    return (
        set(status.deserialize_materialized_partition_subsets(definition).get_partition_keys()),
        set(status.deserialize_failed_partition_subsets(definition).get_partition_keys()),
    )


def checks(result: dg.ExecuteInProcessResult, name: str) -> dict[str | None, AssetCheckEvaluation]:
    found = [check for check in result.get_asset_check_evaluations() if check.check_name == name]
    by_day = {check.partition: check for check in found}
    assert len(by_day) == len(found), "a day has two results"
    return by_day


def recorded(instance: dg.DagsterInstance, key: dg.AssetKey, day: str) -> list[dict[str, Any]]:
    records = instance.fetch_materializations(
        dg.AssetRecordsFilter(asset_key=key, asset_partitions=[day]), limit=10
    ).records
    return [
        {name: value.value for name, value in record.asset_materialization.metadata.items()}
        for record in records
        if record.asset_materialization is not None
    ]


def test_each_day_of_a_range_is_recorded_once_with_metadata_and_check_results_of_its_own(
    store: SmallStore, instance: dg.DagsterInstance
) -> None:
    keys = [day.isoformat() for day in days(store)]
    store.place("a second order", at=store.day.start + timedelta(hours=13))
    result = run_range(store, instance)
    assert result.success
    for flow in FLOW:
        assert partitions(instance, flow.key) == (set(keys), set())
        assert [len(recorded(instance, flow.key, key)) for key in keys] == [1] * DAYS
    verified = [recorded(instance, UPLOAD_VERIFICATION.key, key)[0]["enrich/orders_verified"] for key in keys]
    assert verified == [1] * (DAYS - 1) + [2]
    for name in (
        "order_ids_are_unique",
        "marts_agree",
        "costs_are_complete",
        "orders_are_accepted",
        "every_order_is_accounted_for",
        "no_mismatches",
    ):
        assert {day: check.passed for day, check in checks(result, name).items()} == dict.fromkeys(keys, True)


def test_a_verified_day_leads_to_its_receipt_and_to_the_services_page_of_that_day(
    store: SmallStore, instance: dg.DagsterInstance
) -> None:
    run_range(store, instance)
    day = StoreDay(days(store)[1], store.store.zone)
    seen = recorded(instance, UPLOAD_VERIFICATION.key, day.key)[0]

    receipts, unverified, _ = seen["enrich/receipt_query"].removeprefix("```sql").split(";")
    assert [row[1] for row in store.fetch(receipts)] == [day.day]
    assert store.fetch(unverified) == []

    page = urlsplit(seen["enrich/vendor_page"])
    assert f"{page.scheme}://{page.netloc}" == store.api.base_url
    assert page.path == f"{PATH}/orders"
    filters = read_filters(QueryParams(page.query), store.store.zone)
    assert (filters.start, filters.end) == (day.start, day.end)


def test_another_vendors_pages_are_not_guessed() -> None:
    vendor = EnrichApiResource(
        base_url="https://api.example.com", contract_profile="full", batch_size=1, concurrency=1, budget_seconds=1
    )
    assert vendor.page_of(StoreDay(date(2026, 3, 8), ZoneInfo("America/New_York"))) is None


def test_a_day_that_a_guard_holds_is_red_and_says_why_and_the_others_are_uploaded_and_verified(
    store: SmallStore, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = [day.isoformat() for day in days(store)]
    held, good = keys[1], {*keys} - {keys[1]}
    monkeypatch.setenv("GUARD_FEWEST_ORDERS", "1")
    monkeypatch.setenv("GUARD_EXCLUDED_SHARE", "0.4")
    at = StoreDay(days(store)[1], store.store.zone).start
    store.place("an order without cost", at=at, lines=(("B", "1", "10.00"),))

    result = run_range(store, instance)

    assert not result.success
    for key in (ENRICHED_UPLOAD.key, UPLOAD_VERIFICATION.key):
        assert partitions(instance, key) == (good, {held})
    accepted = checks(result, "orders_are_accepted")
    assert {day for day, check in accepted.items() if not check.passed} == {held}
    assert "costs_are_missing: 1 of 2 orders are excluded" in (accepted[held].description or "")
    assert store.fetch(
        "SELECT holds->>0 ~ 'costs_are_missing' FROM enrich.receipts WHERE order_day = :day", day=held
    ) == [(True,)]


def test_a_day_that_cannot_be_uploaded_is_red_and_says_why_and_the_others_are_uploaded_and_verified(
    store: SmallStore, instance: dg.DagsterInstance
) -> None:
    keys = [day.isoformat() for day in days(store)]
    bad, good = keys[1], {*keys} - {keys[1]}
    poison(store, days(store)[1])
    result = run_range(store, instance)
    assert not result.success
    for key in (ENRICHED_UPLOAD.key, UPLOAD_VERIFICATION.key):
        assert partitions(instance, key) == (good, {bad})
    assert {str(row[0]) for row in store.fetch("SELECT order_day FROM enrich.receipts")} == good
    (failure,) = [event for event in result.all_events if event.is_step_failure]
    said = failure.step_failure_data.user_failure_data
    assert said is not None
    assert said.description is not None
    assert said.description.startswith(f"{bad}: ")
    assert "order_costs was computed by run" in said.description
    assert "The other 3 days of this run are done" in said.description
    accounted = checks(result, "every_order_is_accounted_for")
    assert {day: check.passed for day, check in accounted.items()} == {key: key != bad for key in keys}
    assert "another run" in (accounted[bad].description or "")
    assert {day for day, check in checks(result, "marts_agree").items() if not check.passed} == {bad}


def test_mending_the_bad_day_and_running_it_alone_makes_the_range_whole(
    store: SmallStore, instance: dg.DagsterInstance
) -> None:
    poison(store, days(store)[1])
    run_range(store, instance)
    store.execute("DROP TRIGGER poison ON enrich.computed_days")
    job = build_definitions(load_settings()).resolve_job_def(DAILY_JOB)
    posts = store.fetch("SELECT count(*) FROM enrich.upload_batches")
    assert job.execute_in_process(instance=instance, partition_key=days(store)[1].isoformat()).success
    assert store.fetch("SELECT count(*) FROM enrich.upload_batches") == [(posts[0][0] + 1,)]
    assert partitions(instance, UPLOAD_VERIFICATION.key) == ({day.isoformat() for day in days(store)}, set())


def test_a_day_that_differs_at_the_vendor_fails_its_own_check_and_no_other_days(
    store: SmallStore, instance: dg.DagsterInstance
) -> None:
    run_range(store, instance)
    tampered = days(store)[2]
    store.tamper("sales_amount", 1, f"order of {tampered}")
    result = run_range(store, instance, UPLOAD_VERIFICATION.key)
    assert result.success
    matching = checks(result, "no_mismatches")
    assert {day for day, check in matching.items() if not check.passed} == {tampered.isoformat()}
    assert "sends what differs" in (matching[tampered.isoformat()].description or "")


def test_a_refused_key_stops_the_range_at_once(
    store: SmallStore, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKMAGIC_API_KEY", "not-the-key")
    result = run_range(store, instance)
    assert not result.success
    (failure,) = [event for event in result.all_events if event.is_step_failure]
    said = failure.step_failure_data.user_failure_data
    assert said is not None
    assert "3 days after it were not begun" in (said.description or "")
    assert "WORKMAGIC_API_KEY" in (said.description or "")
    assert store.fetch("SELECT count(DISTINCT order_day) FROM enrich.upload_batches")[0][0] == 1
