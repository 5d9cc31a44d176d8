"""Each rule of sales and profit, on the smallest order that shows it: the design's sections on raw tables and money.

The oracle (`test_generated_stores.py`) holds every combination of them; here each stands alone, with its figures.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest

from enrich_pipeline.domain.store import Store
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

CANCELLED = {"cancelled_at": "2026-03-11T00:00:00Z"}
CARD = {"percent": "2.9", "fixed": "0.30"}
MARKET = {"fee_rule_id": "market", "kind": "marketplace", "percent": 15, "minimum": "0.30"}
ADMINISTRATION = {"refund_fee_percent": 20, "refund_fee_maximum": 5}
FORTY_DIGITS = "1234567890123456789012345678901234567890"

# What is sold, and what it cost: (rows, sales, profit). An order "A" of one line at 100 that cost 40, unless said.
SOLD: dict[str, tuple[list[Row], str, str]] = {
    "sales are quantity times price, and profit is less quantity times cost": (
        [order(), line(quantity=3)],
        "300",
        "180",
    ),
    "a line's discount is an amount off the line": ([order(), line(quantity=3, discount=10)], "290", "170"),
    "the order's discount comes off": (sold(order_discount=7), "93", "53"),
    "shipping charged adds": (sold(shipping_charged=5), "105", "65"),
    "tax never counts": (sold(refund(amount=0, tax=5), tax_total=8), "100", "60"),
    "a refund counts on the order's own day, whatever its date": (
        sold(refund(amount=30, refunded_at="2027-01-01T00:00:00Z")),
        "70",
        "30",
    ),
    "a refund of shipping counts": (sold(refund(amount=30, kind="shipping")), "70", "30"),
    "a refund as a discount counts": (sold(refund(amount=30, kind="discount")), "70", "30"),
    "a manual refund counts": (sold(refund(amount=30, kind="manual")), "70", "30"),
    "a refund in gift cards counts for nothing": (
        sold(refund(amount=30, kind="gift_card"), refund_line()),
        "100",
        "60",
    ),
    "a refund above what was paid is kept as it is": (sold(refund(amount=150)), "-50", "-90"),
    "what is restocked comes back at the very line's cost": (
        [order(), line(), line(line_id="2", unit_cost=11), refund(amount=200), refund_line(line_id="2")],
        "0",
        "-40",
    ),
    "restocking above what was sold is not capped": (sold(refund(), refund_line(quantity=3)), "0", "80"),
    "what is refunded and not restocked stays a cost": (sold(refund(), refund_line(restocked=False)), "0", "-40"),
    "a gift card is neither sales nor a cost, and needs none": (
        sold(line(line_id="2", is_gift_card=True, unit_price=50, discount=5, unit_cost=None)),
        "100",
        "60",
    ),
    "a gift card's own cost is not counted": (sold(line(line_id="2", is_gift_card=True, unit_cost=9)), "100", "60"),
    "a cancelled order sells 0 and needs no cost": (
        [order(order_discount=None, shipping_charged=None, **CANCELLED), line(unit_cost=None)],
        "0",
        "0",
    ),
    "a cancelled order's lines are ignored, whatever they lack": (
        [order(**CANCELLED), line(quantity=None, unit_price="NaN", discount=None)],
        "0",
        "0",
    ),
    "a cancelled order needs no line": ([order(**CANCELLED)], "0", "0"),
    "a cancelled order's refunds and restocking are ignored": (
        sold(refund(amount=None), refund_line(line_id="9"), **CANCELLED),
        "0",
        "0",
    ),
    "a cancelled order's transactions count": (sold(transaction(), **CANCELLED), "0", "-3"),
    "the cost at the sale wins over the list of costs": (sold(unit_cost(unit_cost=99)), "100", "60"),
    "a sku without a cost at the sale takes the list's": ([order(), line(unit_cost=None), unit_cost()], "100", "60"),
    "a cost holds on its first day": (
        [order(), line(unit_cost=None), unit_cost(effective_from=DAY, effective_to=DAY + timedelta(1))],
        "100",
        "60",
    ),
    "a cost holds on its last day": (
        [order(), line(unit_cost=None), unit_cost(effective_from=DAY - timedelta(1), effective_to=DAY)],
        "100",
        "60",
    ),
    "skus that differ by letter case have costs of their own": (
        [order(), line(unit_cost=None), unit_cost(), unit_cost(sku="s", unit_cost=1)],
        "100",
        "60",
    ),
    "a sku may stand on several lines": (
        [order(), line(unit_cost=None), line(line_id="2", unit_cost=None, quantity=2), unit_cost()],
        "300",
        "180",
    ),
    "an order of no value still costs": ([order(), line(unit_price=0)], "0", "-40"),
    "a negative price is a price": ([order(), line(unit_price=-10)], "-10", "-50"),
    "a fraction of a piece is sold": ([order(), line(quantity="0.333", unit_cost=30)], "33.30", "23.31"),
    "seventy-four thousand pieces are sold": (
        [order(), line(quantity=74_215, unit_price="0.01", unit_cost="0.003")],
        "742.15",
        "519.51",
    ),
    "a thousand lines are one order": (
        [order(), *(line(line_id=str(place), unit_price="0.004", unit_cost=0) for place in range(1000))],
        "4.00",
        "4.00",
    ),
    "forty digits are kept": (
        [order(), line(unit_price=FORTY_DIGITS, unit_cost=1)],
        f"{FORTY_DIGITS}.00",
        f"{int(FORTY_DIGITS) - 1}.00",
    ),
    "amounts are rounded once an order": (
        [order(), *(line(line_id=str(place), unit_price="0.004", unit_cost=0) for place in range(2))],
        "0.01",
        "0.01",
    ),
    "half a cent is rounded away from zero": ([order(), line(unit_price="0.125", unit_cost="0.25")], "0.13", "-0.13"),
    "sales and profit are rounded each from unrounded values": (
        [order(), line(unit_price="1.005", unit_cost="0.002")],
        "1.01",
        "1.00",
    ),
    "a yen has no decimals": ([order(currency="JPY"), line(unit_price="100.5")], "101", "61"),
    "a dinar has three": ([order(currency="KWD"), line(unit_price="0.0005", unit_cost=0)], "0.001", "0.001"),
}

# Fees and transactions: (rows, profit).
CHARGED: dict[str, tuple[list[Row], str]] = {
    "2.9 % + 0.30 (Shopify Payments US Basic, Stripe US)": (sold(fee_rule(**CARD)), "56.80"),
    "3.49 % + 0.49 (PayPal Checkout US)": (sold(fee_rule(percent="3.49", fixed="0.49")), "56.02"),
    "15 % of price, shipping and gift wrap": (
        [
            order(shipping_charged=40),
            line(unit_price=300, unit_cost=0),
            line(line_id="wrap", unit_price=5, unit_cost=0),
            fee_rule(**MARKET | {"base": "items_shipping"}),
        ],
        "293.25",
    ),
    "a fee is at least its minimum": ([order(), line(unit_price=1, unit_cost=0), fee_rule(**MARKET)], "0.70"),
    "a fee is at most its maximum": (sold(fee_rule(**CARD, maximum=2)), "58"),
    "the maximum wins over the minimum": (sold(fee_rule(**CARD, minimum=4, maximum=2)), "58"),
    "a fee on items is after every discount": (
        [
            order(order_discount=10, shipping_charged=5, tax_total=8),
            line(discount=10),
            fee_rule(percent=10, base="items"),
        ],
        "37",
    ),
    "a fee on items and shipping": (
        sold(fee_rule(percent=10, base="items_shipping"), shipping_charged=5, tax_total=8),
        "54.50",
    ),
    "a fee on items, shipping and tax": (sold(fee_rule(percent=10), shipping_charged=5, tax_total=8), "53.70"),
    "a fee is on what was charged before refunds": (sold(fee_rule(**CARD), refund(amount=50)), "6.80"),
    "a gift card is charged like any line": (
        sold(fee_rule(percent=10, base="items"), line(line_id="2", is_gift_card=True, unit_price=50)),
        "45",
    ),
    "15 % up to 200, then 10 %": (
        [
            order(),
            line(unit_price=500, unit_cost=0),
            fee_rule(fee_rule_id="1", kind="marketplace", percent=15, base_to=200),
            fee_rule(fee_rule_id="2", kind="marketplace", percent=10, base_from=200),
        ],
        "440",
    ),
    "a tier that is not reached charges not even its fixed amount": (
        sold(fee_rule(percent=10, fixed=1, minimum=2, base_from=100)),
        "60",
    ),
    "a rule holds on its first day": (
        sold(fee_rule(**CARD, effective_from=DAY, effective_to=DAY + timedelta(1))),
        "56.80",
    ),
    "a rule holds on its last day": (
        sold(fee_rule(**CARD, effective_from=DAY - timedelta(1), effective_to=DAY)),
        "56.80",
    ),
    "a rule does not hold before its first day": (sold(fee_rule(**CARD, effective_from=DAY + timedelta(1))), "60"),
    "a rule does not hold after its last day": (sold(fee_rule(**CARD, effective_to=DAY - timedelta(1))), "60"),
    "a rule for another channel does not hold": (sold(fee_rule(**CARD, channel="amazon")), "60"),
    "a rule for another gateway does not hold": (sold(fee_rule(**CARD, payment_gateway="wallet")), "60"),
    "a named channel wins over any": (sold(fee_rule(**CARD), fee_rule(fixed=1, channel="web")), "59"),
    "a named gateway wins over any": (sold(fee_rule(**CARD), fee_rule(fixed=1, payment_gateway="card")), "59"),
    "a channel wins over a gateway": (
        sold(fee_rule(**CARD, payment_gateway="card"), fee_rule(fixed=1, channel="web")),
        "59",
    ),
    "both named win over the channel": (
        sold(fee_rule(**CARD, channel="web"), fee_rule(fixed=1, channel="web", payment_gateway="card")),
        "59",
    ),
    "rules of different kinds add up": (
        sold(
            *(
                fee_rule(fee_rule_id=kind, kind=kind, fixed=1)
                for kind in ("payment", "marketplace", "shipping", "handling")
            )
        ),
        "56",
    ),
    "a fee stays when its order is refunded": (sold(fee_rule(**CARD, refunded="none"), refund()), "-43.20"),
    "a fee comes back in proportion": (sold(fee_rule(percent=10, refunded="proportional"), refund(amount=25)), "27.50"),
    "never more of a fee comes back than was charged": (
        sold(fee_rule(percent=10, refunded="proportional"), refund(amount=250)),
        "-190",
    ),
    "a fee comes back whole": (sold(fee_rule(percent=10, refunded="all"), refund(amount=1)), "59"),
    "nothing comes back without a refund": (sold(fee_rule(percent=10, refunded="all")), "50"),
    "a refund measured against a base with tax counts its tax": (
        sold(fee_rule(percent=10, refunded="proportional"), refund(amount=50, tax=5), tax_total=10),
        "4.50",
    ),
    "a refund costs the lesser of 20 % of the fee and 5.00: 5.00 on 51.75": (
        [
            order(),
            line(unit_price=345, unit_cost=0),
            fee_rule(**MARKET, **ADMINISTRATION, refunded="all"),
            refund(amount=345),
        ],
        "-5.00",
    ),
    "a refund costs the lesser of 20 % of the fee and 5.00: 1.71 on 8.55": (
        [
            order(),
            line(unit_price=57, unit_cost=0),
            fee_rule(**MARKET, **ADMINISTRATION, refunded="all"),
            refund(amount=57),
        ],
        "-1.71",
    ),
    "a refund costs its percentage when there is no maximum": (
        sold(fee_rule(percent=10, refund_fee_percent=50), refund(amount=1)),
        "44",
    ),
    "without a refund there is no refund fee": (sold(fee_rule(percent=10, **ADMINISTRATION)), "50"),
    "an order that charges nothing pays no payment fee": ([order(), line(unit_price=0), fee_rule(**CARD)], "-40"),
    "an order that charges nothing pays other fees": (
        [order(), line(unit_price=0), fee_rule(kind="handling", fixed=1)],
        "-41",
    ),
    "an order of which only shipping is charged pays the payment fee": (
        [order(shipping_charged=10), line(unit_price=0), fee_rule(fixed=1)],
        "-31",
    ),
    "a cancelled order pays a fee that is not refunded": (sold(fee_rule(**CARD), **CANCELLED), "-3.20"),
    "a cancelled order does not pay a fee that comes back in proportion": (
        sold(fee_rule(**CARD, **ADMINISTRATION, refunded="proportional"), **CANCELLED),
        "0",
    ),
    "a cancelled order does not pay a fee that comes back whole": (
        sold(fee_rule(**CARD, refunded="all"), **CANCELLED),
        "0",
    ),
    "an actual payment fee replaces the estimate": (sold(fee_rule(**CARD), transaction()), "57"),
    "an actual marketplace fee replaces the estimate": (
        sold(fee_rule(**MARKET), transaction(kind="marketplace_fee")),
        "57",
    ),
    "an actual shipping cost replaces the estimate": (
        sold(fee_rule(kind="shipping", fixed=9), transaction(kind="shipping_cost")),
        "57",
    ),
    "an actual handling cost replaces the estimate": (
        sold(fee_rule(kind="handling", fixed=9), transaction(kind="handling_cost")),
        "57",
    ),
    "an actual cost of another kind replaces nothing": (sold(fee_rule(**CARD), transaction(kind="packaging")), "53.80"),
    "an actual cost of one kind leaves the estimate of another": (
        sold(fee_rule(**MARKET), transaction(kind="payment_fee")),
        "42",
    ),
    "a reversal is negative": (sold(transaction(), transaction(transaction_id="U", amount=-3)), "60"),
    "a transaction without currency is in the store's": (sold(transaction(currency=None)), "57"),
    "a transaction is converted by the day's rate": (
        sold(
            transaction(currency="EUR"),
            fx_rate(from_currency="EUR", to_currency="USD", rate=2),
            fx_rate(from_currency="EUR", to_currency="USD", rate=9, rate_date=DAY - timedelta(1)),
        ),
        "54",
    ),
    "the latest rate of the seven days before holds where the day has none": (
        sold(
            transaction(currency="EUR"),
            fx_rate(from_currency="EUR", to_currency="USD", rate=2, rate_date=DAY - timedelta(7)),
            fx_rate(from_currency="EUR", to_currency="USD", rate=9, rate_date=DAY + timedelta(1)),
        ),
        "54",
    ),
    "a cost in another currency is converted": (
        [
            order(),
            line(unit_cost=None),
            unit_cost(unit_cost=20, currency="EUR"),
            fx_rate(from_currency="EUR", to_currency="USD", rate=2),
        ],
        "60",
    ),
    "a cost without currency is in the store's, not the order's": (
        [order(currency="EUR"), line(unit_cost=None), unit_cost(), fx_rate(rate="0.5")],
        "80",
    ),
    "a cost at the sale is in the order's currency": ([order(currency="EUR"), line()], "60"),
    "a fee's fixed amount, minimum and maximum are converted": (
        sold(
            fee_rule(fixed=1, currency="EUR"),
            fee_rule(kind="shipping", fixed=0, minimum=2, currency="EUR"),
            fee_rule(kind="handling", fixed=9, maximum=3, currency="EUR"),
            fx_rate(from_currency="EUR", to_currency="USD", rate=2),
        ),
        "48",
    ),
    "a tier in another currency is converted": (
        sold(
            fee_rule(percent=10, base_from=10, base_to=20, currency="EUR"),
            fx_rate(from_currency="EUR", to_currency="USD", rate=2),
        ),
        "58",
    ),
    "a refund fee's maximum is converted": (
        sold(
            fee_rule(fixed=10, refund_fee_maximum=1, currency="EUR"),
            refund(amount=0.01),
            fx_rate(from_currency="EUR", to_currency="USD", rate=2),
        ),
        "37.99",
    ),
    "a percentage alone needs no rate": (sold(fee_rule(percent=10, currency="EUR")), "50"),
}


@pytest.mark.parametrize("rule", SOLD)
def test_sales(store: SmallStore, rule: str) -> None:
    rows, sales, profit = SOLD[rule]
    assert store.evaluate(rows).amounts == (Decimal(sales), Decimal(profit), None)


@pytest.mark.parametrize("rule", CHARGED)
def test_fees(store: SmallStore, rule: str) -> None:
    rows, profit = CHARGED[rule]
    assert store.evaluate(rows).amounts[1:] == (Decimal(profit), None)


@pytest.mark.parametrize(
    ("basis", "sales"), [("net", "65"), ("net_without_shipping", "63"), ("gross", "100"), ("with_tax", "71.50")]
)
def test_sales_follow_their_basis_and_profit_does_not(store: SmallStore, basis: str, sales: str) -> None:
    rows = [
        order(order_discount=7, shipping_charged=5, tax_total=8),
        line(discount=10),
        line(line_id="2", is_gift_card=True, unit_price=50),
        refund(amount=20, tax="1.50"),
        refund(refund_id="R2", kind="shipping", amount=3, tax=0),
    ]
    assert store.evaluate(rows, sales_basis=basis).amounts == (Decimal(sales), Decimal(25), None)


def test_on_the_basis_with_tax_a_tax_must_be_known(store: SmallStore) -> None:
    for rows, reason in (
        (sold(tax_total=None), "incomplete_line"),
        (sold(refund(tax=None)), "incomplete_refund"),
    ):
        assert store.evaluate(rows, sales_basis="with_tax").amounts == (None, None, reason)
        assert store.evaluate(rows).amounts[2] is None


def test_a_component_says_whether_it_is_an_estimate_and_by_which_rule(store: SmallStore) -> None:
    rows = sold(fee_rule(**CARD), fee_rule(**MARKET), transaction(kind="marketplace_fee"))

    costs = {row["component"]: row for row in store.evaluate(rows).costs}

    assert [
        (costs[name]["is_estimate"], costs[name]["rule_id"], costs[name]["source_table"], costs[name]["source_id"])
        for name in ("payment_fee", "marketplace_fee")
    ] == [(True, "rule", "fee_rules", "rule"), (False, None, "order_transactions", "T")]


def test_components_say_which_row_they_come_from(store: SmallStore) -> None:
    rows = [
        order(order_discount=1, shipping_charged=1),
        line(discount=1),
        line(line_id="2", unit_cost=None),
        unit_cost(),
        refund(amount=1),
        refund_line(),
    ]

    costs = store.evaluate(rows).costs

    assert {(row["component"], row["source_table"], row["source_id"], row["line_id"]) for row in costs} == {
        ("items", "order_lines", "1", "1"),
        ("items", "order_lines", "2", "2"),
        ("line_discount", "order_lines", "1", "1"),
        ("cogs", "order_lines", "1", "1"),
        ("cogs", "unit_costs", "S", "2"),
        ("order_discount", "orders", "A", None),
        ("shipping", "orders", "A", None),
        ("refund", "refunds", "R", None),
        ("restock", "refund_lines", "R", "1"),
    }


# A day is the store's own: from its first microsecond to its last, whatever its clock does.
DAYS = {
    "23 hours": ("America/New_York", "2026-03-08", "2026-03-08T05:00:00Z", "2026-03-09T04:00:00Z"),
    "25 hours": ("America/New_York", "2026-11-01", "2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z"),
    "midnight that comes twice": ("America/Havana", "2026-11-01", "2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z"),
    "midnight that does not come": ("America/Asuncion", "2023-10-01", "2023-10-01T04:00:00Z", "2023-10-02T03:00:00Z"),
    "a day ahead of UTC": ("Pacific/Kiritimati", "2026-03-10", "2026-03-09T10:00:00Z", "2026-03-10T10:00:00Z"),
    "a day behind UTC": ("Pacific/Pago_Pago", "2026-03-10", "2026-03-10T11:00:00Z", "2026-03-11T11:00:00Z"),
    "three quarters of an hour": ("Asia/Kathmandu", "2026-03-10", "2026-03-09T18:15:00Z", "2026-03-10T18:15:00Z"),
    "half an hour of summer": ("Australia/Lord_Howe", "2026-04-05", "2026-04-04T13:00:00Z", "2026-04-05T13:30:00Z"),
}


@pytest.mark.parametrize("name", DAYS)
def test_a_day_is_the_stores_from_its_first_microsecond_to_its_last(store: SmallStore, name: str) -> None:
    timezone, day, start, end = DAYS[name]
    shop = SmallStore(store.url, store.compiler, Store(timezone=timezone, currency="USD"))
    first, after = datetime.fromisoformat(start), datetime.fromisoformat(end)
    a_microsecond = timedelta(microseconds=1)
    moments = {"before": first - a_microsecond, "first": first, "last": after - a_microsecond, "after": after}
    rows = [row for place, moment in moments.items() for row in (order(place, ordered_at=moment), line(place))]

    profits = shop.evaluate(rows, date.fromisoformat(day)).profits

    assert [(row["order_id"], row["order_day"].isoformat()) for row in profits] == [("first", day), ("last", day)]
