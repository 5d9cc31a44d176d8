"""The rules of money once more, in plain Python: what `order_profit` must hold, worked out order by order.

Written from the rules and not from the SQL, in exact fractions, so that the two can be held against each other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from zoneinfo import ZoneInfo

import iso4217

from enrich_pipeline_tests.support.oracle_fees import FEE_TRANSACTIONS, Charge, Fee, Row, number, rank, rivals

Rows = Mapping[str, Sequence[Row]]

REASONS = (
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
)
MONEY_FLOWS = {"sale", "capture", "authorization", "void", "refund"}
EXPONENTS = {currency.code: currency.exponent for currency in iso4217.Currency if currency.exponent is not None}
SPACES = " \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"


@dataclass(frozen=True)
class Judgement:
    """What is expected of one raw order."""

    order_id: str | None
    order_day: date
    sales: Decimal | None
    profit: Decimal | None
    exclusion: str | None
    control_total: Decimal
    incomplete_lines: int


def judge(
    rows: Rows, *, timezone: str, currency: str, first: date, last: date, sales_basis: str = "net"
) -> list[Judgement]:
    """Every raw order whose store-local day is from `first` to `last`, judged."""
    shop = Shop(rows, ZoneInfo(timezone), currency, sales_basis)
    return [
        Order(shop, row, day).judgement()
        for row in rows["orders"]
        if row["ordered_at"] is not None and first <= (day := shop.day_of(row["ordered_at"])) <= last
    ]


def is_valid_id(order_id: str | None) -> bool:
    if not order_id or len(order_id) > 255 or re.search("[\x00-\x1f\x7f-\x9f]", order_id):
        return False
    return order_id[0] not in SPACES and order_id[-1] not in SPACES


def rounded(amount: Fraction, exponent: int) -> Decimal:
    """Half away from zero."""
    units = abs(amount) * 10**exponent
    whole = (2 * units.numerator + units.denominator) // (2 * units.denominator)
    return decimal_of(Fraction(whole if amount >= 0 else -whole, 10**exponent))


def decimal_of(amount: Fraction) -> Decimal:
    """`amount`, which has finitely many decimals, without loss."""
    twos = fives = 0
    rest = amount.denominator
    while rest % 2 == 0:
        rest, twos = rest // 2, twos + 1
    while rest % 5 == 0:
        rest, fives = rest // 5, fives + 1
    assert rest == 1
    decimals = max(twos, fives)
    return Decimal(f"{amount.numerator * 10**decimals // amount.denominator}E-{decimals}")


@dataclass(frozen=True)
class Shop:
    """The raw tables, and what can be looked up in them."""

    rows: Rows
    zone: ZoneInfo
    currency: str
    sales_basis: str

    def day_of(self, instant: datetime) -> date:
        return instant.astimezone(self.zone).date()

    def of(self, table: str, order_id: str | None) -> list[Row]:
        return [row for row in self.rows[table] if order_id is not None and row["order_id"] == order_id]

    def rate(self, day: date, source: str, target: str | None) -> Fraction | None:
        if source == target:
            return Fraction(1)
        for age in range(8):
            rates = {
                rate
                for row in self.rows["fx_rates"]
                if (row["rate_date"], row["from_currency"], row["to_currency"])
                == (day - timedelta(age), source, target)
                and (rate := number(row["rate"])) is not None
                and rate > 0
            }
            if rates:
                return rates.pop() if len(rates) == 1 else None
        return None

    def holds_on(self, row: Row, day: date) -> bool:
        return (row["effective_from"] or date.min) <= day <= (row["effective_to"] or date.max)


class Order:
    """One raw order while it is judged: reasons against it pile up in `reasons`."""

    def __init__(self, shop: Shop, row: Row, day: date) -> None:
        self.shop, self.row, self.day = shop, row, day
        self.reasons: set[str] = set()
        self.cancelled = row["cancelled_at"] is not None
        self.lines = shop.of("order_lines", row["order_id"])
        self.transactions = shop.of("order_transactions", row["order_id"])
        every_refund = [] if self.cancelled else shop.of("refunds", row["order_id"])
        self.refunds = [refund for refund in every_refund if refund["kind"] != "gift_card"]

    def judgement(self) -> Judgement:
        self.check_order()
        net = Fraction(0) if self.cancelled else self.sales()
        sales = Fraction(0) if self.cancelled else self.sales_on_basis(net)
        profit = net - (Fraction(0) if self.cancelled else self.goods()) - self.actual_costs() - self.fees()
        exclusion = next((reason for reason in REASONS if reason in self.reasons), None)
        exponent = EXPONENTS.get(self.row["currency"], 0)
        controls = [
            quantity * price
            for line in self.lines
            if (quantity := number(line["quantity"])) is not None and (price := number(line["unit_price"])) is not None
        ]
        return Judgement(
            order_id=self.row["order_id"],
            order_day=self.day,
            sales=None if exclusion else rounded(sales, exponent),
            profit=None if exclusion else rounded(profit, exponent),
            exclusion=exclusion,
            control_total=decimal_of(sum(controls, Fraction(0))),
            incomplete_lines=len(self.lines) - len(controls),
        )

    def needed(self, value: Decimal | None, reason: str) -> Fraction:
        """The number; without one, 0 and the reason."""
        found = number(value)
        if found is None:
            self.reasons.add(reason)
        return found or Fraction(0)

    def check_order(self) -> None:
        copies = [row for row in self.shop.rows["orders"] if row["order_id"] == self.row["order_id"]]
        self.reasons |= {
            reason
            for reason, holds in {
                "duplicate_order": len(copies) > 1,
                "invalid_id": not is_valid_id(self.row["order_id"]),
                "test_order": bool(self.row["is_test"]),
                "not_a_sale": self.row["document_type"] != "sale",
                "invalid_currency": self.row["currency"] not in EXPONENTS,
                "no_lines": not self.lines and not self.cancelled,
            }.items()
            if holds
        }

    def sales(self) -> Fraction:
        total = self.needed(self.row["shipping_charged"], "incomplete_shipping")
        total -= self.needed(self.row["order_discount"], "incomplete_line")
        for line in self.lines:
            quantity, price, discount = (
                self.needed(line[column], "incomplete_line") for column in ("quantity", "unit_price", "discount")
            )
            total += 0 if line["is_gift_card"] else quantity * price - discount
        return total - sum(self.needed(refund["amount"], "incomplete_refund") for refund in self.refunds)

    def sales_on_basis(self, net: Fraction) -> Fraction:
        """What is reported as sales; profit is made from the net ones on every basis."""
        match self.shop.sales_basis:
            case "net_without_shipping":
                shipping = number(self.row["shipping_charged"]) or 0
                return net - shipping + sum(self.refunded("amount", kinds={"shipping"}), Fraction(0))
            case "gross":
                sold = [line for line in self.lines if not line["is_gift_card"] and self.is_whole(line)]
                return sum((Fraction(line["quantity"]) * Fraction(line["unit_price"]) for line in sold), Fraction(0))
            case "with_tax":
                tax = self.needed(self.row["tax_total"], "incomplete_line")
                return net + tax - sum(self.needed(refund["tax"], "incomplete_refund") for refund in self.refunds)
        return net

    def refunded(self, column: str, *, kinds: set[str]) -> list[Fraction]:
        return [number(refund[column]) or Fraction(0) for refund in self.refunds if refund["kind"] in kinds]

    def goods(self) -> Fraction:
        """Cost of what was sold, less what went into stock again."""
        costs = [self.unit_cost(line) for line in self.lines]
        total = sum(
            (cost * (number(line["quantity"]) or 0) for line, cost in zip(self.lines, costs, strict=True) if cost),
            Fraction(0),
        )
        refund_ids = {refund["refund_id"] for refund in self.refunds} - {None}
        for returned in self.shop.rows["refund_lines"]:
            if returned["refund_id"] not in refund_ids or not returned["restocked"]:
                continue
            quantity = self.needed(returned["quantity"], "incomplete_refund")
            same = [
                (line, cost)
                for line, cost in zip(self.lines, costs, strict=True)
                if line["line_id"] is not None and line["line_id"] == returned["line_id"]
            ]
            if any(cost is None or not self.is_whole(line) for line, cost in same):
                continue  # excluded for that line already
            if len({cost for _, cost in same}) != 1:
                self.reasons.add("incomplete_refund")
                continue
            total -= quantity * (same[0][1] or 0)
        return total

    @staticmethod
    def is_whole(line: Row) -> bool:
        return all(number(line[column]) is not None for column in ("quantity", "unit_price", "discount"))

    def unit_cost(self, line: Row) -> Fraction | None:
        """In the order's currency; None, and the reason, where it cannot be known."""
        if line["is_gift_card"]:
            return Fraction(0)
        if line["unit_cost"] is not None:
            self.needed(line["unit_cost"], "incomplete_line")
            return number(line["unit_cost"])
        costs = [
            row
            for row in self.shop.rows["unit_costs"]
            if line["sku"] is not None and row["sku"] == line["sku"] and self.shop.holds_on(row, self.day)
        ]
        if len(costs) > 1:
            problem = "ambiguous_cost"
        elif not costs or (cost := number(costs[0]["unit_cost"])) is None:
            problem = "missing_cost"
        elif (rate := self.rate_from(costs[0]["currency"])) is None:
            problem = "missing_fx"
        else:
            return cost * rate
        if self.is_whole(line):
            self.reasons.add(problem)
        return None

    def rate_from(self, currency: str | None) -> Fraction | None:
        return self.shop.rate(self.day, currency or self.shop.currency, self.row["currency"])

    def actual_costs(self) -> Fraction:
        total = Fraction(0)
        for transaction in self.transactions:
            if not transaction["kind"] or transaction["kind"] in MONEY_FLOWS:
                self.reasons.add("incomplete_fee")
            amount = self.needed(transaction["amount"], "incomplete_fee")
            rate = self.rate_from(transaction["currency"])
            if rate is None:
                self.reasons.add("missing_fx")
            total += amount * (rate or 0)
        return total

    def fees(self) -> Fraction:
        total = Fraction(0)
        for rule, is_tied in self.fee_rules():
            fee = Fee(rule, self.charge, self.rate_from(rule["currency"]), is_tied=is_tied)
            total += fee.amount()
            self.reasons |= fee.reasons
        return total

    def fee_rules(self) -> Iterator[tuple[Row, bool]]:
        """The rules that hold for the order and no actual transaction replaces, and whether each is tied."""
        matching = [
            rule
            for rule in self.shop.rows["fee_rules"]
            if self.shop.holds_on(rule, self.day)
            and (not rule["channel"] or rule["channel"] == self.row["channel"])
            and (not rule["payment_gateway"] or rule["payment_gateway"] == self.row["payment_gateway"])
        ]
        actual = {transaction["kind"] for transaction in self.transactions}
        unbeaten = [rule for rule in matching if not any(rank(r) > rank(rule) for r in rivals(rule, matching))]
        for rule in unbeaten:
            if FEE_TRANSACTIONS.get(rule["kind"]) not in actual:
                yield rule, any(rank(rival) == rank(rule) for rival in rivals(rule, unbeaten))

    @cached_property
    def charge(self) -> Charge:
        """What the customer was charged, and what came back, as fees see it."""
        discount = number(self.row["order_discount"])
        items = None
        if discount is not None and all(self.is_whole(line) for line in self.lines):
            items = -discount
            for line in self.lines:
                items += Fraction(line["quantity"]) * Fraction(line["unit_price"]) - Fraction(line["discount"])
        return Charge(
            items=items,
            shipping=number(self.row["shipping_charged"]),
            tax=number(self.row["tax_total"]),
            refunds=[(number(refund["amount"]) or Fraction(0), number(refund["tax"])) for refund in self.refunds],
            is_cancelled=self.cancelled,
        )
