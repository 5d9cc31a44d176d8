"""A range of many orders is computed in pieces, by several processes, and comes out as one statement computes it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from enrich_pipeline.domain.days import StoreDay
from enrich_pipeline.steps import compute
from enrich_pipeline_tests.support.small_store import PROJECT_DIR, SmallStore

_CONTENT = """
    SELECT order_day, order_id, component, amount, run_id FROM enrich.order_costs
    UNION ALL SELECT order_day, order_id, exclusion, profit_amount, run_id FROM enrich.order_profit ORDER BY 1, 2, 3, 4
"""
_TRANSACTIONS = "SELECT count(DISTINCT xmin::text) FROM enrich.order_costs"


def test_a_range_in_pieces_holds_what_one_statement_computes(
    store: SmallStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    last = store.day
    first = StoreDay(last.day - timedelta(days=2), last.zone)
    for offset, order_id in enumerate(("A", "B", "C")):
        store.day = StoreDay(first.day + timedelta(days=offset), last.zone)
        store.place(order_id)
    run = store.context()

    def computed() -> list[object]:
        compute.compute_profit(run, first, last, url=store.url, project_dir=PROJECT_DIR, log_dir=None)
        return [*store.fetch(_CONTENT)]

    whole = computed()
    assert store.fetch(_TRANSACTIONS) == [(1,)]
    monkeypatch.setattr(compute, "_PIECE_ORDERS", 1)
    assert computed() == whole
    assert store.fetch(_TRANSACTIONS) == [(3,)]
