"""Random stores that change after the fact, and, in plain Python, which days that concerns."""

from __future__ import annotations

import copy
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from enrich_pipeline.domain.store import Store
from enrich_pipeline.warehouse.raw_tables import RAW_TABLES

Rows = dict[str, list[dict[str, Any]]]

STORE = Store(timezone="America/New_York", currency="USD")
FIRST = date(2026, 10, 28)  # eight days, one of 25 hours
LAST = date(2026, 11, 4)
DAYS = [FIRST + timedelta(days=offset) for offset in range((LAST - FIRST).days + 1)]

SKUS = [f"sku-{number}" for number in range(12)]


def random_store(random: Random) -> Rows:
    """A hundred orders or so, in two currencies, with costs, rules, refunds, transactions and rates."""
    rows: Rows = {
        "orders": [],
        "order_lines": [],
        "refunds": [],
        "refund_lines": [],
        "unit_costs": [],
        "fee_rules": [],
        "order_transactions": [],
        "fx_rates": [],
    }
    start = datetime(2026, 10, 28, 4, tzinfo=UTC)
    for number in range(random.randint(60, 140)):
        order_id = f"o{number}"
        rows["orders"].append({
            "order_id": order_id,
            "ordered_at": start + timedelta(minutes=random.randint(0, 8 * 24 * 60)),
            "document_type": "sale",
            "channel": random.choice(["web", "shop", "", None]),
            "payment_gateway": random.choice(["card", "wallet"]),
            "currency": random.choice(["USD", "USD", "EUR"]),
            "order_discount": Decimal(random.randint(0, 3)),
            "shipping_charged": Decimal(5),
            "tax_total": Decimal(1),
            "cancelled_at": start if random.random() < 0.04 else None,
            "is_test": False,
            "updated_at": start,
        })  # fmt: skip
        for line in range(random.randint(1, 3)):
            rows["order_lines"].append({
                "order_id": order_id,
                "line_id": str(line),
                "sku": random.choice(SKUS),
                "quantity": Decimal(random.randint(1, 3)),
                "unit_price": Decimal(random.randint(500, 9000)) / 100,
                "discount": Decimal(0),
                "unit_cost": Decimal(random.randint(1, 20)) if random.random() < 0.3 else None,
                "is_gift_card": random.random() < 0.05,
                "updated_at": start,
            })  # fmt: skip
        if random.random() < 0.15:
            add_refund(rows, random, order_id, f"r{number}")
        if random.random() < 0.2:
            rows["order_transactions"].append({
                "transaction_id": f"t{number}",
                "order_id": order_id,
                "kind": random.choice(["payment_fee", "packaging"]),
                "amount": Decimal(random.randint(1, 9)),
                "currency": random.choice(["USD", "GBP", ""]),
                "processed_at": start,
            })  # fmt: skip
    for sku in SKUS:
        for first, last in random.choice([[(None, None)], [(None, DAYS[3]), (DAYS[4], None)], [(DAYS[2], None)]]):
            rows["unit_costs"].append({
                "sku": sku,
                "effective_from": first,
                "effective_to": last,
                "unit_cost": Decimal(random.randint(1, 30)),
                "currency": random.choice(["", "USD", "EUR", "GBP"]),
            })  # fmt: skip
    for number in range(4):
        rows["fee_rules"].append({
            "fee_rule_id": f"f{number}",
            "kind": random.choice(["payment", "marketplace", "shipping"]),
            "channel": random.choice(["", "web", "shop"]),
            "payment_gateway": random.choice(["", "card", None]),
            "effective_from": random.choice([None, DAYS[3]]),
            "effective_to": random.choice([None, DAYS[5]]),
            "percent": Decimal(random.randint(1, 5)),
            "fixed": Decimal("0.30"),
            "base": "items",
            "refunded": "none",
            "currency": random.choice(["", "EUR"]),
        })  # fmt: skip
    for source in ("USD", "EUR", "GBP"):
        for target in ("USD", "EUR"):
            for offset in range(-8, 8, random.choice([1, 3, 8])):
                if source != target:
                    rows["fx_rates"].append({
                        "rate_date": FIRST + timedelta(days=offset),
                        "from_currency": source,
                        "to_currency": target,
                        "rate": Decimal(random.randint(80, 130)) / 100,
                    })  # fmt: skip
    return filled(rows)


