"""What the store sells: skus, prices and how popular each is, with a few skus made for one exclusion reason."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from enrich_pipeline.warehouse.demo_store.money import Integers, Money

PRODUCTS = 900
_GIFT_CARDS_US_CENTS = (2_500, 5_000, 10_000)
_BESTSELLER_EXPONENT = 0.9  # Zipf: the r-th most popular product sells like 1 / r ** 0.9
_GIFT_CARD_SHARE = 0.006
_COST_ON_LINE_ONE_IN = 30  # products that bring their cost on the order line

_KINDS = ("TEE", "HOODIE", "CAP", "MUG", "TOTE", "SOCKS", "CANDLE", "BOTTLE", "POSTER", "SERUM")
_SIZES = ("XS", "S", "M", "L", "XL", "ONE")


@dataclass(frozen=True, slots=True)
class Catalog:
    """The store's skus; each array has one entry a sku. Prices and costs are minor units of the store's currency.

    Attributes:
        popularity: the probability that an order line is for the sku; 0 for those with a purpose of their own.
        costs: what a unit costs at the beginning; `unit_costs` rows follow from it.
        cost_on_line: whether order lines bring their own unit cost.
        missing_cost: position of the sku without any cost row; the two after it likewise have one purpose each.
    """

    skus: list[str]
    prices: Integers
    costs: Integers
    popularity: npt.NDArray[np.float64]
    cost_on_line: npt.NDArray[np.bool_]
    is_gift_card: npt.NDArray[np.bool_]
    missing_cost: int
    ambiguous_cost: int
    missing_fx: int


def make_catalog(store: Money, random: np.random.Generator) -> Catalog:
    """Make up the catalog: products first, then gift cards, then the skus that earn an order its exclusion."""
    cards, special = len(_GIFT_CARDS_US_CENTS), 3
    count = PRODUCTS + cards + special
    dollars = np.rint(np.exp(random.normal(3.2, 0.7, size=count))).astype(np.int64).clip(4, 400)
    us_cents = dollars * 100 - random.choice(np.array([1, 5, 10, 100]), size=count)
    us_cents[PRODUCTS : PRODUCTS + cards] = _GIFT_CARDS_US_CENTS
    prices = store.from_us_cents(us_cents)
    position = np.arange(count)
    is_gift_card = (position >= PRODUCTS) & (position < PRODUCTS + cards)
    return Catalog(
        skus=[*_product_skus(), *(f"GIFT-{cents // 100}" for cents in _GIFT_CARDS_US_CENTS),
              "SAMPLE-UNCOSTED", "BUNDLE-TWO-COSTS", "IMPORT-NO-RATE"],
        prices=prices,
        costs=np.maximum(prices * random.integers(22, 58, size=count) // 100, 1),
        popularity=_popularity(count, is_gift_card, random),
        cost_on_line=(position % _COST_ON_LINE_ONE_IN == _COST_ON_LINE_ONE_IN - 1) & (position < PRODUCTS),
        is_gift_card=is_gift_card,
        missing_cost=count - 3,
        ambiguous_cost=count - 2,
        missing_fx=count - 1,
    )  # fmt: skip


def _product_skus() -> list[str]:
    return [
        f"{_KINDS[number % len(_KINDS)]}-{100 + number // len(_KINDS)}-{_SIZES[number % len(_SIZES)]}"
        for number in range(PRODUCTS)
    ]


def _popularity(
    count: int, is_gift_card: npt.NDArray[np.bool_], random: np.random.Generator
) -> npt.NDArray[np.float64]:
    popularity = np.zeros(count)
    ranks = random.permutation(PRODUCTS) + 1
    popularity[:PRODUCTS] = 1 / ranks**_BESTSELLER_EXPONENT
    popularity[:PRODUCTS] *= (1 - _GIFT_CARD_SHARE) / popularity.sum()
    popularity[is_gift_card] = _GIFT_CARD_SHARE / is_gift_card.sum()
    return popularity
