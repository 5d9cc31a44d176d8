"""The names of an order's states and of the findings about it; `warehouse/order_states.py` decides them, in SQL."""

from __future__ import annotations

from typing import Literal, get_args

State = Literal[
    "excluded", "outside_window", "rejected", "unknown", "ready", "awaiting_refresh", "mismatched", "verified"
]
"""Every order of a day is in exactly one of these."""

STATES: tuple[State, ...] = get_args(State)

Exclusion = Literal[
    "duplicate_order",
    "invalid_id",
    "test_order",
    "not_a_sale",
    "invalid_currency",
    "no_lines",
    "incomplete_line",
    "incomplete_shipping",
    "incomplete_refund",
    "incomplete_fee",
    "missing_cost",
    "ambiguous_cost",
    "ambiguous_fee",
    "missing_fx",
]
"""Why an order must not be sent, in the order in which they are looked for: the first that holds is its reason."""

MismatchKind = Literal[
    "missing", "zeroed", "sales_amount", "profit_amount", "currency", "order_timestamp", "not_applied"
]
"""What can differ about an order that was read back; each makes it `mismatched`."""

FindingKind = Literal["duplicate", "held_but_excluded", "unexpected"]
"""What can be wrong with an answer without changing an order's state."""

RESENT_KINDS: tuple[MismatchKind, ...] = (
    "missing",
    "zeroed",
    "sales_amount",
    "profit_amount",
    "currency",
    "order_timestamp",
)
"""Mismatches that sending the order again can mend."""