def add_refund(rows: Rows, random: Random, order_id: str, refund_id: str) -> None:
    at = datetime(2026, 11, 20, tzinfo=UTC)
    rows["refunds"].append(
        {"refund_id": refund_id, "order_id": order_id, "refunded_at": at, "kind": "goods", "amount": Decimal(7)}
        | {"tax": Decimal(0)}
    )
    rows["refund_lines"].append(
        {"refund_id": refund_id, "line_id": "0", "quantity": Decimal(1), "restocked": random.random() < 0.7}
    )


def filled(rows: Rows) -> Rows:
    """Every row with every column of its table."""
    columns = {table.name: dict.fromkeys(table.columns.keys()) for table in RAW_TABLES}
    return {table: [{**columns[table], **row} for row in content] for table, content in rows.items()}


def changed_store(rows: Rows, random: Random) -> Rows:
    """The store later: about one in a hundred costs, refunds and orders changed, gone or come; some merely touched."""
    later = copy.deepcopy(rows)
    for _ in range(random.randint(1, 4)):
        random.choice([
            change_cost, change_cost, end_cost, change_rule, change_rate, change_refund, come_refund, go, change_order,
            change_line, move_order, repeat_order, touch, touch, change_transaction,
        ])(later, random)  # fmt: skip
    return filled(later)


def picked(rows: Rows, table: str, random: Random) -> dict[str, Any]:
    return random.choice(rows[table])


def change_cost(rows: Rows, random: Random) -> None:
    picked(rows, "unit_costs", random)["unit_cost"] = Decimal(random.randint(1, 30))


def end_cost(rows: Rows, random: Random) -> None:
    picked(rows, "unit_costs", random)["effective_to"] = random.choice(DAYS)


def change_rule(rows: Rows, random: Random) -> None:
    picked(rows, "fee_rules", random)["percent"] = Decimal(random.randint(1, 5))


def change_rate(rows: Rows, random: Random) -> None:
    picked(rows, "fx_rates", random)["rate"] = random.choice([Decimal(2), Decimal("NaN"), Decimal("1.10")])


def change_refund(rows: Rows, random: Random) -> None:
    if rows["refunds"]:
        picked(rows, "refunds", random)["amount"] = Decimal(random.randint(1, 20))
        picked(rows, "refund_lines", random)["restocked"] = random.random() < 0.5


def come_refund(rows: Rows, random: Random) -> None:
    add_refund(rows, random, picked(rows, "orders", random)["order_id"], f"late{random.random()}")


def change_transaction(rows: Rows, random: Random) -> None:
    if rows["order_transactions"]:
        picked(rows, "order_transactions", random)["amount"] = Decimal(random.randint(1, 9))


def go(rows: Rows, random: Random) -> None:
    """Something is deleted."""
    table = random.choice([table for table, content in rows.items() if content])
    rows[table].remove(picked(rows, table, random))


def change_order(rows: Rows, random: Random) -> None:
    column, value = random.choice([("order_discount", Decimal(1)), ("cancelled_at", datetime(2026, 11, 9, tzinfo=UTC))])
    picked(rows, "orders", random)[column] = value


def change_line(rows: Rows, random: Random) -> None:
    picked(rows, "order_lines", random)["quantity"] = Decimal(random.randint(1, 3))


def move_order(rows: Rows, random: Random) -> None:
    picked(rows, "orders", random)["ordered_at"] += timedelta(days=random.choice([-1, 1]))


def repeat_order(rows: Rows, random: Random) -> None:
    again = dict(picked(rows, "orders", random))
    again["ordered_at"] += timedelta(days=random.choice([0, 2]))
    rows["orders"].append(again)


