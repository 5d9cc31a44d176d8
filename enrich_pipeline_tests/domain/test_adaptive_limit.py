"""How many requests may be in flight: grows while answers are good, halves once for each round that strains."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrich_pipeline.domain.adaptive_limit import AdaptiveLimit

ceilings = st.integers(1, 64)
histories = st.lists(st.booleans(), max_size=300)


def after(ceiling: int, history: list[bool]) -> AdaptiveLimit:
    """A limit that saw these answers, good or not, each begun when the one before had ended."""
    limit = AdaptiveLimit(ceiling)
    for good in history:
        if good:
            limit.answered_well()
        else:
            limit.strained(limit.epoch)
    return limit


@given(ceilings, histories)
def test_the_limit_stays_between_one_and_its_ceiling(ceiling, history):
    assert 1 <= after(ceiling, history).limit <= ceiling


@given(ceilings, histories)
def test_a_good_answer_never_lowers_the_limit(ceiling, history):
    limit = after(ceiling, history)
    before = limit.limit
    limit.answered_well()
    assert limit.limit >= before


@given(ceilings, histories)
def test_strain_halves_the_limit(ceiling, history):
    limit = after(ceiling, history)
    before = limit.limit
    limit.strained(limit.epoch)
    assert max(1, before // 2) <= limit.limit <= max(1, (before + 1) / 2)


@given(ceilings, histories, st.integers(1, 64))
def test_a_burst_of_failures_of_one_round_halves_it_once(ceiling, history, failures):
    once, often = after(ceiling, history), after(ceiling, history)
    once.strained(once.epoch)
    epoch = often.epoch
    for _ in range(failures):
        often.strained(epoch)
    assert often.limit == once.limit


@given(ceilings, histories)
def test_good_answers_alone_bring_any_limit_back_to_its_ceiling(ceiling, history):
    limit = after(ceiling, history)
    for _ in range(ceiling * ceiling):
        limit.answered_well()
    assert limit.limit == ceiling


def test_it_doubles_with_each_round_until_the_vendor_strains_and_grows_by_one_a_round_after():
    limit = AdaptiveLimit(64)
    rounds = []
    for _ in range(3):
        rounds.append(limit.limit)
        for _ in range(limit.limit):
            limit.answered_well()
    assert rounds == [16, 32, 64]
    limit.strained(limit.epoch)
    before = limit.limit
    for _ in range(before + 1):
        limit.answered_well()
    assert (before, limit.limit) == (32, 33)


def test_a_ceiling_below_one_is_refused():
    with pytest.raises(ValueError, match="at least 1"):
        AdaptiveLimit(0)
