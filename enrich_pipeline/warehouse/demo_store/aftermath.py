"""What follows an order: refunds days later, with goods put back into stock, and what carriers and gateways charged."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import repeat

import numpy as np

from enrich_pipeline.warehouse.demo_store.channels import ROUTES
from enrich_pipeline.warehouse.demo_store.exclusions import position, variations
from enrich_pipeline.warehouse.demo_store.fx import to_second
from enrich_pipeline.warehouse.demo_store.money import Integers, Money
from enrich_pipeline.warehouse.demo_store.order_rows import order_id_text
from enrich_pipeline.warehouse.demo_store.orders import Orders
from enrich_pipeline.warehouse.demo_store.rows import NULL, Columns, bool_text, null_where, pick, time_text
from enrich_pipeline.warehouse.demo_store.shop import Shop

_HOUR, _DAY = 3_600, 86_400
_REFUNDED_SHARE = 0.07
_RESTOCKED_SHARE = 0.75
_KINDS = ("goods", "shipping", "discount", "manual", "gift_card")
_KIND_SHARES = (0.78, 0.06, 0.08, 0.05, 0.03)
_UNATTRIBUTED_ONE_IN = 25  # refunds that the shop system could not assign to an order
_TAX_PERCENT = 8
_FIRST_REFUND_ID, _FIRST_TRANSACTION_ID = 871_004_663_021, 6_630_217_748_112
_TRANSACTIONS_AN_ORDER = 8


@dataclass(frozen=True, slots=True)
class Refunds:
    """The chunk's refunds: one entry a refund. `order` and `line` are places in the chunk's orders and lines."""

    order: Integers
    line: Integers
    kind: Integers
    amount: Integers
    seconds: Integers
    restocked: np.ndarray
    planted: np.ndarray


def make_refunds(orders: Orders, shop: Shop, random: np.random.Generator) -> Refunds:
    """Decide which orders get money back, for what and when; nothing happens after the store's present."""
    count = len(orders.numbers)
    planted = orders.reason == position("incomplete_refund")
    kind = random.choice(len(_KINDS), size=count, p=_KIND_SHARES)
    kind = np.where(planted, 0, kind)
    after = np.where(planted, _HOUR, random.integers(1, 22, size=count) * _DAY + random.integers(0, _DAY, size=count))
    seconds = np.where(planted, np.minimum(orders.seconds + after, shop.now), orders.seconds + after)
    returned = (random.random(count) < _REFUNDED_SHARE) & (orders.reason < 0) & ~orders.cancelled
    restocked = random.random(count) < _RESTOCKED_SHARE
    line = orders.first_line
    amount = np.select(
        [kind == 0, kind == 1], [orders.lines.amounts[line], orders.shipping], default=orders.base * 10 // 100
    )
    chosen = np.flatnonzero((returned & (amount > 0) & (seconds <= shop.now)) | planted)
    return Refunds(
        order=chosen,
        line=line[chosen],
        kind=kind[chosen],
        amount=amount[chosen],
        seconds=seconds[chosen],
        restocked=restocked[chosen],
        planted=planted[chosen],
    )


