"""One parsed dbt project a session, and a small store a test module."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from enrich_pipeline.warehouse.embedded import EmbeddedPostgres
from enrich_pipeline.warehouse.marts import prepare_manifest
from enrich_pipeline_tests.dbt_costs.small_store import PROJECT_DIR, SmallStore
from enrich_pipeline_tests.support.databases import fresh_database


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which dbt's parsed project lies."""
    return prepare_manifest(PROJECT_DIR, target_dir=tmp_path_factory.mktemp("dbt")).parent


@pytest.fixture(scope="module")
def store_of_module(postgres: EmbeddedPostgres, prepared: Path) -> Iterator[SmallStore]:
    with fresh_database(postgres) as url:
        store = SmallStore(url, prepared)
        store.create()
        yield store


@pytest.fixture
def store(store_of_module: SmallStore) -> SmallStore:
    """A store without a row, in UTC and USD."""
    store_of_module.clear()
    return SmallStore(store_of_module.url, store_of_module.prepared)
