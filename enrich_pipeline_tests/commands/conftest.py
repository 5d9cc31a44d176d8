"""A store of a test module's own, and the environment in which commands find it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from enrich_pipeline.warehouse.embedded import EmbeddedPostgres, libpq_url
from enrich_pipeline_tests.support.databases import fresh_database
from enrich_pipeline_tests.support.small_store import SmallStore, small_store


@pytest.fixture(scope="module")
def opened_store(postgres: EmbeddedPostgres) -> Iterator[SmallStore]:
    """A store whose day ran, with one order verified."""
    with small_store(postgres) as opened:
        opened.cost("A", "4.00")
        opened.place("1")
        opened.run_day()
        yield opened


@pytest.fixture(scope="module")
def dagster_url(postgres: EmbeddedPostgres) -> Iterator[str]:
    with fresh_database(postgres) as url:
        yield libpq_url(url)


@pytest.fixture
def store(opened_store: SmallStore, dagster_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> SmallStore:
    variables = {**opened_store.variables(), "DAGSTER_STORAGE_URL": dagster_url, "ENRICH_DATA_DIR": str(tmp_path)}
    # Commands enter Dagster's home in this very process: afterwards it is left again.
    variables |= {"DAGSTER_HOME": "", "ENRICH_DAGSTER_STORAGE_URL": ""}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return opened_store
