"""Where the store sells, how it is paid, and what that costs: channels, gateways and the rows of `fee_rules`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from itertools import repeat

from enrich_pipeline.warehouse.demo_store.money import Money
from enrich_pipeline.warehouse.demo_store.rows import NULL, Columns


@dataclass(frozen=True, slots=True)
class Route:
    """A way of selling: a channel and the gateway that takes the money.

    Attributes:
        weight: how much is sold this way, compared to the others.
        ships: whether the goods are sent.
        pays_gateway: whether the gateway takes a fee of its own.
    """

    channel: str
    gateway: str
    weight: int
    ships: bool = True
    pays_gateway: bool = True


ROUTES = (
    Route("online_store", "shopify_payments", 46),
    Route("online_store", "paypal", 16),
    Route("online_store", "klarna", 7),
    Route("amazon", "amazon_pay", 14, pays_gateway=False),
    Route("tiktok_shop", "tiktok_pay", 9, pays_gateway=False),
    Route("pos", "card_terminal", 6, ships=False),
    Route("pos", "cash", 2, ships=False, pays_gateway=False),
    Route("wholesale_portal", "bank_transfer", 0, pays_gateway=False),  # its fee rules contradict each other
)

AMBIGUOUS_FEE_ROUTE = len(ROUTES) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rule:
    """A fee rule; amounts in US cents, to be turned into the store's money."""

    id: str
    kind: str
    channel: str = NULL
    gateway: str = NULL
    percent: str = "0"
    fixed: int = 0
    minimum: int | None = None
    maximum: int | None = None
    base: str = "items_shipping_tax"
    base_from: int | None = None
    base_to: int | None = None
    refunded: str = "none"
    refund_fee_percent: str = NULL
    refund_fee_maximum: int | None = None


_RULES = (
    _Rule(id="pay-shopify", kind="payment", gateway="shopify_payments", percent="2.9", fixed=30),
    _Rule(id="pay-paypal", kind="payment", gateway="paypal", percent="3.49", fixed=49),
    _Rule(id="pay-klarna", kind="payment", gateway="klarna", percent="3.29", fixed=30, refunded="proportional"),
    _Rule(id="pay-terminal", kind="payment", gateway="card_terminal", percent="1.7", minimum=10),
    _Rule(id="market-amazon", kind="marketplace", channel="amazon", percent="15", minimum=30, base="items_shipping",
          refunded="proportional", refund_fee_percent="20", refund_fee_maximum=500),
    _Rule(id="market-tiktok-first-100", kind="marketplace", channel="tiktok_shop", percent="8", base="items",
          base_from=0, base_to=10_000, refunded="proportional"),
    _Rule(id="market-tiktok-above-100", kind="marketplace", channel="tiktok_shop", percent="5", base="items",
          base_from=10_000, refunded="proportional"),
    _Rule(id="ship-parcel", kind="shipping", fixed=460, base="items"),
    _Rule(id="ship-over-the-counter", kind="shipping", channel="pos", base="items"),
    _Rule(id="pick-and-pack", kind="handling", percent="0.5", fixed=85, maximum=400, base="items"),
    _Rule(id="portal-old-contract", kind="marketplace", channel="wholesale_portal", percent="3", base="items"),
    _Rule(id="portal-new-contract", kind="marketplace", channel="wholesale_portal", percent="2.5", base="items"),
)  # fmt: skip


def fee_rule_columns(store: Money, first_day: date) -> Columns:
    """The rows of `fee_rules`: they hold since before the first day, and the card fee was lower before that."""
    began, changed = first_day - timedelta(days=400), first_day - timedelta(days=30)
    former = _Rule(id="pay-shopify-before", kind="payment", gateway="shopify_payments", percent="2.7", fixed=30)
    rules = (former, *_RULES)

    def amounts(us_cents: list[int | None]) -> list[str]:
        return [NULL if cents is None else store.one_text(store.amount(cents)) for cents in us_cents]

    return {
        "fee_rule_id": [rule.id for rule in rules],
        "kind": [rule.kind for rule in rules],
        "channel": [rule.channel for rule in rules],
        "payment_gateway": [rule.gateway for rule in rules],
        "effective_from": [str(changed if rule.id == "pay-shopify" else began) for rule in rules],
        "effective_to": [str(changed - timedelta(days=1)) if rule is former else NULL for rule in rules],
        "percent": [rule.percent for rule in rules],
        "fixed": amounts([rule.fixed for rule in rules]),
        "minimum": amounts([rule.minimum for rule in rules]),
        "maximum": amounts([rule.maximum for rule in rules]),
        "base": [rule.base for rule in rules],
        "base_from": amounts([rule.base_from for rule in rules]),
        "base_to": amounts([rule.base_to for rule in rules]),
        "refunded": [rule.refunded for rule in rules],
        "refund_fee_percent": [rule.refund_fee_percent for rule in rules],
        "refund_fee_maximum": amounts([rule.refund_fee_maximum for rule in rules]),
        "currency": repeat(store.currency),
        "updated_at": [f"{began}T09:00:00Z" for _ in rules],
    }
