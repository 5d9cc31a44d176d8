"""The oracle's fees: which rules of a store hold for an order, and what one of them costs it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

Row = Mapping[str, Any]

FEE_TRANSACTIONS = {
    "payment": "payment_fee",
    "marketplace": "marketplace_fee",
    "shipping": "shipping_cost",
    "handling": "handling_cost",
}


def number(value: Decimal | None) -> Fraction | None:
    return Fraction(value) if value is not None and value.is_finite() else None


def is_broken(value: Decimal | None) -> bool:
    return value is not None and not value.is_finite()


@dataclass(frozen=True)
class Charge:
    """What a customer was charged and refunded; None where a number is missing."""

    items: Fraction | None
    shipping: Fraction | None
    tax: Fraction | None
    refunds: list[tuple[Fraction, Fraction | None]]
    is_cancelled: bool

    @property
    def charged(self) -> Fraction | None:
        if self.items is None or self.shipping is None:
            return None
        return self.items + self.shipping + (self.tax or 0)

    def base(self, kind: str | None) -> Fraction | None:
        parts = {
            "items": [self.items],
            "items_shipping": [self.items, self.shipping],
            "items_shipping_tax": [self.items, self.shipping, self.tax],
        }.get(kind or "", [None])
        total = Fraction(0)
        for part in parts:
            if part is None:
                return None
            total += part
        return total


def rank(rule: Row) -> int:
    return 2 * bool(rule["channel"]) + bool(rule["payment_gateway"])


def rivals(rule: Row, rules: Iterable[Row]) -> list[Row]:
    """The rules of the same kind that would charge a part of the base that `rule` charges."""
    start, end = tier(rule)
    return [
        rival
        for rival in rules
        if rival is not rule
        and rival["kind"] == rule["kind"] is not None
        and (end is None or tier(rival)[0] < end)
        and (tier(rival)[1] is None or start < tier(rival)[1])
    ]


def tier(rule: Row) -> tuple[Fraction, Fraction | None]:
    return max(number(rule["base_from"]) or Fraction(0), Fraction(0)), number(rule["base_to"])


class Fee:
    """One rule applied to one order."""

    NUMBERS = (
        "percent",
        "fixed",
        "minimum",
        "maximum",
        "base_from",
        "base_to",
        "refund_fee_percent",
        "refund_fee_maximum",
    )

    def __init__(self, rule: Row, charge: Charge, rate: Fraction | None, *, is_tied: bool) -> None:
        self.rule, self.charge, self.is_tied = rule, charge, is_tied
        self.start, self.end = tier(rule)
        self.part = rule["refunded"] or "none"
        self.rate = rate if self.has_money() else Fraction(1)
        self.reasons: set[str] = set()

    def of(self, column: str) -> Fraction | None:
        return number(self.rule[column])

    def amount(self) -> Fraction:
        """What the fee costs in the end, in the order's currency; 0, and the reason, where it cannot be known."""
        rule, charge = self.rule, self.charge
        if rule["kind"] == "payment" and charge.charged is not None and charge.charged <= 0:
            return Fraction(0)
        if charge.is_cancelled and self.part != "none" and not self.is_unreadable():
            return Fraction(0)
        base, refunded = charge.base(rule["base"]), self.refunded()
        needs_base = bool(self.of("percent")) or self.is_tier() or (self.part == "proportional" and refunded > 0)
        needs_charge = rule["kind"] == "payment"
        if self.is_unreadable() or (needs_base and base is None) or (needs_charge and charge.charged is None):
            self.reasons.add("incomplete_fee")
        elif self.is_tied:
            self.reasons.add("ambiguous_fee")
        elif self.rate is None:
            self.reasons.add("missing_fx")
        else:
            return self.cost(base or Fraction(0), refunded, self.rate)
        return Fraction(0)

    def is_unreadable(self) -> bool:
        rule = self.rule
        return (
            (rule["percent"] is None and rule["fixed"] is None)
            or any(is_broken(rule[column]) for column in self.NUMBERS)
            or rule["kind"] not in FEE_TRANSACTIONS
            or (rule["base"] or "items") not in {"items", "items_shipping", "items_shipping_tax"}
            or self.part not in {"none", "proportional", "all"}
        )

    def has_money(self) -> bool:
        columns = ("fixed", "minimum", "maximum", "refund_fee_maximum")
        return any(self.of(column) for column in columns) or self.is_tier()

    def is_tier(self) -> bool:
        return self.start > 0 or self.rule["base_to"] is not None

    def refunded(self) -> Fraction:
        """What was refunded, with tax where the base has tax."""
        with_tax = self.rule["base"] == "items_shipping_tax"
        matters = self.part != "none" or self.rule["refund_fee_percent"] is not None
        matters = matters or self.rule["refund_fee_maximum"] is not None
        total = Fraction(0)
        for amount, tax in self.charge.refunds:
            total += amount
            if with_tax and matters and tax is None:
                self.reasons.add("incomplete_refund")
            total += (tax or 0) if with_tax else 0
        return total

    def cost(self, base: Fraction, refunded: Fraction, rate: Fraction) -> Fraction:
        if self.start > 0 and base <= self.start * rate:
            return Fraction(0)
        top = base if self.end is None else min(base, self.end * rate)
        fee = (self.of("percent") or 0) * max(top - self.start * rate, Fraction(0)) / 100
        fee += (self.of("fixed") or 0) * rate
        if (minimum := self.of("minimum")) is not None:
            fee = max(fee, minimum * rate)
        if (maximum := self.of("maximum")) is not None:
            fee = min(fee, maximum * rate)
        if refunded <= 0:
            return fee
        percent, maximum = self.of("refund_fee_percent"), self.of("refund_fee_maximum")
        limits = [percent * fee / 100] if percent is not None else []
        limits += [maximum * rate] if maximum is not None else []
        share = {"none": Fraction(0), "all": Fraction(1)}.get(self.part)
        if share is None:
            share = Fraction(1) if refunded >= base else refunded / base
        return fee * (1 - share) + min(limits, default=Fraction(0))
