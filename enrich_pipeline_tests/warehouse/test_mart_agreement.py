"""The two marts of a day agree, or say on what they do not, and then nothing of the day is sent."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from enrich_pipeline.domain.errors import DayError
from enrich_pipeline.warehouse.embedded import EmbeddedPostgres
from enrich_pipeline.warehouse.mart_agreement import mart_disagreement, require_agreement
from enrich_pipeline_tests.support.small_store import SmallStore, small_store


@pytest.fixture(scope="module")
def store(postgres: EmbeddedPostgres) -> Iterator[SmallStore]:
    with small_store(postgres) as opened:
        opened.cost("A", "3.333333")
        opened.place("1")
        opened.compute(opened.context())
        yield opened


def test_a_day_as_computed_agrees_also_where_profit_was_rounded(store: SmallStore) -> None:
    with store.engine.connect() as connection:
        assert mart_disagreement(connection, store.day.day) is None


def test_a_profit_that_is_not_the_sum_of_its_costs_is_refused_with_what_to_do(store: SmallStore) -> None:
    store.execute("UPDATE enrich.order_profit SET profit_amount = profit_amount + 0.01")
    with (
        store.engine.connect() as connection,
        pytest.raises(DayError, match=r"the profit of 1 orders is not the sum .* Materialise order_costs"),
    ):
        require_agreement(connection, store.day.day)
