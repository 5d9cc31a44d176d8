"""Which generated orders must not be sent, and why: every reason at a fixed, small share, so that each can be seen.

Every 200 orders in a row hold one order of each reason. Where the reason lies in data that orders share (a cost, a
rule, a rate), these orders have a sku or a channel of their own, so that no other order suffers from it.
"""

from __future__ import annotations

from typing import get_args

import numpy as np

from enrich_pipeline.domain.states import Exclusion
from enrich_pipeline.warehouse.demo_store.money import Integers

REASONS: tuple[Exclusion, ...] = get_args(Exclusion)

CYCLE = 200
_FIRST_SLOT, _SLOT_STEP = 7, 13  # a store of a handful of orders has none, and no two reasons are neighbours

_slots = np.full(CYCLE, -1, dtype=np.int64)
_slots[_FIRST_SLOT + _SLOT_STEP * np.arange(len(REASONS))] = np.arange(len(REASONS))


def planted_reasons(numbers: Integers) -> Integers:
    """For each order number of the store, the position of its reason in `REASONS`, or -1 for an ordinary order."""
    return _slots[numbers % CYCLE]


def variations(numbers: Integers, kinds: int) -> Integers:
    """Which of `kinds` ways of being wrong each order takes: they take turns from one cycle to the next."""
    return numbers // CYCLE % kinds


def position(reason: Exclusion) -> int:
    """The number that stands for a reason in what `planted_reasons` returns."""
    return REASONS.index(reason)


def planted_by_reason(reasons: Integers) -> dict[Exclusion, int]:
    """How many of what `planted_reasons` returned there are of each reason."""
    return {reason: int((reasons == position(reason)).sum()) for reason in REASONS}
