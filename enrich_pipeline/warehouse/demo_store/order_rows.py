"""A chunk's orders and lines as rows of `orders` and `order_lines`, with what is planted to be wrong about them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from enrich_pipeline.domain.states import Exclusion
from enrich_pipeline.warehouse.demo_store.channels import ROUTES
from enrich_pipeline.warehouse.demo_store.exclusions import position, variations
from enrich_pipeline.warehouse.demo_store.orders import CANCELLED_AFTER_SECONDS, Orders, order_ids
from enrich_pipeline.warehouse.demo_store.rows import NULL, Columns, bool_text, null_where, pick, time_text
from enrich_pipeline.warehouse.demo_store.shop import Shop

_CONTROL_CHARACTER = "\x1f"
_EXPORTED_AFTER_SECONDS, _EXPORTED_AGAIN_SECONDS = 240, 5_400


def order_id_text(orders: Orders) -> list[str]:
    """The order ids as the raw tables hold them: some are invalid, some stand for the order before."""
    numbers = orders.numbers - (orders.reason == position("duplicate_order"))
    texts = [str(order_id) for order_id in order_ids(numbers).tolist()]
    invalid = np.flatnonzero(orders.reason == position("invalid_id"))
    ways = variations(orders.numbers[invalid], 4)
    for place, way in zip(invalid.tolist(), ways.tolist(), strict=True):
        order_id = texts[place]
        texts[place] = (f"{order_id} ", f" {order_id}", order_id + _CONTROL_CHARACTER, order_id.ljust(300, "0"))[way]
    return texts


def order_columns(orders: Orders, shop: Shop) -> Columns:
    """The rows of `orders`."""
    # A duplicate is the order before it, exported twice: the same content, updated later.
    again = orders.reason == position("duplicate_order")
    places = np.arange(len(again))
    of = places - (again & (places > 0))
    seconds, cancelled = orders.seconds[of], orders.cancelled[of]
    cancelled_at = seconds + CANCELLED_AFTER_SECONDS
    # Two copies of an order are never the same row: the second is updated later, also at the end of time.
    updated = np.where(cancelled, cancelled_at, seconds + _EXPORTED_AFTER_SECONDS) + again * _EXPORTED_AGAIN_SECONDS
    latest = np.where(again, shop.now, shop.now - 1)
    routes = pick(ROUTES, orders.route[of])
    discount = shop.money.text(orders.discount[of])
    shipping = shop.money.text(orders.shipping[of])
    return {
        "order_id": order_id_text(orders),
        "ordered_at": time_text(seconds),
        "document_type": _spoilt(["sale"] * len(of), orders, "not_a_sale", ("credit", "adjustment", "fee")),
        "channel": [route.channel for route in routes],
        "payment_gateway": [route.gateway for route in routes],
        "currency": _spoilt([shop.money.currency] * len(of), orders, "invalid_currency", ("US$", NULL, "ZZZ")),
        "order_discount": _spoilt(discount, orders, "incomplete_line", (None, None, None, NULL)),
        "shipping_charged": _spoilt(shipping, orders, "incomplete_shipping", (NULL, "NaN")),
        "tax_total": shop.money.text(orders.tax[of]),
        "cancelled_at": null_where(~cancelled, time_text(cancelled_at)),
        "is_test": bool_text(orders.reason == position("test_order")),
        "updated_at": time_text(np.minimum(updated, latest)),
    }


def line_columns(orders: Orders, shop: Shop) -> Columns:
    """The rows of `order_lines`: none for an order without lines, nor for the second copy of an order."""
    lines, catalog = orders.lines, shop.catalog
    lineless = np.isin(orders.reason, [position("no_lines"), position("duplicate_order")])
    kept = np.flatnonzero(~lineless[lines.order])
    order, sku = lines.order[kept], lines.sku[kept]
    first_kept = np.searchsorted(order, np.arange(len(orders.numbers)))
    quantity = [str(quantity) for quantity in lines.quantity[kept].tolist()]
    price = shop.money.text(lines.price[kept])
    order_id = order_id_text(orders)
    return {
        "order_id": pick(order_id, order),
        "line_id": [str(line_id) for line_id in lines.line_ids[kept].tolist()],
        "sku": pick(catalog.skus, sku),
        "quantity": _spoilt(quantity, orders, "incomplete_line", (NULL, None, None, None), places=first_kept),
        "unit_price": _spoilt(price, orders, "incomplete_line", (None, NULL, "NaN", None), places=first_kept),
        "discount": shop.money.text(lines.discount[kept]),
        "unit_cost": null_where(~catalog.cost_on_line[sku], shop.money.text(catalog.costs[sku])),
        "is_gift_card": bool_text(catalog.is_gift_card[sku]),
        "updated_at": time_text(np.minimum(orders.seconds[order] + _EXPORTED_AFTER_SECONDS, shop.now)),
    }


def _spoilt(
    values: list[str],
    orders: Orders,
    reason: Exclusion,
    ways: Sequence[str | None],
    *,
    places: np.ndarray | None = None,
) -> list[str]:
    """`values` with those of the planted orders replaced, in turns by each of `ways`; None leaves a value alone.

    `places` says where in `values` each order's value is; by default they are the orders' own.
    """
    planted = np.flatnonzero(orders.reason == position(reason))
    targets = planted if places is None else places[planted]
    turns = variations(orders.numbers[planted], len(ways))
    for target, turn in zip(targets.tolist(), turns.tolist(), strict=True):
        values[target] = ways[turn] or values[target]
    return values
