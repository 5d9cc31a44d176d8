"""A small store of its own for each test of a step."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from enrich_pipeline.warehouse.embedded import EmbeddedPostgres
from enrich_pipeline_tests.support.small_store import SmallStore, small_store


@pytest.fixture
def store(postgres: EmbeddedPostgres) -> Iterator[SmallStore]:
    """A store in New York with a cost for sku A and a vendor of the full profile."""
    with small_store(postgres) as opened:
        opened.cost("A", "4.00")
        yield opened
