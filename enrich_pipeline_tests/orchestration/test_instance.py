"""Dagster's home as `enrich ui` and `enrich run` set it up."""

from __future__ import annotations

import os
from pathlib import Path

import dagster as dg
import pytest

from enrich_pipeline.domain.errors import SettingsError
from enrich_pipeline.orchestration.instance import enter_dagster_home
from enrich_pipeline.settings import load_settings
from enrich_pipeline.warehouse.embedded import EmbeddedPostgres
from enrich_pipeline_tests.support.own_server import PASSWORD


def test_backfills_leave_room_for_the_daily_run_and_no_run_is_retried_by_itself(
    postgres: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", "")
    monkeypatch.setenv("ENRICH_DAGSTER_STORAGE_URL", "")
    monkeypatch.setenv("DAGSTER_STORAGE_URL", postgres.url("dagster").render_as_string(hide_password=False))
    monkeypatch.setenv("ENRICH_DATA_DIR", str(tmp_path))
    enter_dagster_home(load_settings())
    with dg.DagsterInstance.get() as instance:
        limits = instance.get_concurrency_config().run_queue_config
        assert limits is not None
        assert limits.max_concurrent_runs > 1
        assert limits.tag_concurrency_limits == [{"key": "dagster/backfill", "limit": 1}]
        assert not instance.run_retries_enabled


def test_a_storage_that_cannot_be_reached_is_said_without_its_password_and_before_dagster_tries(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", "")
    monkeypatch.setenv("DAGSTER_STORAGE_URL", f"postgresql://brand:{PASSWORD}@127.0.0.1:1/dagster")
    monkeypatch.setenv("ENRICH_DATA_DIR", str(tmp_path))
    with pytest.raises(SettingsError, match=r"DAGSTER_STORAGE_URL.*127\.0\.0\.1") as raised:
        enter_dagster_home(load_settings())
    assert PASSWORD not in str(raised.value)
    assert os.environ["DAGSTER_HOME"] == ""
