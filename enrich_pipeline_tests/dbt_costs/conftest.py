"""One parsed dbt project a session, and a small store a test module."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from enrich_pipeline.warehouse.embedded import EmbeddedPostgres
from enrich_pipeline.warehouse.marts import prepare_manifest
from enrich_pipeline_tests.dbt_costs.compiled_marts import PROJECT_DIR, MartCompiler
from enrich_pipeline_tests.dbt_costs.small_store import SmallStore
from enrich_pipeline_tests.support.databases import fresh_database


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which dbt's parsed project lies."""
    return prepare_manifest(PROJECT_DIR, target_dir=tmp_path_factory.mktemp("dbt")).parent


@pytest.fixture(scope="session")
def compiler(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> MartCompiler:
    """Compiles the marts, each range of days once a session."""
    return MartCompiler(prepared, tmp_path_factory.mktemp("compiled"))


@pytest.fixture(scope="session")
def database_of_stores(postgres: EmbeddedPostgres, compiler: MartCompiler) -> Iterator[SmallStore]:
    with fresh_database(postgres) as url:
        store = SmallStore(url, compiler)
        store.create()
        yield store


@pytest.fixture
def store(database_of_stores: SmallStore) -> SmallStore:
    """A store without a row, in UTC and USD."""
    database_of_stores.clear()
    return SmallStore(database_of_stores.url, database_of_stores.compiler)
