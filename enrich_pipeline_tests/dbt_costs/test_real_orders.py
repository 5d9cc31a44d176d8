"""Two real companies' orders: every amount to the cent, every instant to the second."""

from __future__ import annotations

import csv
from datetime import UTC, date
from pathlib import Path

import pytest

from enrich_pipeline.domain.store import Store
from enrich_pipeline_tests.dbt_costs.small_store import SmallStore

DATA = Path(__file__).parent.parent / "data"


@pytest.mark.parametrize("folder", ["contoso", "adventureworks"])
def test_every_real_order_is_as_worked_out_independently(store: SmallStore, folder: str) -> None:
    facts = dict(entry.split("=") for entry in (DATA / folder / "STORE").read_text().split())
    with (DATA / folder / "expected.csv").open() as file:
        expected = {row["order_id"]: row for row in csv.DictReader(file)}
    days = sorted(date.fromisoformat(row["order_day"]) for row in expected.values())
    store.store = Store(timezone=facts["STORE_TIMEZONE"], currency=facts["STORE_CURRENCY"])
    store.load_folder(DATA / folder)

    store.compute(days[0], days[-1])

    computed = {
        row["order_id"]: {
            "order_id": row["order_id"],
            "order_timestamp": row["ordered_at"].astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "order_day": row["order_day"].isoformat(),
            "sales_amount": str(row["sales_amount"]),
            "profit_amount": str(row["profit_amount"]),
            "currency": row["currency"],
            "status": row["exclusion"] or "ok",
        }
        for row in store.profits()
    }
    assert computed == expected