def touch(rows: Rows, random: Random) -> None:
    """Loaded again, with the same content: no day is concerned."""
    later = datetime(2026, 11, 21, tzinfo=UTC)
    for table in ("orders", "order_lines"):
        picked(rows, table, random)["updated_at"] = later
    for table, column in (("refunds", "refunded_at"), ("order_transactions", "processed_at")):
        if rows[table]:
            picked(rows, table, random)[column] = later


def days_concerned(before: Rows, after: Rows) -> set[date]:
    """The days whose inputs differ, worked out order by order."""
    return {day for day in DAYS if inputs_of(before, day) != inputs_of(after, day)}


def inputs_of(rows: Rows, day: date) -> Counter[tuple[Any, ...]]:
    """Everything that the day's money is made from."""
    found: Counter[tuple[Any, ...]] = Counter()
    orders = [row for row in rows["orders"] if row["ordered_at"].astimezone(STORE.zone).date() == day]
    copies = Counter(row["order_id"] for row in rows["orders"])
    rates: set[tuple[str, str]] = set()
    rules: set[int] = set()
    costs: set[int] = set()
    ids: set[str] = set()
    for order in orders:
        cancelled = order["cancelled_at"] is not None
        content = ("document_type", "payment_gateway", "currency", "order_discount", "shipping_charged", "tax_total")
        key = ("order", order["order_id"], order["ordered_at"].astimezone(UTC), order["channel"] or "", cancelled)
        rest = (*(order[column] for column in content), order["is_test"], copies[order["order_id"]] > 1)
        found[(*key, *rest)] += 1
        ids.add(order["order_id"])
        for line in (line for line in rows["order_lines"] if line["order_id"] == order["order_id"]):
            if not cancelled and not line["is_gift_card"] and line["unit_cost"] is None:
                for number, cost in enumerate(rows["unit_costs"]):
                    if cost["sku"] == line["sku"] and holds(cost, day):
                        costs.add(number)
                        rates.add((cost["currency"] or STORE.currency, order["currency"]))
        for number, rule in enumerate(rows["fee_rules"]):
            if (
                holds(rule, day)
                and (rule["channel"] or "") in {"", order["channel"] or ""}
                and (rule["payment_gateway"] or "") in {"", order["payment_gateway"]}
            ):
                rules.add(number)
                rates.add((rule["currency"] or STORE.currency, order["currency"]))
        for paid in rows["order_transactions"]:
            if paid["order_id"] == order["order_id"]:
                rates.add((paid["currency"] or STORE.currency, order["currency"]))
    found.update(("cost", c["sku"], c["unit_cost"], c["currency"]) for c in (rows["unit_costs"][n] for n in costs))
    without_dates = {"effective_from", "effective_to", "updated_at"}
    found.update(
        ("rule", *(value for column, value in rows["fee_rules"][number].items() if column not in without_dates))
        for number in rules
    )
    refund_ids = {refund["refund_id"] for refund in rows["refunds"] if refund["order_id"] in ids}
    for table, key, members, ignored in (
        ("order_lines", "order_id", ids, {"updated_at"}),
        ("refunds", "order_id", ids, {"refunded_at", "updated_at"}),
        ("refund_lines", "refund_id", refund_ids, set()),
        ("order_transactions", "order_id", ids, {"processed_at"}),
    ):
        for row in rows[table]:
            if row[key] in members:
                found[(table, *(value for column, value in row.items() if column not in ignored))] += 1
    for source, target in rates:
        if source != target:
            found[("rate", source, target, rate_of(rows, day, source, target))] += 1
    return found


def rate_of(rows: Rows, day: date, source: str, target: str) -> frozenset[Decimal]:
    """The rates of the latest date with one, of the day and the seven before it."""
    for age in range(8):
        wanted = (day - timedelta(days=age), source, target)
        usable = {
            row["rate"]
            for row in rows["fx_rates"]
            if (row["rate_date"], row["from_currency"], row["to_currency"]) == wanted and row["rate"].is_finite()
        }
        if usable:
            return frozenset(usable)
    return frozenset()


def holds(row: dict[str, Any], day: date) -> bool:
    return (row["effective_from"] or date.min) <= day <= (row["effective_to"] or date.max)
