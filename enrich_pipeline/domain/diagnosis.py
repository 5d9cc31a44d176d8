"""Why a vendor holds something else than we sent: the causes that leave a recognisable trace, each in one sentence.

A guess for humans, made from one order's two sides; it decides nothing. The vendor's guide names the first two
suspects itself: zeroed values and time zone mismatches (see `time_shifts`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal
from zoneinfo import ZoneInfo

from enrich_pipeline.domain.time_shifts import TimeShift, explain_shift

CauseKind = Literal[
    "stale_revision",
    "zeroed",
    "swapped",
    "sign_lost",
    "negative_dropped",
    "hundredfold",
    "hundredth",
    "float_noise",
    "whole_units",
    "currency",
    "time_shift",
    "other_store",
]


@dataclass(frozen=True, slots=True)
class Side:
    """One side's values of an order: what we sent, or what the vendor holds. Equal sides are equal as values."""

    order_timestamp: datetime
    sales_amount: Decimal
    profit_amount: Decimal
    currency: str

    @property
    def amounts(self) -> tuple[Decimal, Decimal]:
        """Sales, profit."""
        return self.sales_amount, self.profit_amount


@dataclass(frozen=True, slots=True)
class Cause:
    """A likely cause: its name for programs, one sentence for humans, and the details of a time shift."""

    kind: CauseKind
    sentence: str
    shift: TimeShift | None = None


def find_causes(sent: Side, held: Side, *, zone: ZoneInfo, earlier: Collection[Side] = ()) -> tuple[Cause, ...]:
    """What explains the differences between the two sides: at most one cause each of amounts, currency and time.

    Args:
        sent: our payload.
        held: what the vendor answered.
        zone: the store's.
        earlier: payloads that we sent for this order before the present one.
    """
    if sent == held:
        return ()
    if held in earlier:
        return (Cause("stale_revision", "It holds a payload that we sent earlier, not the last one."),)
    causes = (_amounts_cause(sent, held), _currency_cause(sent, held), _time_cause(sent, held, zone))
    return tuple(cause for cause in causes if cause is not None)


def diagnose(sent: Side, held: Side | None, *, zone: ZoneInfo, earlier: Collection[Side] = ()) -> str | None:
    """`find_causes` as text, or None when nothing is recognised; nothing can be, of an order that is not held."""
    causes = find_causes(sent, held, zone=zone, earlier=earlier) if held is not None else ()
    return " ".join(cause.sentence for cause in causes) or None


def suspect_other_store(orders: int, missing: int) -> Cause | None:
    """The hint that the key may be another store's, when nearly all of a day's `orders` are missing."""
    few_to_judge_by, nearly_all = 10, Decimal("0.9")
    if orders < few_to_judge_by or missing < orders * nearly_all:
        return None
    sentence = (
        f"{missing} of {orders} orders are not held: WORKMAGIC_API_KEY may be another store's,"
        " or the vendor's data refresh has not run."
    )
    return Cause("other_store", sentence)


def _amounts_cause(sent: Side, held: Side) -> Cause | None:
    if sent.amounts == held.amounts:
        return None
    if held.amounts == (0, 0):
        return Cause("zeroed", "Both amounts were set to 0.")
    if held.amounts == (sent.profit_amount, sent.sales_amount):
        return Cause("swapped", "Sales and profit were swapped.")
    changed = [(ours, theirs) for ours, theirs in zip(sent.amounts, held.amounts, strict=True) if ours != theirs]
    for kind, fits, sentence in _AMOUNT_RULES:
        if all(fits(ours, theirs) for ours, theirs in changed):
            return Cause(kind, sentence)
    return None


_AMOUNT_RULES: tuple[tuple[CauseKind, Callable[[Decimal, Decimal], bool], str], ...] = (
    ("sign_lost", lambda ours, theirs: theirs == -ours, "The sign was turned around."),
    ("negative_dropped", lambda ours, theirs: ours < 0 and theirs == 0, "A negative amount was set to 0."),
    ("hundredfold", lambda ours, theirs: theirs == ours * 100, "Cents were taken for units: it is 100 times ours."),
    (
        "hundredth",
        lambda ours, theirs: abs(ours) >= 1 and abs(theirs * 100 - ours) <= Decimal("0.5"),
        "Units were taken for cents: it is a hundredth of ours.",
    ),
    (
        "float_noise",
        lambda ours, theirs: abs(theirs - ours) <= max(Decimal(1), abs(ours)) * Decimal("1e-6"),
        "The difference is the noise of a binary float.",
    ),
    (
        "whole_units",
        lambda ours, theirs: theirs == theirs.to_integral_value() and abs(theirs - ours) < 1,
        "The decimals were cut or rounded off.",
    ),
)


def _currency_cause(sent: Side, held: Side) -> Cause | None:
    if sent.currency == held.currency:
        return None
    sentence = f"It is held in {held.currency} where {sent.currency} was sent"
    if sent.amounts == held.amounts:
        # The guide: "currency" is optional, and USD when it is left out.
        default = ", the API's default, as if none had been sent" if held.currency == "USD" else ""
        return Cause("currency", f"{sentence}{default}; the amounts are the same.")
    rates = list(_rates(sent, held))
    if rates and max(rates) - min(rates) <= max(rates) * Decimal("0.01"):
        return Cause("currency", f"{sentence}, converted at about {rates[0]:.4f}.")
    return Cause("currency", f"{sentence}.")


def _rates(sent: Side, held: Side) -> Iterator[Decimal]:
    for ours, theirs in zip(sent.amounts, held.amounts, strict=True):
        if ours * theirs > 0:
            yield theirs / ours


def _time_cause(sent: Side, held: Side, zone: ZoneInfo) -> Cause | None:
    shift = explain_shift(sent.order_timestamp, held.order_timestamp, zone)
    return Cause("time_shift", shift.sentence, shift) if shift else None
