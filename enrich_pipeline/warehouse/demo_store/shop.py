"""What every order of the generated store has in common: its money, its goods, and how far time has gone."""

from __future__ import annotations

from dataclasses import dataclass

from enrich_pipeline.warehouse.demo_store.catalog import Catalog
from enrich_pipeline.warehouse.demo_store.money import Money


@dataclass(frozen=True, slots=True)
class Shop:
    """A store while its orders are made up.

    Attributes:
        money: the currency it sells in.
        second: the currency that some of its costs come in.
        now: the last second since 1970 that anything may have happened: the end of the last day.
    """

    money: Money
    second: Money
    catalog: Catalog
    now: int
