"""`enrich diff`: what a person and a program see of what an upload would change, before it is sent."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from enrich_pipeline.cli import main
from enrich_pipeline_tests.support.small_store import SmallStore


@pytest.fixture(autouse=True)
def _dearer(store: SmallStore) -> None:
    """The one order's cost has risen by 50 cents since it was sent, so that 6.00 of profit become 5.50."""
    store.execute("UPDATE raw.unit_costs SET unit_cost = 4.5")
    store.compute(store.context())


def test_amounts_have_their_currencys_decimals(store: SmallStore) -> None:
    done = CliRunner().invoke(main, ["diff", store.day.key])
    assert done.exit_code == 0, done.output
    assert (
        "│ USD      │    1 │   0 │       1 │     0 │        10.00 │       10.00 │          6.00 │         5.50 │"
        in done.output
    )
    assert "│ 1     │ USD      │          6.00 │         5.50 │        10.00 │       10.00 │" in done.output


def test_a_program_gets_amounts_as_text(store: SmallStore) -> None:
    shown = json.loads(CliRunner().invoke(main, ["diff", store.day.key, "--json"]).output)
    (change,) = shown["changes"]
    assert (change["changed"], change["profit_before"], change["profit_after"]) == (1, "6", "5.5")
    assert [mover["order_id"] for mover in shown["movers"]] == ["1"]
    assert shown["holds"] == []


def test_what_a_guard_would_hold_is_an_exit_code_and_its_reason(
    store: SmallStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GUARD_CHANGED_SHARE", "0")
    monkeypatch.setenv("GUARD_FEWEST_ORDERS", "1")
    done = CliRunner().invoke(main, ["diff", store.day.key])
    assert done.exit_code == 1
    assert "Held by too_many_changed" in done.output
