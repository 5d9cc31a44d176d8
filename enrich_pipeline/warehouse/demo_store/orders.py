"""A chunk of one day's orders and their lines, as whole columns of numbers; which are wrong, and how, is decided here.

Everything follows from the order's number in the store, the day, and the random generator that the caller seeds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from enrich_pipeline.domain.days import StoreDay
from enrich_pipeline.warehouse.demo_store.catalog import Catalog
from enrich_pipeline.warehouse.demo_store.channels import AMBIGUOUS_FEE_ROUTE, ROUTES
from enrich_pipeline.warehouse.demo_store.exclusions import planted_reasons, position
from enrich_pipeline.warehouse.demo_store.money import Integers, Money
from enrich_pipeline.warehouse.demo_store.rhythm import order_seconds
from enrich_pipeline.warehouse.demo_store.shop import Shop

Flags = npt.NDArray[np.bool_]

_LINE_COUNTS = (0.46, 0.27, 0.13, 0.07, 0.04, 0.02, 0.01)
_QUANTITIES = (1, 1, 1, 1, 1, 1, 1, 2, 2, 3)
_TAX_PERCENT = 8
_CANCELLED_SHARE = 0.015
CANCELLED_AFTER_SECONDS = 7_200
_FREE_SHIPPING_US_CENTS = 7_500

# Numbers such as Shopify gives: ascending, far apart, thirteen digits and more.
_FIRST_ORDER_ID, _ORDER_ID_STEP = 5_412_374_190_236, 97_003
_FIRST_LINE_ID, _LINE_IDS_AN_ORDER = 13_904_518_263_740, 32_768


@dataclass(frozen=True, slots=True)
class Lines:
    """The chunk's order lines: one entry a line. `order` is the order's place in the chunk."""

    order: Integers
    line_ids: Integers
    sku: Integers
    quantity: Integers
    price: Integers
    discount: Integers

    @property
    def amounts(self) -> Integers:
        """What each line sells for, after its discount."""
        return self.quantity * self.price - self.discount


@dataclass(frozen=True, slots=True)
class Orders:
    """The chunk's orders: one entry an order, in the order of time. `reason` is a position in `REASONS`, or -1."""

    numbers: Integers
    reason: Integers
    seconds: Integers
    route: Integers
    cancelled: Flags
    discount: Integers
    shipping: Integers
    tax: Integers
    lines: Lines
    first_line: Integers

    @property
    def base(self) -> Integers:
        """What each order charges for goods and shipping, without tax: what gateways and marketplaces take a cut of."""
        return np.add.reduceat(self.lines.amounts, self.first_line) - self.discount + self.shipping


def order_ids(numbers: Integers) -> Integers:
    """The order id of each order number."""
    return _FIRST_ORDER_ID + numbers * _ORDER_ID_STEP + numbers * numbers % _ORDER_ID_STEP


def make_orders(shop: Shop, day: StoreDay, numbers: Integers, random: np.random.Generator) -> Orders:
    """Make up the orders with these numbers, at least one, all on one day."""
    count = len(numbers)
    reason = planted_reasons(numbers)
    seconds = order_seconds(day, count, random)
    route = _routes(reason, random)
    lines_an_order = 1 + random.choice(len(_LINE_COUNTS), size=count, p=_LINE_COUNTS)
    first_line = np.cumsum(lines_an_order) - lines_an_order
    lines = _lines(shop.catalog, numbers, reason, lines_an_order, first_line, random)
    items = np.add.reduceat(lines.amounts, first_line)
    discount = np.where(random.random(count) < 0.12, items * random.choice((5, 10, 15), size=count) // 100, 0)
    shipping = _shipping(shop.money, route, items - discount, random)
    return Orders(
        numbers=numbers,
        reason=reason,
        seconds=seconds,
        route=route,
        cancelled=(random.random(count) < _CANCELLED_SHARE)
        & (reason < 0)
        & (seconds + CANCELLED_AFTER_SECONDS <= shop.now),
        discount=discount,
        shipping=shipping,
        tax=(items - discount + shipping) * _TAX_PERCENT // 100,
        lines=lines,
        first_line=first_line,
    )


def _routes(reason: Integers, random: np.random.Generator) -> Integers:
    weights = np.array([route.weight for route in ROUTES], dtype=np.float64)
    route = random.choice(len(ROUTES), size=len(reason), p=weights / weights.sum())
    return np.where(reason == position("ambiguous_fee"), AMBIGUOUS_FEE_ROUTE, route)


def _lines(
    catalog: Catalog,
    numbers: Integers,
    reason: Integers,
    lines_an_order: Integers,
    first_line: Integers,
    random: np.random.Generator,
) -> Lines:
    order = np.repeat(np.arange(len(numbers)), lines_an_order)
    count = len(order)
    sku = random.choice(len(catalog.skus), size=count, p=catalog.popularity)
    sku[first_line[reason == position("missing_cost")]] = catalog.missing_cost
    sku[first_line[reason == position("ambiguous_cost")]] = catalog.ambiguous_cost
    sku[first_line[reason == position("missing_fx")]] = catalog.missing_fx
    quantity = np.where(catalog.is_gift_card[sku], 1, random.choice(_QUANTITIES, size=count))
    price = catalog.prices[sku]
    percent = np.where(random.random(count) < 0.1, random.choice((10, 20, 30), size=count), 0)
    return Lines(
        order=order,
        line_ids=_FIRST_LINE_ID
        + numbers[order] * _LINE_IDS_AN_ORDER
        + (np.arange(count) - first_line[order]) * 3_001
        + numbers[order] % 2_999,
        sku=sku,
        quantity=quantity,
        price=price,
        discount=np.where(catalog.is_gift_card[sku], 0, quantity * price * percent // 100),
    )


def _shipping(store: Money, route: Integers, net_items: Integers, random: np.random.Generator) -> Integers:
    ships = np.array([route.ships for route in ROUTES])[route]
    express = random.random(len(route)) < 0.15
    standard = np.where(net_items >= store.amount(_FREE_SHIPPING_US_CENTS), 0, store.amount(495))
    return np.where(ships, np.where(express, store.amount(1_495), standard), 0)
