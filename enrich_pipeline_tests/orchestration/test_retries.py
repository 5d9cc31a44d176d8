"""A warehouse that is lost in the middle of a step: the step is tried again, and nothing else is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import dagster as dg
import pytest
from sqlalchemy import text

from enrich_pipeline.domain.days import StoreDay
from enrich_pipeline.domain.errors import DayError, WarehouseLostError
from enrich_pipeline.orchestration import retries
from enrich_pipeline.orchestration.assets import order_marts, raw_orders
from enrich_pipeline.orchestration.flow import DAILY_JOB
from enrich_pipeline.orchestration.repository import build_definitions
from enrich_pipeline.settings import load_settings
from enrich_pipeline.steps import deliver
from enrich_pipeline.steps.context import RunContext
from enrich_pipeline.steps.upload import UploadOptions
from enrich_pipeline_tests.support.small_store import SmallStore


@pytest.fixture
def store(configured_store: SmallStore, monkeypatch: pytest.MonkeyPatch) -> SmallStore:
    """A store with an order, and nobody who waits before trying again."""
    monkeypatch.setattr(retries, "_WAIT_SECONDS", 0)
    configured_store.place("order")
    return configured_store


def run_day(store: SmallStore) -> dg.ExecuteInProcessResult:
    job = build_definitions(load_settings()).resolve_job_def(DAILY_JOB)
    with dg.instance_for_test() as instance:
        return job.execute_in_process(instance=instance, partition_key=store.day.key, raise_on_error=False)


def tries(result: dg.ExecuteInProcessResult) -> int:
    """How often a step was tried again."""
    return len([event for event in result.all_events if event.event_type == dg.DagsterEventType.STEP_RESTARTED])


def lose_the_warehouse(run: RunContext) -> None:
    """Meet what a server does that is shut down: it hangs up."""
    with run.engine.connect() as connection:
        connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))


def failing(work: Callable[..., Any], *, times: int, fail: Callable[[RunContext], None]) -> Callable[..., Any]:
    """The work of a step, which fails the first `times`."""
    left = iter(range(times))

    def do(run: RunContext, *arguments: Any, **options: Any) -> Any:
        if next(left, None) is not None:
            fail(run)
        return work(run, *arguments, **options)

    return do


STEPS = [(raw_orders, "check_source_day"), (order_marts, "compute_profit"), (deliver, "upload_day")]


@pytest.mark.parametrize(("module", "work"), STEPS, ids=[work for _, work in STEPS])
def test_a_step_that_loses_the_warehouse_is_tried_again(
    store: SmallStore, monkeypatch: pytest.MonkeyPatch, module: Any, work: str
) -> None:
    monkeypatch.setattr(module, work, failing(getattr(module, work), times=2, fail=lose_the_warehouse))
    result = run_day(store)
    assert result.success
    assert tries(result) == 2
    assert store.states() == {"order": ("verified", None)}


@pytest.mark.parametrize(("module", "work"), STEPS, ids=[work for _, work in STEPS])
def test_a_warehouse_that_stays_away_ends_the_run(
    store: SmallStore, monkeypatch: pytest.MonkeyPatch, module: Any, work: str
) -> None:
    monkeypatch.setattr(module, work, failing(getattr(module, work), times=9, fail=lose_the_warehouse))
    result = run_day(store)
    assert not result.success
    assert tries(result) == retries.MOST_RETRIES


@pytest.mark.parametrize(("module", "work"), STEPS, ids=[work for _, work in STEPS])
def test_what_would_fail_again_is_not_tried_again(
    store: SmallStore, monkeypatch: pytest.MonkeyPatch, module: Any, work: str
) -> None:
    def fail(_run: RunContext) -> None:
        raise DayError("no good")

    monkeypatch.setattr(module, work, failing(getattr(module, work), times=1, fail=fail))
    result = run_day(store)
    assert not result.success
    assert tries(result) == 0


def test_a_warehouse_that_is_lost_two_days_running_is_not_asked_for_the_days_after(
    store: SmallStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliver, "upload_day", failing(deliver.upload_day, times=9, fail=lose_the_warehouse))
    days = [StoreDay(store.day.day - timedelta(days=back), store.day.zone) for back in range(4)]
    with store.client() as client:
        begun = list(deliver.deliver_days(store.context(), client, days, UploadOptions(batch_size=1)))
    assert [type(delivered.error) for delivered in begun] == [WarehouseLostError] * 2
