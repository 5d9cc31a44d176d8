"""A long range is cut into pieces: every day in one of them, in order, none larger than it must be."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from enrich_pipeline.domain.days import days_between
from enrich_pipeline.domain.range_pieces import Piece, cut_range

FIRST = date(2025, 3, 1)
counts = st.lists(st.integers(0, 300), min_size=1, max_size=40)


def cut(orders: list[int], most: int) -> list[Piece]:
    return cut_range(((FIRST + timedelta(days=n), each) for n, each in enumerate(orders)), most_orders=most)


def test_days_are_put_together_until_they_are_too_many() -> None:
    assert cut([40, 60, 1, 250, 0], 100) == [
        Piece(date(2025, 3, 1), date(2025, 3, 2), 100),
        Piece(date(2025, 3, 3), date(2025, 3, 3), 1),
        Piece(date(2025, 3, 4), date(2025, 3, 4), 250),
        Piece(date(2025, 3, 5), date(2025, 3, 5), 0),
    ]


@given(orders=counts, most=st.integers(1, 500))
def test_every_day_is_in_one_piece_in_order(orders: list[int], most: int) -> None:
    pieces = cut(orders, most)
    days = [day for piece in pieces for day in days_between(piece.first, piece.last)]
    assert days == [FIRST + timedelta(days=n) for n in range(len(orders))]
    assert sum(piece.orders for piece in pieces) == sum(orders)


@given(orders=counts, most=st.integers(1, 500))
def test_only_a_day_by_itself_is_larger_than_asked_for_and_no_piece_smaller_than_it_need_be(
    orders: list[int], most: int
) -> None:
    pieces = cut(orders, most)
    assert all(piece.orders <= most or piece.first == piece.last for piece in pieces)
    for piece, after in pairwise(pieces):
        assert piece.orders + orders[(after.first - FIRST).days] > most
