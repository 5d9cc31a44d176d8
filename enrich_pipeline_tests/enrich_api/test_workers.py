"""Several workers behind one port: killed, counted together, stopped together."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import httpx
import psutil
import pytest
from sqlalchemy import URL

from enrich_pipeline.enrich_api.errors import ServiceStartError
from enrich_pipeline.enrich_api.process import ServiceProcess, ServiceSpec
from enrich_pipeline.warehouse.embedded import API_ROLE, EmbeddedPostgres, libpq_url
from enrich_pipeline_tests.enrich_api.conftest import channel_orders
from enrich_pipeline_tests.enrich_api.wire import END, START, body, get, post, row
from enrich_pipeline_tests.support.api_server import RunningApi, running_api
from enrich_pipeline_tests.support.databases import fresh_database

WINDOW = {"start": START, "end": END, "limit": "1"}


@pytest.fixture
def service(postgres: EmbeddedPostgres) -> Iterator[RunningApi]:
    """Two workers that know ORDER0 to ORDER499."""
    with (
        fresh_database(postgres, owner=API_ROLE) as url,
        running_api(url, arguments=["--workers", "2"], orders=channel_orders(500)) as api,
    ):
        yield api


def workers(api: RunningApi) -> list[psutil.Process]:
    return psutil.Process(api.process.pid).children()


def wait_for_workers(api: RunningApi, count: int) -> None:
    deadline = time.monotonic() + 20
    while len([w for w in workers(api) if w.status() != psutil.STATUS_ZOMBIE]) != count:
        assert time.monotonic() < deadline, api.process.output()
        time.sleep(0.05)


def metric(api: RunningApi, line: str) -> float:
    text = httpx.get(f"{api.base_url}/metrics").text
    found = re.search(rf"^{re.escape(line)} (\S+)$", text, flags=re.MULTILINE)
    return float(found.group(1)) if found else 0.0


def test_what_was_answered_stays_when_workers_are_killed_and_others_take_their_place(service: RunningApi) -> None:
    answered: list[str] = []
    for number in range(60):
        if number % 20 == 10:
            workers(service)[0].kill()
        rows = [row(f"ORDER{number * 5 + place}", sales_amount=str(number)) for place in range(5)]
        try:
            answer = httpx.post(f"{service.base_url}/enrich/orders", headers=service.headers, content=body(*rows))
        except httpx.TransportError:
            continue  # the killed worker had it: not answered, so it may or may not be there
        assert answer.json()["accepted"] == 5
        answered += [f"ORDER{number * 5 + place}" for place in range(5)]

    wait_for_workers(service, 2)
    found = [order["order_id"] for order in get(service, limit=1000)]
    assert len(found) == len(set(found))
    assert set(answered) <= set(found)
    assert len(answered) >= 5 * 50


def test_whichever_worker_is_asked_tells_the_counts_of_all(service: RunningApi) -> None:
    for number in range(20):
        post(service, row(f"ORDER{number}"), row("UNKNOWN"))
    workers(service)[0].kill()
    wait_for_workers(service, 2)

    for _ in range(4):
        assert metric(service, 'enrich_api_requests_total{method="POST",status="200"}') == 20
        assert metric(service, 'enrich_api_orders_total{outcome="accepted"}') == 20
        assert metric(service, 'enrich_api_refused_orders_total{code="unknown_order"}') == 20
        assert metric(service, 'enrich_api_request_seconds_count{method="POST"}') == 20


def test_the_rate_limit_holds_over_all_workers(api_database: URL) -> None:
    arguments = ["--workers", "2", "--set", "requests_per_minute=50"]
    with running_api(api_database, arguments=arguments) as api:
        address = f"{api.base_url}/enrich/orders"
        statuses = [httpx.get(address, headers=api.headers, params=WINDOW).status_code for _ in range(60)]

    assert (statuses.count(200), statuses.count(429)) == (50, 10)


def test_it_stops_gracefully_with_all_its_workers(service: RunningApi) -> None:
    processes = workers(service)

    assert service.stop() == 0
    assert not [process for process in processes if process.is_running()]
    assert "Traceback" not in service.process.output()


def test_workers_do_not_outlive_their_parent(service: RunningApi) -> None:
    processes = workers(service)
    service.kill()

    gone, alive = psutil.wait_procs(processes, timeout=10)
    assert (len(gone), alive) == (2, [])
    service.restart()
    assert httpx.get(f"{service.base_url}/readyz").status_code == 200


def test_faults_need_one_process_that_counts_them(api_database: URL) -> None:
    spec = ServiceSpec(database_url=libpq_url(api_database), arguments=["--workers", "2", "--fault", "500"])

    with pytest.raises(ServiceStartError, match="leave --workers at 1"):
        ServiceProcess(spec)
