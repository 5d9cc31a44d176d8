"""A store that Dagster's definitions are led to by their settings, as a user's are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from enrich_pipeline.warehouse.embedded import EmbeddedPostgres
from enrich_pipeline_tests.support.small_store import SmallStore, small_store


@pytest.fixture
def configured_store(
    postgres: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[SmallStore]:
    """A store without orders that has costs, and the settings that lead to it."""
    with small_store(postgres) as opened:
        monkeypatch.setenv("WAREHOUSE_URL", opened.url.render_as_string(hide_password=False))
        monkeypatch.setenv("STORE_TIMEZONE", opened.store.timezone)
        monkeypatch.setenv("WORKMAGIC_API_URL", opened.api.base_url)
        monkeypatch.setenv("WORKMAGIC_API_KEY", opened.api.key)
        monkeypatch.setenv("ENRICH_DATA_DIR", str(tmp_path))
        opened.cost("A", "4.00")
        yield opened
