"""A service of each profile, shared by a module's tests, with orders enough that no two tests need the same."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from sqlalchemy import URL

from enrich_pipeline.enrich_api.channel_orders import ChannelOrder
from enrich_pipeline.warehouse.embedded import API_ROLE, EmbeddedPostgres
from enrich_pipeline_tests.support.api_server import RunningApi, running_api
from enrich_pipeline_tests.support.databases import fresh_database

NOW = datetime(2025, 6, 20, 12, tzinfo=UTC)
ORDERED_AT = datetime(2025, 6, 10, 20, 19, tzinfo=UTC)


def channel_orders(count: int, prefix: str = "ORDER") -> list[ChannelOrder]:
    return [
        ChannelOrder(f"{prefix}{number}", ORDERED_AT, "USD", Decimal("300.00"), Decimal("120.00"))
        for number in range(count)
    ]


@pytest.fixture(scope="module")
def full(postgres: EmbeddedPostgres) -> Iterator[RunningApi]:
    """A service of the full profile that knows ORDER0 to ORDER999."""
    with (
        fresh_database(postgres, owner=API_ROLE) as url,
        running_api(url, profile="full", now=NOW, orders=channel_orders(1000)) as api,
    ):
        yield api


@pytest.fixture(scope="module")
def minimal(postgres: EmbeddedPostgres) -> Iterator[RunningApi]:
    """A service of the minimal profile that knows ORDER0 to ORDER999."""
    with (
        fresh_database(postgres, owner=API_ROLE) as url,
        running_api(url, profile="minimal", now=NOW, orders=channel_orders(1000)) as api,
    ):
        yield api


@pytest.fixture
def api_database(postgres: EmbeddedPostgres) -> Iterator[URL]:
    """An empty database that belongs to the service's role."""
    with fresh_database(postgres, owner=API_ROLE) as url:
        yield url


_numbers = itertools.count()


@pytest.fixture
def order_id() -> str:
    """An order that the shared services know and no other test uses."""
    return f"ORDER{next(_numbers)}"


@pytest.fixture
def order_ids() -> Callable[[int], list[str]]:
    """Several such orders."""
    return lambda count: [f"ORDER{next(_numbers)}" for _ in range(count)]
