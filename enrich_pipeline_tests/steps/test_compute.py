"""A range of many orders is computed in pieces, by several processes, and comes out as one statement computes it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from enrich_pipeline.domain.days import StoreDay
from enrich_pipeline.domain.errors import DayError
from enrich_pipeline.steps import compute
from enrich_pipeline.warehouse.marts import compute_days
from enrich_pipeline_tests.support.small_store import PROJECT_DIR, SmallStore

_CONTENT = """
    SELECT order_day, order_id, component, amount, run_id FROM enrich.order_costs
    UNION ALL SELECT order_day, order_id, exclusion, profit_amount, run_id FROM enrich.order_profit ORDER BY 1, 2, 3, 4
"""
_TRANSACTIONS = "SELECT count(DISTINCT xmin::text) FROM enrich.order_costs"


def place_on_three_days(store: SmallStore) -> tuple[StoreDay, StoreDay]:
    """An order on each of the three days that end with the store's; returns the first day and the last."""
    last = store.day
    first = StoreDay(last.day - timedelta(days=2), last.zone)
    for offset, order_id in enumerate(("A", "B", "C")):
        store.day = StoreDay(first.day + timedelta(days=offset), last.zone)
        store.place(order_id)
    return first, last


def test_a_range_in_pieces_holds_what_one_statement_computes(
    store: SmallStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, last = place_on_three_days(store)
    run = store.context()

    def computed() -> list[object]:
        compute.compute_profit(run, first, last, url=store.url, project_dir=PROJECT_DIR, log_dir=None)
        return [*store.fetch(_CONTENT)]

    whole = computed()
    assert store.fetch(_TRANSACTIONS) == [(1,)]
    monkeypatch.setattr(compute, "_PIECE_ORDERS", 1)
    assert computed() == whole
    assert store.fetch(_TRANSACTIONS) == [(3,)]


def test_where_a_piece_fails_it_stands_of_those_before_what_they_were_computed_from(
    store: SmallStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, last = place_on_three_days(store)
    monkeypatch.setattr(compute, "_PIECE_ORDERS", 1)

    def fail_on_the_last_day(**options: Any) -> object:
        if options["last"] == last.day:
            raise DayError("the warehouse is full")
        return compute_days(**options)

    monkeypatch.setattr(compute, "compute_days", fail_on_the_last_day)
    run = replace(store.context(), compute_processes=1, sales_basis="gross")
    with pytest.raises(DayError, match="the warehouse is full"):
        compute.compute_profit(run, first, last, url=store.url, project_dir=PROJECT_DIR, log_dir=None)
    recorded = store.fetch("SELECT order_day, sales_basis, run_id FROM enrich.day_inputs ORDER BY order_day")
    assert recorded == [(first.day + timedelta(days=n), "gross", run.run_id) for n in range(2)]


def test_a_day_of_floats_is_refused_before_anything_is_computed(store: SmallStore) -> None:
    store.place("1")
    store.execute("ALTER TABLE raw.order_lines ALTER COLUMN unit_price TYPE double precision")
    with pytest.raises(DayError, match=r"raw\.order_lines\.unit_price is double precision"):
        store.compute(store.context())
    assert store.fetch("SELECT count(*) FROM enrich.order_profit") == [(0,)]
