"""A short endurance run, and that its comparison would notice what it looks for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from sqlalchemy import URL

from enrich_pipeline.warehouse.embedded import API_ROLE, EmbeddedPostgres
from enrich_pipeline_tests.endurance.clients import Batch, Tally, order_id, sales_of
from enrich_pipeline_tests.endurance.run import compare, endure, known_orders
from enrich_pipeline_tests.support.api_server import running_api
from enrich_pipeline_tests.support.databases import fresh_database

_NOW = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.fixture
def database(postgres: EmbeddedPostgres) -> Iterator[URL]:
    with fresh_database(postgres, owner=API_ROLE) as url:
        yield url


@pytest.mark.slow
def test_whatever_was_answered_2xx_is_there_exactly_once_after_processes_were_killed(database: URL) -> None:
    with running_api(database, now=_NOW, arguments=["--workers", "2"], orders=known_orders(60_000)) as api:
        outcome = endure(api, clients=20, seconds=12, kill_every=3, orders=60_000)

    assert outcome.is_good, outcome
    assert outcome.kills >= 2
    assert outcome.broken > 0
    assert outcome.acknowledged_rows >= 1000


def held_after(*changes: tuple[int, str | None]) -> list[tuple[str, Decimal]]:
    """What a service lists that keeps two batches in their first version, but for some orders' amounts."""
    amounts: dict[int, str | None] = {number: sales_of(number, 1) for number in range(40)} | dict(changes)
    return [(order_id(number), Decimal(text)) for number, text in amounts.items() if text is not None]


@pytest.mark.parametrize(
    ("held", "counts"),
    [
        (held_after(), {}),
        (held_after(*((number, sales_of(number, 2)) for number in range(20, 40))), {}),
        (held_after((3, None)), {"half": 1, "missing": 20}),
        (held_after((25, sales_of(25, 2))), {"half": 1}),
        (held_after(*((number, sales_of(number, 2)) for number in range(20))), {"wrong": 1}),
        (held_after((25, "7")), {"half": 1, "wrong": 1}),
        (held_after((99, "1")), {"never_sent": 1}),
        ([*held_after(), (order_id(5), Decimal(sales_of(5, 1)))], {"doubled": 1}),
    ],
)
def test_what_was_lost_torn_doubled_or_made_up_is_noticed(
    held: list[tuple[str, Decimal]], counts: dict[str, int]
) -> None:
    """Of the second batch the second version was sent, and never answered: either of the two may be there."""
    outcome = compare(Tally([Batch(range(20), 1), Batch(range(20, 40), 1, in_doubt=2)]), held)

    assert {name: getattr(outcome, name) for name in counts} == counts
    assert outcome.is_good == (not counts)
