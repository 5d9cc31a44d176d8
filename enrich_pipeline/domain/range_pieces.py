"""Cuts a long range of days into pieces that a warehouse computes in memory, several at once. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import NamedTuple


class Piece(NamedTuple):
    """Consecutive days, both included, and how many orders they have."""

    first: date
    last: date
    orders: int


def cut_range(days: Iterable[tuple[date, int]], *, most_orders: int) -> list[Piece]:
    """Cut days, given with their orders and one after the other, into pieces of at most `most_orders`.

    A day is never cut: one that has more is a piece of its own.
    """
    pieces: list[Piece] = []
    for day, orders in days:
        if pieces and pieces[-1].orders + orders <= most_orders:
            pieces[-1] = Piece(pieces[-1].first, day, pieces[-1].orders + orders)
        else:
            pieces.append(Piece(day, day, orders))
    return pieces
