"""The key: generated anew, never stored, never printed."""

from __future__ import annotations

import httpx
import psycopg

from enrich_pipeline.enrich_api.keys import new_key
from enrich_pipeline_tests.enrich_api.wire import END, START, post, row
from enrich_pipeline_tests.support.api_server import RunningApi


def test_a_key_generated_anew_replaces_the_one_before_at_once(full: RunningApi, order_id: str) -> None:
    post(full, row(order_id))
    old, full.key = full.key, full.replace_key()

    for method, arguments in (
        ("GET", {"params": {"start": START, "end": END}}),
        ("POST", {"content": b'{"orders":[]}'}),
    ):
        headers = {"Authorization": f"Bearer {old}", "Content-Type": "application/json"}
        answer = httpx.request(method, f"{full.base_url}/enrich/orders", headers=headers, **arguments)
        assert answer.status_code == 401
    post(full, row(order_id))


def test_the_database_and_the_output_hold_no_key(full: RunningApi) -> None:
    with psycopg.connect(full.config.database_url) as connection:
        rows = connection.execute("SELECT k::text FROM enrich_api.api_keys AS k").fetchall()

    assert full.key not in str(rows)
    assert full.key not in full.process.output()


def test_a_new_keys_repr_tells_its_last_four_characters_only() -> None:
    key = new_key()

    assert key.secret not in repr(key)
    assert key.label == f"...{key.secret[-4:]}"
    assert new_key().secret != key.secret
