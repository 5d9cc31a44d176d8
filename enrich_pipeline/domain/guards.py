"""What must be true of a day before it is sent: a day that looks wrong is held, since late is better than wrong.

Pure: facts in, sentences out. A guard that speaks holds the whole day, until the cause is mended or a person lifts the
guards with a reason. Shares are from 0 to 1, and amounts exact decimals in units of their currency.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, get_args

GuardName = Literal[
    "source_is_empty",
    "orders_are_lost",
    "costs_are_missing",
    "too_many_excluded",
    "too_many_changed",
    "profit_moves",
    "amounts_are_zeroed",
]

GUARDS: tuple[GuardName, ...] = get_args(GuardName)

# What the source itself marks as not to be sent says nothing about a broken load.
_EXCLUDED_BY_THE_SOURCE = ("test_order", "not_a_sale")


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardLimits:
    """From which share on a guard holds a day: a share above its limit does. A limit of 1 switches a share's guard off.

    Attributes:
        excluded_share: of the day's orders, those excluded for what is wrong with them.
        changed_share: of the orders that the vendor holds, those whose values would change.
        profit_share: of the profit that the vendor holds, what would move up or down.
        zeroed_share: of the orders that the vendor holds, those that would become 0 in sales and profit.
        fewest_orders: a share of fewer orders than this says nothing, and holds nothing.
    """

    excluded_share: Decimal = Decimal("0.5")
    changed_share: Decimal = Decimal(1)
    profit_share: Decimal = Decimal("0.5")
    zeroed_share: Decimal = Decimal("0.1")
    fewest_orders: int = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class DayFacts:
    """What is known of a day in the warehouse.

    Attributes:
        source_orders: rows of the source, as `raw_orders` counted them.
        computed_orders: rows of `order_profit`.
        exclusions: orders by the reason for which they are excluded.
        orders_before: rows of the source on each of the days before, where the day's own are 0; else empty.
        has_costs: whether there is any unit cost at all, in the list of costs or at the sale.
        is_open: whether orders can still fall on the day.
    """

    source_orders: int
    computed_orders: int
    exclusions: Mapping[str, int]
    orders_before: Sequence[int] = ()
    has_costs: bool = True
    is_open: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrencyChange:
    """What an upload would change of one currency, against what the vendor was last seen to hold.

    Attributes:
        held: orders of the day that the vendor holds.
        new: orders it would get for the first time.
        changed: orders it holds with other values, and would get with new ones.
        again: orders it would get once more with the values that it was sent before.
        zeroed: of those changed, the ones that would become 0 in sales and profit.
        sales_before: what it holds in sales; `sales_after`, what it would hold.
        profit_moved: sum of each changed order's difference in profit, up or down, without sign.
        profit_held: sum of every held order's profit, without sign.
    """

    currency: str
    held: int
    new: int
    changed: int
    again: int
    zeroed: int
    sales_before: Decimal
    sales_after: Decimal
    profit_before: Decimal
    profit_after: Decimal
    profit_moved: Decimal
    profit_held: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Why a day is held: the guard that spoke, and a sentence on what it saw and what to do."""

    guard: GuardName
    message: str


def guard_day(facts: DayFacts, changes: Sequence[CurrencyChange], limits: GuardLimits) -> tuple[Hold, ...]:
    """Every guard that holds the day; empty when it may be sent."""
    return (*_guard_source(facts, limits), *_guard_changes(changes, limits))


def _guard_source(facts: DayFacts, limits: GuardLimits) -> Iterator[Hold]:
    usual = min(facts.orders_before, default=0)
    if not facts.source_orders and not facts.is_open and usual >= limits.fewest_orders:
        yield Hold(
            guard="source_is_empty",
            message=(
                f"the source has no order, and had at least {usual} on each of the {len(facts.orders_before)} days "
                "before. Load the day's orders, then run it again"
            ),
        )
    if facts.computed_orders < facts.source_orders:
        yield Hold(
            guard="orders_are_lost",
            message=(
                f"the source has {facts.source_orders} orders and order_profit {facts.computed_orders}. Orders were "
                "removed in between, or a join lost them: run the day again, from raw_orders on"
            ),
        )
    missing = facts.exclusions.get("missing_cost", 0)
    wrong = {reason: n for reason, n in facts.exclusions.items() if reason not in _EXCLUDED_BY_THE_SOURCE}
    if missing and not facts.has_costs:
        yield Hold(guard="costs_are_missing", message="unit_costs is empty. Load the costs, then run the day again")
    elif _is_above(sum(wrong.values()), facts.computed_orders, limits.excluded_share, limits):
        first = max(wrong, key=lambda reason: wrong[reason])
        is_cost = first == "missing_cost"
        yield Hold(
            guard="costs_are_missing" if is_cost else "too_many_excluded",
            message=(
                f"{sum(wrong.values())} of {facts.computed_orders} orders are excluded, {wrong[first]} of them as "
                f"{first}. {'Complete unit_costs' if is_cost else 'Mend the source'}, then run the day again"
            ),
        )


def _guard_changes(changes: Sequence[CurrencyChange], limits: GuardLimits) -> Iterator[Hold]:
    for change in changes:
        what = f"of {change.held} orders in {change.currency} that the vendor holds,"
        if _is_above(change.changed, change.held, limits.changed_share, limits):
            yield Hold(guard="too_many_changed", message=f"{what} {change.changed} would change. {_LOOK}")
        if change.changed >= limits.fewest_orders and _exceeds(
            change.profit_moved, change.profit_held, limits.profit_share
        ):
            yield Hold(
                guard="profit_moves",
                message=(
                    f"{what} {change.changed} would move {change.profit_moved} of {change.profit_held} in profit, "
                    f"up or down. {_LOOK}"
                ),
            )
        if _is_above(change.zeroed, change.held, limits.zeroed_share, limits):
            yield Hold(
                guard="amounts_are_zeroed",
                message=f"{what} {change.zeroed} would become 0 in sales and profit. {_LOOK}",
            )


_LOOK = "`enrich diff DAY` shows the largest changes: mend the costs, fees or refunds behind them"


def _is_above(part: int, whole: int, limit: Decimal, limits: GuardLimits) -> bool:
    return part >= limits.fewest_orders and _exceeds(Decimal(part), Decimal(whole), limit)


def _exceeds(part: Decimal, whole: Decimal, limit: Decimal) -> bool:
    # A limit of 1 is off, also where everything changes and more: profit can move by more than there was.
    return limit < 1 and part > whole * limit
