"""`enrich upload`, `enrich verify` and `enrich explain` on a small store, as a user runs them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from enrich_pipeline.warehouse.embedded import EmbeddedPostgres
from enrich_pipeline_tests.support.command_line import enrich, environment
from enrich_pipeline_tests.support.small_store import SmallStore, small_store


@pytest.fixture(scope="module")
def store(postgres: EmbeddedPostgres) -> Iterator[SmallStore]:
    with small_store(postgres) as opened:
        opened.cost("A", "4.00")
        opened.place("O1", lines=(("A", "2", "10.00"),))
        opened.place("NEW", known=False)
        opened.compute(opened.context())
        yield opened


@pytest.fixture(scope="module")
def env(store: SmallStore, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder: Path = tmp_path_factory.mktemp("steps")
    return environment(
        folder,
        WAREHOUSE_URL=store.url.render_as_string(hide_password=False),
        STORE_TIMEZONE=store.store.timezone,
        WORKMAGIC_API_URL=store.api.base_url,
        WORKMAGIC_API_KEY=store.api.key,
    )


def test_a_day_is_sent_and_read_back_step_by_step(store: SmallStore, env: dict[str, str]) -> None:
    days = ("--from", store.day.key, "--to", store.day.key)
    uploaded = enrich("upload", *days, env=env)
    assert uploaded.returncode == 1, uploaded.stderr
    assert "1 unknown_order" in uploaded.stdout
    assert store.states() == {"O1": ("unknown", "not_read_back"), "NEW": ("rejected", "unknown_order")}
    verified = enrich("verify", *days, env=env)
    assert verified.returncode == 0, verified.stderr
    assert store.states()["O1"] == ("verified", None)
    store.api.import_orders([("NEW", store.day.start, "USD", 0, 0)])
    again = enrich("upload", *days, "--full", env=env)
    assert (again.returncode, store.states()["NEW"][0]) == (0, "unknown"), again.stderr

    story = json.loads(enrich("explain", "O1", "--json", env=env).stdout)
    assert [line["quantity"] for line in story["raw"]["order_lines"]] == ["2"]
    assert {cost["component"]: cost["amount"] for cost in story["costs"]} == {"items": "20", "cogs": "-8"}
    assert [(state["state"], state["sales_amount"], state["profit_amount"]) for state in story["states"]] == [
        ("unknown", "20", "12")
    ]
    assert [attempt["status"] for attempt in story["attempts"]] == ["answered", "answered"]
    assert all(attempt["request_id"] for attempt in story["attempts"])
    assert [held["profit_amount"] for held in story["held"]] == ["12"]

    store.tamper("profit_amount", 0, "O1")
    store.tamper("sales_amount", 0, "O1")
    assert enrich("verify", *days, env=env).returncode == 1
    screen = enrich("explain", "O1", env=env)
    assert screen.returncode == 0, screen.stderr
    words = " ".join(screen.stdout.split())
    assert "mismatched (zeroed): the vendor holds something else" in words
    assert "Both amounts were set to 0." in words
    assert env["WORKMAGIC_API_KEY"] not in screen.stdout + uploaded.stdout + uploaded.stderr + verified.stderr


def test_an_order_that_nobody_knows_is_wrong_use(env: dict[str, str]) -> None:
    unknown = enrich("explain", "NO-SUCH-ORDER", env=env)
    assert unknown.returncode == 2
    assert "NO-SUCH-ORDER" in unknown.stderr
