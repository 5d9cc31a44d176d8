"""Hypothesis's stores: all eight raw tables, small enough to shrink, in two tempers.

A tidy store is one whose orders mostly have amounts, so that the arithmetic is tested; a nasty one holds what real
warehouses hold: nothing, NaN, infinities, 40 digits, kinds that nobody knows, ids of every sort.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from enrich_pipeline.domain.days import StoreDay
from enrich_pipeline.domain.store import Store
from enrich_pipeline.warehouse.raw_tables import RAW_TABLES

RawRows = dict[str, list[dict[str, Any]]]

# Each with three days, the middle one of 23, 24 or 25 hours.
CALENDARS = (
    (Store(timezone="America/New_York", currency="USD"), date(2026, 3, 7), date(2026, 3, 9)),
    (Store(timezone="America/Havana", currency="EUR"), date(2026, 10, 31), date(2026, 11, 2)),
    (Store(timezone="Asia/Kathmandu", currency="JPY"), date(2026, 5, 4), date(2026, 5, 6)),
)
COLUMNS = {table.name: [column.name for column in table.columns] for table in RAW_TABLES}

TIDY_IDS = st.sampled_from(["A", "B", "C", "a"])
NASTY_IDS = st.sampled_from([
    *("A", "a", "注文🛒", "O'Brien \"\\", "%s", "{{ x }}", "", " A", "A\u00a0", "A\tB", "\u3000", "x" * 10_000),
    None,
])  # fmt: skip
NASTY_NUMBERS = st.sampled_from([
    *(None, Decimal("NaN"), Decimal("Infinity"), Decimal("-Infinity"), Decimal(0), Decimal(-1), Decimal("1E-30")),
    *(Decimal("1234567890123456789012345678901234567890"), Decimal("-0.0000000000000000000000000000000000000005")),
])  # fmt: skip
CURRENCIES = ("USD", "EUR", "JPY", "KWD")


def tidy_numbers(low: int, high: int) -> SearchStrategy[Decimal]:
    """Amounts with up to six decimals; halves of a cent are common."""
    return st.tuples(st.integers(low * 200, high * 200), st.sampled_from([200, 200, 100, 1_000_000])).map(
        lambda pair: Decimal(pair[0]) / pair[1] if pair[1] < 1000 else Decimal(pair[0]) * Decimal("0.000001") + low
    )


@st.composite
def raw_stores(draw: DrawFn, calendar: Store, first: date, last: date) -> RawRows:
    """A whole store: a few rows of each raw table, that refer to each other often enough."""
    nasty = draw(st.booleans())

    def often(usual: SearchStrategy[Any], odd: SearchStrategy[Any]) -> SearchStrategy[Any]:
        """`usual`, and in a nasty store now and then `odd`."""
        return st.integers(0, 7).flatmap(lambda roll: odd if roll == 0 else usual) if nasty else usual

    def amounts(low: int = 0, high: int = 500) -> SearchStrategy[Any]:
        return often(tidy_numbers(low, high), NASTY_NUMBERS)

    def maybe(values: SearchStrategy[Any]) -> SearchStrategy[Any]:
        return st.none() | values

    order_ids = draw(st.lists(often(TIDY_IDS, NASTY_IDS), max_size=4, unique=not nasty or draw(st.booleans())))
    ids = often(st.sampled_from(order_ids or ["A"]), NASTY_IDS)
    lines = st.sampled_from(["1", "1", "2", "3"]) if nasty else st.sampled_from(["1", "2", "3"])
    skus = st.sampled_from(["S", "T", "s"])
    refund_ids = st.sampled_from(["R1", "R1", "R2"])
    day = st.sampled_from([-8, -7, -6, -5, -1, 0, 1, 2, 3]).map(lambda offset: first + timedelta(days=offset))
    instants = instants_between(calendar, first, last)
    currencies = often(st.sampled_from(["USD", "USD", "EUR", "JPY", "KWD"]), st.sampled_from(["usd", "XAU", "", None]))
    cost_currencies = st.sampled_from([None, "", *CURRENCIES])
    channels = st.sampled_from(["web", "amazon", None, ""])
    gateways = st.sampled_from(["card", "wallet", None])

    columns: dict[str, dict[str, SearchStrategy[Any]]] = {
        "orders": {
            "ordered_at": often(instants, st.none()),
            "document_type": often(st.just("sale"), st.sampled_from(["credit", None, "Sale"])),
            "channel": channels,
            "payment_gateway": gateways,
            "currency": currencies,
            "order_discount": amounts(0, 20),
            "shipping_charged": amounts(0, 20),
            "tax_total": amounts(0, 20) if not nasty else maybe(amounts(0, 20)),
            "cancelled_at": st.sampled_from([None, None, None, None, None, datetime(2026, 4, 1, tzinfo=UTC)]),
            "is_test": often(st.just(False), st.sampled_from([True, None])),
        },
        "order_lines": {
            "order_id": ids,
            "line_id": often(lines, st.sampled_from([None, ""])),
            "sku": often(skus, st.none()),
            "quantity": often(st.integers(0, 4).map(Decimal), NASTY_NUMBERS),
            "unit_price": amounts(),
            "discount": amounts(0, 10),
            "unit_cost": maybe(amounts(0, 90)),
            "is_gift_card": st.sampled_from([False, False, False, True, None]),
        },
        "refunds": {
            "refund_id": often(refund_ids, st.none()),
            "order_id": ids,
            "kind": often(
                st.sampled_from(["goods", "shipping", "discount", "manual", "gift_card"]),
                st.sampled_from(["", None, "else"]),
            ),
            "amount": amounts(0, 300),
            "tax": amounts(0, 10),
        },
        "refund_lines": {
            "refund_id": often(refund_ids, st.none()),
            "line_id": often(lines, st.none()),
            "quantity": often(st.integers(0, 3).map(Decimal), NASTY_NUMBERS),
            "restocked": st.sampled_from([True, True, False, None]),
        },
        "unit_costs": {
            "sku": often(skus, st.none()),
            "effective_from": maybe(day),
            "effective_to": maybe(day),
            "unit_cost": amounts(0, 90),
            "currency": cost_currencies,
        },
        "fee_rules": {
            "fee_rule_id": st.sampled_from(["F1", "F2", "F3", None]),
            "kind": often(
                st.sampled_from(["payment", "marketplace", "shipping", "handling"]),
                st.sampled_from(["insurance", "", None]),
            ),
            "channel": channels,
            "payment_gateway": gateways,
            "effective_from": maybe(day),
            "effective_to": maybe(day),
            "percent": often(maybe(tidy_numbers(0, 20)), NASTY_NUMBERS),
            "fixed": often(tidy_numbers(0, 2), NASTY_NUMBERS),
            "minimum": often(maybe(tidy_numbers(0, 5)), NASTY_NUMBERS),
            "maximum": often(maybe(tidy_numbers(0, 50)), NASTY_NUMBERS),
            "base": often(
                st.sampled_from(["items_shipping_tax", "items_shipping_tax", "items_shipping", "items"]),
                st.sampled_from(["all", "", None]),
            ),
            "base_from": often(st.sampled_from([None, None, Decimal(0), Decimal(200)]), NASTY_NUMBERS),
            "base_to": often(st.sampled_from([None, None, Decimal(200)]), NASTY_NUMBERS),
            "refunded": often(st.sampled_from(["proportional", "proportional", "all", "none", None]), st.just("half")),
            "refund_fee_percent": maybe(often(tidy_numbers(0, 30), NASTY_NUMBERS)),
            "refund_fee_maximum": maybe(often(tidy_numbers(0, 5), NASTY_NUMBERS)),
            "currency": cost_currencies,
        },
        "order_transactions": {
            "order_id": ids,
            "kind": often(
                st.sampled_from(["payment_fee", "marketplace_fee", "shipping_cost", "handling_cost", "packaging"]),
                st.sampled_from(["capture", "refund", "", None]),
            ),
            "amount": amounts(-5, 20),
            "currency": cost_currencies,
        },
        "fx_rates": {
            "rate_date": often(day, st.none()),
            "from_currency": st.sampled_from(CURRENCIES),
            "to_currency": st.sampled_from(CURRENCIES),
            "rate": often(tidy_numbers(1, 3), NASTY_NUMBERS),
        },
    }
    most = {"order_lines": 7, "refunds": 3, "refund_lines": 3, "unit_costs": 3, "fee_rules": 4, "fx_rates": 4}
    most |= {"order_transactions": 2}
    fewest = 0 if nasty else 1
    store = {
        table: draw(st.lists(st.fixed_dictionaries(columns[table]), min_size=fewest, max_size=most[table]))
        for table in most
    }
    store["orders"] = [draw(st.fixed_dictionaries(columns["orders"])) | {"order_id": each} for each in order_ids]
    if not nasty:
        make_tidy(draw, store, first)
    return {
        table: [{column: row.get(column) for column in COLUMNS[table]} for row in rows] for table, rows in store.items()
    }


def make_tidy(draw: DrawFn, store: RawRows, first: date) -> None:
    """Let most orders of a tidy store have amounts: lines that stand once, a cost a sku, a rate a pair."""
    store["order_lines"] = list({(row["order_id"], row["line_id"]): row for row in store["order_lines"]}.values())
    held = {row["order_id"] for row in store["order_lines"]}
    for row in store["orders"]:
        if row["order_id"] not in held:
            store["order_lines"].append(
                {"order_id": row["order_id"], "line_id": "1", "sku": "S", "quantity": Decimal(1)}
                | {"unit_price": draw(tidy_numbers(0, 500)), "discount": Decimal(0), "is_gift_card": False}
            )
    for row in (*store["unit_costs"], *store["fee_rules"]):
        row |= {"effective_from": None, "effective_to": None}
    store["unit_costs"] = list({row["sku"]: row for row in store["unit_costs"]}.values())
    costed = {row["sku"] for row in store["unit_costs"]}
    store["unit_costs"] += [
        {"sku": sku, "unit_cost": draw(tidy_numbers(0, 90))} for sku in ("S", "T", "s") if sku not in costed
    ]
    known = {(row["from_currency"], row["to_currency"]) for row in store["fx_rates"]}
    store["fx_rates"] += [
        {"rate_date": first, "from_currency": source, "to_currency": target, "rate": Decimal("1.25")}
        for source in CURRENCIES
        for target in CURRENCIES
        if source != target and (source, target) not in known
    ]


def instants_between(calendar: Store, first: date, last: date) -> SearchStrategy[datetime]:
    """Instants of the days and around them, written with any offset."""
    start = datetime(first.year, first.month, first.day, tzinfo=UTC) - timedelta(hours=7)
    hours = (last - first).days * 24 + 36
    anywhen = st.integers(0, hours * 4).map(lambda quarter_hours: start + timedelta(minutes=15 * quarter_hours))
    boundaries = [StoreDay(first + timedelta(days=day), calendar.zone).start for day in range((last - first).days + 2)]
    return st.builds(
        lambda instant, microseconds, offset: (instant + timedelta(microseconds=microseconds)).astimezone(
            timezone(timedelta(minutes=offset))
        ),
        anywhen | st.sampled_from(boundaries),
        st.sampled_from([0, 0, -1, 1, 123_456]),
        st.sampled_from([0, -300, 330, 345, 840]),
    )
