"""A day's receipt: what the source holds, what became of every order, and whether the two add up.

Amounts are exact decimals in units of their currency, and no sum mixes currencies. Control totals are unrounded.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Context, Decimal, Inexact
from typing import Any

import iso4217

from enrich_pipeline.domain.states import State

# The default context would round sums past 28 digits without a word; this one adds exactly or raises.
_EXACT = Context(prec=10_000, traps=[Inexact])

_DECIMALS = {currency.code: currency.exponent for currency in iso4217.Currency if currency.exponent}


@dataclass(frozen=True, slots=True, kw_only=True)
class TotalLine:
    """Orders of one currency: how many, their unrounded sum(quantity x unit_price), their incomplete lines."""

    currency: str
    orders: int
    control_total: Decimal
    incomplete_lines: int

    def as_dict(self) -> dict[str, str | int]:
        """The line as JSON holds it; decimals as text without trailing zeros."""
        return {
            "currency": self.currency,
            "orders": self.orders,
            "control_total": plain(self.control_total),
            "incomplete_lines": self.incomplete_lines,
        }

    @classmethod
    def from_dict(cls, line: Mapping[str, Any]) -> TotalLine:
        """The line that `as_dict` wrote."""
        return cls(
            currency=line["currency"],
            orders=line["orders"],
            control_total=Decimal(line["control_total"]),
            incomplete_lines=line["incomplete_lines"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class StateLine:
    """Orders of one state, reason and currency. Sales and profit are None where nothing may be sent."""

    state: str
    reason: str | None
    currency: str
    orders: int
    control_total: Decimal
    incomplete_lines: int
    sales_amount: Decimal | None
    profit_amount: Decimal | None

    def as_dict(self) -> dict[str, str | int | None]:
        """The line as JSON holds it; decimals as text without trailing zeros."""
        return {
            "state": self.state,
            "reason": self.reason,
            "currency": self.currency,
            "orders": self.orders,
            "control_total": plain(self.control_total),
            "incomplete_lines": self.incomplete_lines,
            "sales_amount": None if self.sales_amount is None else plain(self.sales_amount),
            "profit_amount": None if self.profit_amount is None else plain(self.profit_amount),
        }

    @classmethod
    def from_dict(cls, line: Mapping[str, Any]) -> StateLine:
        """The line that `as_dict` wrote."""
        return cls(
            state=line["state"],
            reason=line["reason"],
            currency=line["currency"],
            orders=line["orders"],
            control_total=Decimal(line["control_total"]),
            incomplete_lines=line["incomplete_lines"],
            sales_amount=None if line["sales_amount"] is None else Decimal(line["sales_amount"]),
            profit_amount=None if line["profit_amount"] is None else Decimal(line["profit_amount"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What became of a day's orders in one run. `holds` says why guards kept the day from being sent, if they did."""

    order_day: date
    run_id: str
    created_at: datetime | None = None
    partial: bool
    sales_basis: str
    source: tuple[TotalLine, ...]
    states: tuple[StateLine, ...]
    findings: int
    applied: int | None
    computed_hash: str
    held_hash: str
    verified_sums_agree: bool
    overrides: Mapping[str, Any] = field(default_factory=dict[str, Any])
    holds: tuple[str, ...] = ()
    upload_requests: int = 0
    upload_retries: int = 0
    read_requests: int = 0

    @property
    def orders(self) -> int:
        """The number of orders that the source has for the day."""
        return sum(line.orders for line in self.source)

    def orders_in(self, state: State) -> int:
        """The number of orders in a state."""
        return sum(line.orders for line in self.states if line.state == state)

    def amounts_in(self, state: State) -> dict[str, tuple[Decimal, Decimal]]:
        """Sales and profit of a state, by currency."""
        sums: dict[str, tuple[Decimal, Decimal]] = {}
        for line in self.states:
            if line.state == state and line.sales_amount is not None and line.profit_amount is not None:
                sales, profit = sums.get(line.currency, (Decimal(0), Decimal(0)))
                sums[line.currency] = (_EXACT.add(sales, line.sales_amount), _EXACT.add(profit, line.profit_amount))
        return sums

    @property
    def differences(self) -> tuple[str, ...]:
        """Where the states do not add up to the source, a sentence each; empty when every order is accounted for."""
        source, states = _by_currency(self.source), _by_currency(self.states)
        found = [
            f"{currency or 'no currency'}: the source has {_words(source[currency])}, "
            f"the states add up to {_words(states[currency])}"
            for currency in sorted(source.keys() | states.keys())
            if source[currency] != states[currency]
        ]
        if not self.verified_sums_agree:
            found.append("the sums that were read back for verified orders differ from order_profit's")
        return tuple(found)

    @property
    def is_accounted_for(self) -> bool:
        """Whether orders and control totals over the states equal the source's, and read-back sums order_profit's."""
        return not self.differences

    @property
    def unsettled(self) -> tuple[str, ...]:
        """Why the day is not done, a sentence each: guards held it, or orders were not sent or not answered.

        Orders of a day that is still open are no reason.
        """
        held = tuple(f"held by {hold}" for hold in self.holds)
        waiting = self.orders_in("ready") + self.orders_in("unknown")
        if held or not waiting or self.partial:
            return held
        return (f"{waiting} of {self.orders} orders were not sent, or their answer is not known",)

    def equals(self, other: Receipt) -> bool:
        """Whether two receipts of a day are equal: in source, state counts, sums and both hashes."""
        return (self.order_day, self.source, self.states, self.computed_hash, self.held_hash) == (
            other.order_day,
            other.source,
            other.states,
            other.computed_hash,
            other.held_hash,
        )


def plain(amount: Decimal) -> str:
    """A decimal as digits without exponent and without trailing zeros after the point."""
    digits = f"{amount:f}"
    return digits.rstrip("0").rstrip(".") if "." in digits else digits


def in_currency(amount: Decimal, currency: str) -> str:
    """A decimal for a person to read, without its currency's code: exact, with at least the currency's decimals."""
    whole, _, decimals = plain(amount).partition(".")
    decimals = decimals.ljust(_DECIMALS.get(currency, 0), "0")
    return f"{whole}.{decimals}" if decimals else whole


def _by_currency(lines: Iterable[TotalLine | StateLine]) -> dict[str, tuple[int, Decimal, int]]:
    totals: dict[str, tuple[int, Decimal, int]] = defaultdict(lambda: (0, Decimal(0), 0))
    for line in lines:
        orders, control, incomplete = totals[line.currency]
        totals[line.currency] = (
            orders + line.orders,
            _EXACT.add(control, line.control_total),
            incomplete + line.incomplete_lines,
        )
    return totals


def _words(total: tuple[int, Decimal, int]) -> str:
    orders, control, incomplete = total
    return f"{orders} orders of {plain(control)} ({incomplete} incomplete lines)"
