"""Two companies' real orders, every day through Dagster, to the cent, and verified against the running service."""

from __future__ import annotations

from pathlib import Path

import pytest

from enrich_pipeline_tests.support.command_line import enrich, environment

DATA = Path(__file__).resolve().parent.parent / "data"


@pytest.mark.parametrize(
    ("folder", "orders"),
    [("adventureworks", "235"), pytest.param("contoso", "3,242", marks=[pytest.mark.slow, pytest.mark.timeout(600)])],
)
def test_every_real_order_is_computed_to_the_cent_and_verified(folder: str, orders: str) -> None:
    done = enrich("prove", str(DATA / folder), env=environment(Path("unused")), timeout=580)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"All {orders} orders are as expected" in done.stdout
