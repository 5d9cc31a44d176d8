"""The two marts of a day agree, or say on what they do not, and then nothing of the day is sent."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from enrich_pipeline.domain.errors import DayError
from enrich_pipeline.warehouse.computed_days import require_computed
from enrich_pipeline.warehouse.embedded import EmbeddedPostgres
from enrich_pipeline.warehouse.mart_agreement import withdraw_disagreeing
from enrich_pipeline_tests.support.small_store import SmallStore, small_store


@pytest.fixture(scope="module")
def store(postgres: EmbeddedPostgres) -> Iterator[SmallStore]:
    with small_store(postgres) as opened:
        opened.cost("A", "3.333333")
        opened.place("1")
        opened.compute(opened.context())
        yield opened


def test_a_day_as_computed_agrees_also_where_profit_was_rounded(store: SmallStore) -> None:
    with store.engine.begin() as connection:
        assert withdraw_disagreeing(connection, store.day.day, store.day.day) == {}
        require_computed(connection, store.day.day)


def test_a_day_whose_profit_is_not_the_sum_of_its_costs_is_not_sent_and_says_what_to_do(store: SmallStore) -> None:
    store.execute("UPDATE enrich.order_profit SET profit_amount = profit_amount + 0.01")
    with store.engine.begin() as connection:
        problems = withdraw_disagreeing(connection, store.day.day, store.day.day)

    assert "the profit of 1 orders is not the sum" in problems[store.day.day]
    assert "Materialise order_costs" in problems[store.day.day]
    with pytest.raises(DayError, match="order_profit not computed"):
        store.upload(store.context())
