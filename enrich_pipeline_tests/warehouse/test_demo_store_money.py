"""Generated amounts are exact: whole minor units become the very decimal they stand for."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from enrich_pipeline.warehouse.demo_store.money import Money, decimal_text


@given(st.lists(st.integers(-(10**15), 10**15)), st.integers(0, 6))
def test_text_is_the_exact_decimal(values: list[int], decimals: int) -> None:
    texts = decimal_text(np.array(values, dtype=np.int64), decimals)
    assert [Decimal(written) for written in texts] == [Decimal(value).scaleb(-decimals) for value in values]
    assert all(-Decimal(written).as_tuple().exponent == decimals for written in texts)


def test_twenty_five_dollars_look_like_a_price_in_any_currency() -> None:
    assert [
        Money.of(currency).one_text(Money.of(currency).amount(2_500)) for currency in ("USD", "JPY", "KWD", "EUR")
    ] == ["25.00", "3750", "7.750", "23.00"]


def test_a_price_never_becomes_nothing() -> None:
    assert Money.of("JPY").amount(0) == 0
    assert Money("XXX", exponent=0, per_10_000_dollars=1).amount(1) == 1