def refund_columns(orders: Orders, refunds: Refunds, shop: Shop) -> Columns:
    """The rows of `refunds`. One in `_UNATTRIBUTED_ONE_IN` manual ones belongs to no order."""
    order_ids = order_id_text(orders)
    numbers = orders.numbers[refunds.order]
    unattributed = (refunds.kind == _KINDS.index("manual")) & (numbers % _UNATTRIBUTED_ONE_IN == 0)
    without_amount = refunds.planted & (_refund_way(orders, refunds) == 0)
    seconds = time_text(refunds.seconds)
    return {
        "refund_id": _refund_ids(orders, refunds),
        "order_id": null_where(unattributed, pick(order_ids, refunds.order)),
        "refunded_at": seconds,
        "kind": pick(_KINDS, refunds.kind),
        "amount": null_where(without_amount, shop.money.text(refunds.amount)),
        "tax": shop.money.text(refunds.amount * _TAX_PERCENT // 100),
        "updated_at": seconds,
    }


def refund_line_columns(orders: Orders, refunds: Refunds) -> Columns:
    """The rows of `refund_lines`: goods that came back; some planted ones name no line of the order, or no quantity."""
    way = _refund_way(orders, refunds)
    goods = np.flatnonzero(refunds.kind == 0)
    foreign, uncounted = refunds.planted & (way == 1), refunds.planted & (way == 2)
    line_ids = orders.lines.line_ids[refunds.line] + np.where(foreign, 1, 0)
    quantity = [str(quantity) for quantity in orders.lines.quantity[refunds.line].tolist()]
    refund_ids = _refund_ids(orders, refunds)
    return {
        "refund_id": pick(refund_ids, goods),
        "line_id": [str(line_id) for line_id in line_ids[goods].tolist()],
        "quantity": pick(null_where(uncounted, quantity), goods),
        "restocked": bool_text((refunds.restocked | refunds.planted)[goods]),
        "updated_at": time_text(refunds.seconds[goods]),
    }


def transaction_columns(orders: Orders, shop: Shop, random: np.random.Generator) -> list[Columns]:
    """The rows of `order_transactions`: actual costs that replace the estimates of part of the orders."""
    count = len(orders.numbers)
    plain = (orders.reason < 0) & ~orders.cancelled
    pays = np.array([route.pays_gateway for route in ROUTES])[orders.route]
    ships = np.array([route.ships for route in ROUTES])[orders.route]
    parcel = shop.money.from_us_cents(random.integers(310, 1_250, size=count))
    fee = (orders.base + orders.tax) * random.integers(240, 331, size=count) // 10_000 + shop.money.amount(30)
    packaging = np.full(count, shop.money.amount(65))
    shipped = plain & ships & (random.random(count) < 0.5)
    abroad = shipped & (random.random(count) < 0.05)
    kinds = (
        ("payment_fee", plain & pays & (random.random(count) < 0.35), fee, shop.money),
        ("shipping_cost", shipped & ~abroad, parcel, shop.money),
        ("shipping_cost", abroad, to_second(shop.money, shop.second, parcel), shop.second),
        ("handling_cost", plain & (random.random(count) < 0.08), packaging, shop.money),
        ("gift_wrapping", plain & (random.random(count) < 0.02), packaging * 2, shop.money),
    )
    delays = random.integers(_HOUR, 2 * _DAY, size=count)
    seconds = np.minimum(orders.seconds + delays, shop.now)
    columns = [
        _transactions(orders, np.flatnonzero(chosen), kind, amounts, money, seconds, slot)
        for slot, (kind, chosen, amounts, money) in enumerate(kinds)
    ]
    planted = np.flatnonzero(orders.reason == position("incomplete_fee"))
    unknown = _transactions(orders, planted, "payment_fee", fee, shop.money, seconds, len(kinds))
    return [*columns, {**unknown, "amount": repeat(NULL)}]


def _transactions(
    orders: Orders, chosen: Integers, kind: str, amounts: Integers, money: Money, seconds: Integers, slot: int
) -> Columns:
    order_ids = order_id_text(orders)
    ids = _FIRST_TRANSACTION_ID + orders.numbers[chosen] * _TRANSACTIONS_AN_ORDER + slot
    processed = time_text(seconds[chosen])
    return {
        "transaction_id": [str(transaction_id) for transaction_id in ids.tolist()],
        "order_id": pick(order_ids, chosen),
        "kind": repeat(kind),
        "amount": money.text(amounts[chosen]),
        "currency": repeat(money.currency),
        "processed_at": processed,
        "updated_at": processed,
    }


def _refund_ids(orders: Orders, refunds: Refunds) -> list[str]:
    return [str(refund_id) for refund_id in (_FIRST_REFUND_ID + orders.numbers[refunds.order]).tolist()]


def _refund_way(orders: Orders, refunds: Refunds) -> Integers:
    return variations(orders.numbers[refunds.order], 3)
