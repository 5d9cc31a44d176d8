"""What the request log keeps of a request, for how long, and what it never keeps. A graceful stop writes all of it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
import zlib
from datetime import UTC, datetime
from typing import Any

import httpx
import psutil
import psycopg
import pytest
from psycopg.rows import dict_row
from sqlalchemy import URL

from enrich_pipeline.enrich_api.config import ApiConfig
from enrich_pipeline.enrich_api.database import Database, connect
from enrich_pipeline.enrich_api.request_log import RequestLog
from enrich_pipeline.enrich_api.request_records import RequestRecord, new_request_id
from enrich_pipeline.enrich_api.retention import forget_old_requests
from enrich_pipeline.warehouse.embedded import EmbeddedPostgres, libpq_url
from enrich_pipeline_tests.enrich_api.wire import END, START, body, get, post, row
from enrich_pipeline_tests.support.api_server import running_api

ORDERS = [(name, None, "USD", 1, 1) for name in ("A", "B")]


def read(url: URL, query: str) -> list[dict[str, Any]]:
    with psycopg.connect(libpq_url(url), row_factory=dict_row) as connection:
        return connection.execute(query).fetchall()  # type: ignore[arg-type]  # the tests' own literals


def logged(url: URL) -> list[dict[str, Any]]:
    return read(url, "SELECT * FROM enrich_api.requests ORDER BY request_id")


def test_every_request_is_logged_with_what_became_of_it(api_database: URL) -> None:
    with running_api(api_database, orders=ORDERS) as api:
        report = post(api, row("A"), row("B"), row("X"))
        get(api)
        httpx.post(f"{api.base_url}/enrich/orders", headers=api.headers, content=b"{")
        httpx.get(f"{api.base_url}/enrich/orders", headers={"Authorization": "Bearer wrong"})
        for path in ("/healthz", "/"):
            httpx.get(api.base_url + path)
        label = f"...{api.key[-4:]}"
        api.stop()

        posted, listed, not_json, unauthorized = logged(api_database)
        assert posted["request_id"] == report["request_id"]
        assert (posted["method"], posted["path"], posted["status"]) == ("POST", "/enrich/orders", 200)
        assert (posted["order_rows"], posted["accepted"], posted["rejected"]) == (3, 2, 1)
        assert (posted["key_label"], posted["store_id"]) == (label, 1)
        assert posted["request_bytes"] == len(body(row("A"), row("B"), row("X")))
        assert posted["latency_us"] > 0
        assert (listed["method"], listed["order_rows"], listed["query"]) == ("GET", 2, f"start={START}&end={END}")
        assert listed["response_bytes"] > 0
        assert (not_json["status"], not_json["problem"], not_json["key_label"]) == (400, "not_json", label)
        assert (unauthorized["status"], unauthorized["key_label"]) == (401, None)


def test_bodies_and_refused_rows_are_kept(api_database: URL) -> None:
    with running_api(api_database, orders=ORDERS) as api:
        report = post(api, row("A"), row("\x00"), row("B", sales_amount="null"))
        api.stop()

    [kept] = read(api_database, "SELECT body, answer FROM enrich_api.request_bodies")
    assert zlib.decompress(kept["body"]) == body(row("A"), row("\x00"), row("B", sales_amount="null"))
    assert json.loads(zlib.decompress(kept["answer"])) == report
    refused = read(api_database, "SELECT place, order_id, code FROM enrich_api.rejected_rows ORDER BY place")
    assert [tuple(found.values()) for found in refused] == [(1, "\ufffd", "invalid_id"), (2, "B", "invalid_amount")]


def test_the_log_holds_no_key(api_database: URL, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("WARNING", "httpx")  # which would log the address that this test puts the key in
    with running_api(api_database, orders=ORDERS) as api:
        post(api, row("A"))
        httpx.get(f"{api.base_url}/enrich/orders?start={START}&key={api.key}", headers=api.headers)
        api.stop()

        assert api.key not in json.dumps(logged(api_database), default=str)
        assert logged(api_database)[1]["query"] == f"start={START}"


def test_days_are_counted_on_the_stores_clock(api_database: URL) -> None:
    with running_api(api_database, store_timezone="Pacific/Kiritimati", orders=ORDERS) as api:
        post(api, row("A"), row("B"))
        post(api, row("A"), row("X"))
        httpx.post(f"{api.base_url}/enrich/orders", headers=api.headers, content=b"{")
        api.stop()

    counts = read(api_database, "SELECT * FROM enrich_api.request_days ORDER BY status")
    [expected] = read(
        api_database, "SELECT max((received_at AT TIME ZONE 'Pacific/Kiritimati')::date) AS d FROM enrich_api.requests"
    )
    assert [(c["status"], c["requests"], c["accepted"], c["rejected"]) for c in counts] == [
        (200, 2, 3, 1),
        (400, 1, 0, 0),
    ]
    assert counts[0]["day"] == expected["d"]


def test_the_log_waits_for_a_database_out_of_reach(api_database: URL, postgres: EmbeddedPostgres) -> None:
    with running_api(api_database) as api, psycopg.connect(libpq_url(postgres.admin_url()), autocommit=True) as admin:
        name = psycopg.sql.Identifier(api_database.database or "")
        admin.execute(psycopg.sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(name))
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (api_database.database,)
        )
        httpx.post(f"{api.base_url}/enrich/orders", headers=api.headers, content=body(), timeout=30)
        admin.execute(psycopg.sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(name))
        assert httpx.get(f"{api.base_url}/readyz", timeout=30).status_code == 200
        api.stop()

    assert [found["status"] for found in logged(api_database)] == [503]


def test_a_stop_loses_no_request_that_is_on_its_way_into_the_log(api_database: URL) -> None:
    with running_api(api_database, orders=ORDERS) as api:
        with psycopg.connect(libpq_url(api_database)) as holder:
            holder.execute("LOCK TABLE enrich_api.requests IN SHARE MODE")
            report = post(api, row("A"), row("X"))
            _wait_for_a_waiting_statement(api_database)
            os.kill(api.process.pid, signal.SIGTERM)
            with pytest.raises(psutil.TimeoutExpired):  # it stays until the log is written
                psutil.Process(api.process.pid).wait(1)
        api.stop()

    assert [found["request_id"] for found in logged(api_database)] == [report["request_id"]]
    assert len(read(api_database, "SELECT * FROM enrich_api.rejected_rows")) == 1


def _wait_for_a_waiting_statement(url: URL) -> None:
    deadline = time.monotonic() + 20
    waiting = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    while not read(url, waiting):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_request_is_counted_once_when_it_is_written_again_because_an_answer_was_lost(api_database: URL) -> None:
    config = ApiConfig(database_url=libpq_url(api_database))
    first, second = (
        RequestRecord(new_request_id(), datetime.now(UTC), "POST", "/enrich/orders", status=200, body=b"{}")
        for _ in range(2)
    )

    async def write_twice() -> None:
        database = Database(config)
        await database.open()
        log = RequestLog(database)
        for records in ([first], [first, second]):
            for record in records:
                log.append(record)
            await log.flush()
        await database.close()

    with connect(config):
        pass  # which makes the schema
    asyncio.run(write_twice())

    assert [found["request_id"] for found in logged(api_database)] == [first.request_id, second.request_id]
    assert [found["requests"] for found in read(api_database, "SELECT * FROM enrich_api.request_days")] == [2]


def test_ids_sort_by_time() -> None:
    ids = [new_request_id() for _ in range(100)]

    assert sorted(ids, key=lambda request_id: request_id[:18]) == ids
    assert len(set(ids)) == 100


def forget(config: ApiConfig) -> int:
    async def run() -> int:
        database = Database(config)
        await database.open()
        try:
            return await forget_old_requests(database, config)
        finally:
            await database.close()

    return asyncio.run(run())


def test_bodies_are_forgotten_after_their_days_and_beyond_their_bytes(api_database: URL) -> None:
    config = ApiConfig(database_url=libpq_url(api_database), body_days=14, body_bytes=250)
    with connect(config) as connection:
        connection.execute(
            "INSERT INTO enrich_api.request_bodies SELECT 'req_' || n, now() - make_interval(days => age), "
            "repeat('x', size)::bytea, '' "
            "FROM (VALUES (1, 15, 1), (2, 1, 100), (3, 1, 100), (4, 0, 100)) AS v (n, age, size)"
        )

    assert forget(config) == 2
    assert [found["request_id"] for found in read(api_database, "SELECT * FROM enrich_api.request_bodies")] == [
        "req_3",
        "req_4",
    ]


def test_requests_are_forgotten_after_their_days(api_database: URL) -> None:
    with running_api(api_database, orders=ORDERS) as api:
        post(api, row("X"))
        api.stop()
    config = ApiConfig(database_url=libpq_url(api_database), request_days=400)
    with connect(config) as connection:
        connection.execute("UPDATE enrich_api.requests SET received_at = now() - make_interval(days => 401)")

    forget(config)

    assert logged(api_database) == []
    assert read(api_database, "SELECT * FROM enrich_api.rejected_rows") == []
    assert len(read(api_database, "SELECT * FROM enrich_api.request_days")) == 1
