"""The service as a process: it starts, stops, survives being killed, and says why it cannot start."""

from __future__ import annotations

import signal
import socket
import subprocess
from datetime import UTC, datetime

import httpx
import psycopg
import pytest
from psycopg import sql
from sqlalchemy import URL

from enrich_pipeline.enrich_api.errors import ServiceStartError
from enrich_pipeline.enrich_api.process import ServiceProcess, ServiceSpec
from enrich_pipeline.warehouse.embedded import EmbeddedPostgres, libpq_url
from enrich_pipeline_tests.enrich_api.wire import END, START, body, held, post, row
from enrich_pipeline_tests.support.api_server import running_api

ORDERS = [("A", datetime(2025, 6, 10, tzinfo=UTC), "USD", 1, 1)]


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_what_was_answered_survives_a_restart(api_database: URL, how: str) -> None:
    with running_api(api_database, orders=ORDERS) as api:
        post(api, row("A"))
        before = held(api, "A")
        getattr(api, how)()
        api.restart()

        assert before is not None
        assert held(api, "A") == before


def test_the_minimal_profile_remembers_what_waits_for_the_refresh(api_database: URL) -> None:
    with running_api(api_database, profile="minimal", orders=ORDERS) as api:
        post(api, row("A"))
        api.kill()
        api.restart()
        assert held(api, "A") is None
        api.refresh()
        assert held(api, "A") is not None


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_gracefully(api_database: URL, number: signal.Signals) -> None:
    with running_api(api_database) as api:
        api.process._process.send_signal(number)
        assert api.process._process.wait(timeout=20) == 0
        assert "Traceback" not in api.process.output()


def test_a_taken_port_is_named(api_database: URL) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ServiceStartError, match=f"Port {port} of 127.0.0.1 is taken"):
            ServiceProcess(ServiceSpec(database_url=libpq_url(api_database), port=port))


def test_an_unreachable_database_is_told_without_its_url() -> None:
    with pytest.raises(ServiceStartError, match="database cannot be reached") as caught:
        ServiceProcess(ServiceSpec(database_url="postgresql://user:s3cret@127.0.0.1:1/none"))
    assert "s3cret" not in str(caught.value)


def test_neither_the_url_nor_the_key_is_on_the_command_line(api_database: URL) -> None:
    with running_api(api_database) as api:
        command = subprocess.run(
            ["ps", "-o", "args=", "-p", str(api.process.pid)], capture_output=True, text=True, check=True
        ).stdout

        assert "enrich_pipeline.enrich_api" in command
        assert "postgresql" not in command
        assert api.key not in command


def test_health_needs_no_key(api_database: URL) -> None:
    with running_api(api_database) as api:
        assert httpx.get(f"{api.base_url}/healthz").json() == {"status": "ok"}
        assert httpx.get(f"{api.base_url}/readyz").json() == {"status": "ready"}


def test_a_database_out_of_reach_is_a_503_and_comes_back(api_database: URL, postgres: EmbeddedPostgres) -> None:
    name = sql.Identifier(api_database.database or "")
    with (
        running_api(api_database, orders=ORDERS) as api,
        psycopg.connect(libpq_url(postgres.admin_url()), autocommit=True) as admin,
    ):
        post(api, row("A"))
        admin.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(name))
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (api_database.database,)
        )
        answer = httpx.post(f"{api.base_url}/enrich/orders", headers=api.headers, content=body(row("A")), timeout=30)
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        assert int(answer.headers["retry-after"]) >= 1
        assert httpx.get(f"{api.base_url}/readyz", timeout=30).status_code == 503
        assert httpx.get(f"{api.base_url}/healthz").status_code == 200

        admin.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(name))
        assert held(api, "A") is not None


def test_connections_that_the_database_dropped_are_replaced_unnoticed(
    api_database: URL, postgres: EmbeddedPostgres
) -> None:
    with (
        running_api(api_database, orders=ORDERS) as api,
        psycopg.connect(libpq_url(postgres.admin_url()), autocommit=True) as admin,
    ):
        post(api, row("A"))
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (api_database.database,)
        )
        query = {"start": START, "end": END}
        assert httpx.get(f"{api.base_url}/enrich/orders", headers=api.headers, params=query).status_code == 200
        assert post(api, row("A"))["accepted"] == 1
