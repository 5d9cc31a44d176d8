"""Each reason for which an order must not be sent, where it is recorded, and which of several is the order's."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import get_args

import pytest

from enrich_pipeline.domain.states import Exclusion
from enrich_pipeline_tests.dbt_costs.compiled_marts import PROJECT_DIR
from enrich_pipeline_tests.dbt_costs.small_store import (
    DAY,
    Row,
    SmallStore,
    fee_rule,
    fx_rate,
    line,
    order,
    refund,
    refund_line,
    sold,
    transaction,
    unit_cost,
)

DAY_AFTER = DAY + timedelta(days=1)
PERCENT = {"percent": "2.9", "fixed": "0.30"}

GUILTY: dict[str, tuple[list[Row], tuple[str, str, str | None]]] = {
    "an order id that stands twice": (
        sold(order(ordered_at="2026-01-01T00:00:00Z")),
        ("duplicate_order", "orders", "A"),
    ),
    "a test order": (sold(is_test=True), ("test_order", "orders", "A")),
    "a credit note": (sold(document_type="credit"), ("not_a_sale", "orders", "A")),
    "no document type": (sold(document_type=None), ("not_a_sale", "orders", "A")),
    "no currency": (sold(currency=None), ("invalid_currency", "orders", "A")),
    "a currency that is none": (sold(currency="usd"), ("invalid_currency", "orders", "A")),
    "gold, which has no decimals to round to": (sold(currency="XAU"), ("invalid_currency", "orders", "A")),
    "no line": ([order()], ("no_lines", "orders", "A")),
    "no quantity": ([order(), line(quantity=None)], ("incomplete_line", "order_lines", "1")),
    "a price that is NaN": ([order(), line(unit_price="NaN")], ("incomplete_line", "order_lines", "1")),
    "no discount": ([order(), line(discount=None)], ("incomplete_line", "order_lines", "1")),
    "a unit cost that is NaN": ([order(), line(unit_cost="NaN")], ("incomplete_line", "order_lines", "1")),
    "a unit cost without end": ([order(), line(unit_cost="Infinity")], ("incomplete_line", "order_lines", "1")),
    "a unit cost without beginning": ([order(), line(unit_cost="-Infinity")], ("incomplete_line", "order_lines", "1")),
    "a gift card's infinite price": (
        [order(), line(unit_price="Infinity", is_gift_card=True)],
        ("incomplete_line", "order_lines", "1"),
    ),
    "no order discount": (sold(order_discount=None), ("incomplete_line", "orders", "A")),
    "no shipping": (sold(shipping_charged="NaN"), ("incomplete_shipping", "orders", "A")),
    "a refund without amount": (sold(refund(amount=None)), ("incomplete_refund", "refunds", "R")),
    "a restocked line that the order does not have": (
        sold(refund(), refund_line(line_id="9")),
        ("incomplete_refund", "refund_lines", "R"),
    ),
    "a restocked line without quantity": (
        sold(refund(), refund_line(quantity=None)),
        ("incomplete_refund", "refund_lines", "R"),
    ),
    "a restocked line that could be either of two": (
        sold(line(unit_cost=41), refund(), refund_line()),
        ("incomplete_refund", "refund_lines", "R"),
    ),
    "a transaction without amount": (sold(transaction(amount=None)), ("incomplete_fee", "order_transactions", "T")),
    "a flow of money among the costs": (
        sold(transaction(kind="capture")),
        ("incomplete_fee", "order_transactions", "T"),
    ),
    "a fee rule that says nothing": (sold(fee_rule()), ("incomplete_fee", "fee_rules", "rule")),
    "a fee rule of an unknown kind": (
        sold(fee_rule(**PERCENT, kind="insurance")),
        ("incomplete_fee", "fee_rules", "rule"),
    ),
    "a fee rule of an unknown base": (
        sold(fee_rule(fixed=1, base="everything")),
        ("incomplete_fee", "fee_rules", "rule"),
    ),
    "a fee rule that is refunded in an unknown way": (
        sold(fee_rule(fixed=1, refunded="half")),
        ("incomplete_fee", "fee_rules", "rule"),
    ),
    "a fee rule of no kind, on an order that charges nothing": (
        sold(fee_rule(**PERCENT, kind=None), order_discount=100),
        ("incomplete_fee", "fee_rules", "rule"),
    ),
    "a percentage of nothing named": (sold(fee_rule(**PERCENT, base=None)), ("incomplete_fee", "fee_rules", "rule")),
    "a fee on a tax that is unknown": (
        sold(fee_rule(**PERCENT), tax_total=None),
        ("incomplete_fee", "fee_rules", "rule"),
    ),
    "a sku without cost": ([order(), line(unit_cost=None)], ("missing_cost", "order_lines", "1")),
    "a cost that is empty": (
        [order(), line(unit_cost=None), unit_cost(unit_cost=None)],
        ("missing_cost", "order_lines", "1"),
    ),
    "a cost of another case of sku": (
        [order(), line(unit_cost=None), unit_cost(sku="s")],
        ("missing_cost", "order_lines", "1"),
    ),
    "a cost that had ended": (
        [order(), line(unit_cost=None), unit_cost(effective_to="2026-03-09")],
        ("missing_cost", "order_lines", "1"),
    ),
    "two costs of a sku": (
        [order(), line(unit_cost=None), unit_cost(), unit_cost(effective_from="2026-03-10")],
        ("ambiguous_cost", "order_lines", "1"),
    ),
    "two rules of one tier": (
        sold(fee_rule(**PERCENT), fee_rule(**PERCENT, fee_rule_id="rule")),
        ("ambiguous_fee", "fee_rules", "rule"),
    ),
    "a cost in a currency without rate": (
        [order(), line(unit_cost=None), unit_cost(currency="EUR")],
        ("missing_fx", "order_lines", "1"),
    ),
    "a rate that is eight days old": (
        sold(transaction(currency="EUR"), fx_rate(from_currency="EUR", to_currency="USD", rate_date="2026-03-02")),
        ("missing_fx", "order_transactions", "T"),
    ),
    "a rate of 0": (
        sold(transaction(currency="EUR"), fx_rate(from_currency="EUR", to_currency="USD", rate=0)),
        ("missing_fx", "order_transactions", "T"),
    ),
    "a fixed fee in a currency without rate": (
        sold(fee_rule(**PERCENT, currency="EUR")),
        ("missing_fx", "fee_rules", "rule"),
    ),
}


@pytest.mark.parametrize("name", GUILTY)
def test_an_order_is_excluded_for(store: SmallStore, name: str) -> None:
    rows, expected = GUILTY[name]

    evaluated = store.evaluate(rows)

    assert evaluated.amounts == (None, None, expected[0])
    places = {(row["exclusion"], row["source_table"], row["source_id"]) for row in evaluated.costs if row["exclusion"]}
    assert places == {expected}
    assert all(row["amount"] is None for row in evaluated.costs)


@pytest.mark.parametrize("order_id", ["", " A", "A\u00a0", "A\tB", "A\u0085", "x" * 256, "\u3000A", "\u2009"])
def test_an_id_that_the_vendor_could_not_hold_is_invalid(store: SmallStore, order_id: str) -> None:
    assert store.evaluate([order(order_id), line(order_id)]).amounts == (None, None, "invalid_id")


@pytest.mark.parametrize("order_id", ["a b", "x" * 255, "#1001", "O'Brien\"\\", "注文一", "🛒", "{{ 1 }}", "%s"])
def test_an_unusual_id_is_as_good_as_any(store: SmallStore, order_id: str) -> None:
    evaluated = store.evaluate([order(order_id), line(order_id)])
    assert [(row["order_id"], row["exclusion"]) for row in evaluated.profits] == [(order_id, None)]


def test_ids_that_differ_in_case_are_two_orders(store: SmallStore) -> None:
    evaluated = store.evaluate([order("a"), line("a"), order("A"), line("A")])
    assert [row["exclusion"] for row in evaluated.profits] == [None, None]


def test_a_single_order_without_id_is_invalid_and_two_are_duplicates(store: SmallStore) -> None:
    one = [order(None), line(None)]
    assert store.evaluate(one).amounts == (None, None, "invalid_id")
    assert store.evaluate([*one, order(None, ordered_at="2026-01-01T00:00:00Z")]).amounts == (
        None,
        None,
        "duplicate_order",
    )


def test_every_copy_of_a_duplicate_is_excluded_and_keeps_its_control_total(store: SmallStore) -> None:
    copies = [order(), order(), order(ordered_at="2026-03-11T12:00:00Z")]

    profits = store.evaluate([*copies, line(quantity=2)], last=DAY_AFTER).profits

    assert [(row["order_day"].day, row["copy_number"], row["exclusion"], row["control_total"]) for row in profits] == [
        (10, 1, "duplicate_order", 200),
        (10, 2, "duplicate_order", 200),
        (11, 1, "duplicate_order", 200),
    ]


def test_the_first_reason_is_the_orders_and_every_place_is_recorded(store: SmallStore) -> None:
    rows = [
        order(is_test=True, shipping_charged=None),
        line(quantity=None),
        line(line_id="2", unit_cost=None),
        refund(amount=None),
        transaction(amount=None),
    ]

    evaluated = store.evaluate(rows)

    assert evaluated.amounts == (None, None, "test_order")
    assert sorted(row["exclusion"] for row in evaluated.costs if row["component"] == "excluded") == [
        "incomplete_fee",
        "incomplete_line",
        "incomplete_refund",
        "incomplete_shipping",
        "missing_cost",
        "test_order",
    ]


def test_reasons_are_looked_for_in_the_order_that_the_rest_of_the_project_names() -> None:
    macro = (PROJECT_DIR / "macros" / "exclusions.sql").read_text().split("endmacro")[0]
    assert tuple(re.findall(r"'(\w+)'", macro)) == get_args(Exclusion)


def test_what_does_not_touch_an_orders_money_does_not_exclude_it(store: SmallStore) -> None:
    rows = sold(
        refund(amount=None, kind="gift_card"),
        refund_line(quantity=None, restocked=False),
        line(line_id="2", unit_price=0, unit_cost=None, is_gift_card=True),
        fee_rule(channel="elsewhere"),
        fee_rule(effective_to="2026-03-09"),
        tax_total=None,
    )
    assert store.evaluate(rows).amounts == (100, 60, None)
