"""Fixtures every test package shares: a real PostgreSQL that only this test session uses, and nothing of the user's.

The environment's URLs and keys are removed before anything reads them, so that no test can reach a real store.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from sqlalchemy import URL

from enrich_pipeline.settings import Settings
from enrich_pipeline.warehouse.embedded import EmbeddedPostgres
from enrich_pipeline_tests.support.databases import fresh_database

# Whoever shares the machine makes an example slow; how long it takes is not what a property is about.
settings.register_profile("shared machine", deadline=None)
settings.load_profile("shared machine")


@pytest.fixture(scope="session", autouse=True)
def _no_settings_from_outside() -> Iterator[None]:
    """Hide every setting that the machine's environment or the checkout's .env would bring."""
    patch = pytest.MonkeyPatch()
    for name in Settings.model_fields:
        patch.delenv(name.upper(), raising=False)
    patch.delenv("DAGSTER_HOME", raising=False)
    patch.setitem(Settings.model_config, "env_file", None)
    yield
    patch.undo()


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> EmbeddedPostgres:
    """A PostgreSQL server of this test session's own, shared by pytest-xdist's workers."""
    folder = tmp_path_factory.getbasetemp()
    if os.environ.get("PYTEST_XDIST_WORKER"):
        folder = folder.parent
    return EmbeddedPostgres.start(Path(folder) / "data")


@pytest.fixture
def database(postgres: EmbeddedPostgres) -> Iterator[URL]:
    """The URL of an empty database that belongs to the pipeline's role."""
    with fresh_database(postgres) as url:
        yield url
