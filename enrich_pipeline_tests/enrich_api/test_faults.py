"""Faults on demand, over real connections: what the client sees, and what was stored."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import pytest
from sqlalchemy import URL

from enrich_pipeline.enrich_api.refresh import RefreshResult
from enrich_pipeline.warehouse.embedded import API_ROLE, EmbeddedPostgres
from enrich_pipeline_tests.enrich_api.conftest import NOW, channel_orders
from enrich_pipeline_tests.enrich_api.wire import END, START, body, get, held, post, row
from enrich_pipeline_tests.support.api_server import RunningApi, running_api
from enrich_pipeline_tests.support.databases import fresh_database


@pytest.fixture(scope="module")
def service(postgres: EmbeddedPostgres) -> Iterator[RunningApi]:
    with (
        fresh_database(postgres, owner=API_ROLE) as url,
        running_api(url, now=NOW, orders=channel_orders(1000), arguments=["--fault-control"]) as api,
    ):
        yield api


@pytest.fixture
def faulty(service: RunningApi) -> Iterator[RunningApi]:
    """The shared service; its faults end with the test."""
    yield service
    httpx.delete(f"{service.base_url}/admin/faults", headers=service.headers).raise_for_status()


def set_faults(api: RunningApi, *faults: str) -> list[dict[str, Any]]:
    answer = httpx.put(f"{api.base_url}/admin/faults", headers=api.headers, json={"faults": faults})
    assert answer.status_code == 200, answer.text
    return answer.json()["faults"]


def send(api: RunningApi, *rows: str) -> httpx.Response:
    return httpx.post(f"{api.base_url}/enrich/orders", headers=api.headers, content=body(*rows), timeout=5)


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_a_refusal_stores_nothing_and_ends_with_its_count(faulty: RunningApi, order_id: str, status: int) -> None:
    set_faults(faulty, f"{status},count=1")

    assert send(faulty, row(order_id)).status_code == status
    assert held(faulty, order_id) is None
    assert send(faulty, row(order_id)).status_code == 200
    assert held(faulty, order_id) is not None


def test_retry_after_is_seconds_or_a_date_or_missing(faulty: RunningApi) -> None:
    set_faults(faulty, "429:7")
    assert send(faulty).headers["retry-after"] == "7"
    set_faults(faulty, "429:date")
    assert parsedate_to_datetime(send(faulty).headers["retry-after"]) > datetime.now(UTC) - timedelta(seconds=5)
    set_faults(faulty, "429:none")
    assert "retry-after" not in send(faulty).headers


def test_latency_delays_the_answer(faulty: RunningApi) -> None:
    set_faults(faulty, "latency:0.3")

    assert send(faulty).elapsed > timedelta(seconds=0.3)


@pytest.mark.parametrize(
    ("fault", "error", "stored"),
    [
        ("reset-before-commit", httpx.ReadError, False),
        ("reset-after-commit", httpx.ReadError, True),
        ("cut-answer", httpx.RemoteProtocolError, True),
    ],
)
def test_a_broken_connection_stores_all_or_nothing(
    faulty: RunningApi, order_id: str, fault: str, error: type[Exception], stored: bool
) -> None:
    set_faults(faulty, f"{fault},method=POST")

    with pytest.raises(error):
        send(faulty, row(order_id))
    assert (held(faulty, order_id) is not None) == stored


def test_a_lost_answer_leaves_the_client_waiting_for_what_was_stored(faulty: RunningApi, order_id: str) -> None:
    set_faults(faulty, "lost-answer,method=POST")

    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{faulty.base_url}/enrich/orders", headers=faulty.headers, content=body(row(order_id)), timeout=1)
    assert held(faulty, order_id) is not None


def test_an_answer_may_be_no_json_or_another_shape(faulty: RunningApi, order_id: str) -> None:
    set_faults(faulty, "not-json,count=1")
    not_json = send(faulty, row(order_id))
    set_faults(faulty, "other-shape,count=1")
    other = send(faulty, row(order_id))

    assert (not_json.status_code, not_json.headers["content-type"].split(";")[0]) == (200, "text/html")
    assert (other.status_code, "accepted" in other.json()) == (200, False)


def test_a_200_may_have_stored_nothing_or_half(faulty: RunningApi) -> None:
    set_faults(faulty, "stores-nothing")
    assert post(faulty, *(row(f"ORDER{n}") for n in range(900, 904)))["accepted"] == 4
    assert held(faulty, "ORDER900") is None

    set_faults(faulty, "stores-half")
    answer = post(faulty, *(row(f"ORDER{n}") for n in range(900, 904)), row("NOT-AN-ORDER"))
    assert (answer["accepted"], answer["errors"][0]["index"]) == (4, 4)
    assert [held(faulty, f"ORDER{n}") is not None for n in range(900, 904)] == [True, False, True, False]


def test_values_may_be_zeroed_for_one_order(faulty: RunningApi) -> None:
    set_faults(faulty, "zeroed,order=ORDER911")
    post(faulty, row("ORDER910"), row("ORDER911"))

    untouched, zeroed = held(faulty, "ORDER910"), held(faulty, "ORDER911")
    assert untouched is not None
    assert zeroed is not None
    assert untouched["sales_amount"] != 0
    assert (zeroed["sales_amount"], zeroed["profit_amount"]) == (0, 0)


@pytest.mark.parametrize(
    ("shift", "expected"), [("America/New_York", "2025-06-11T00:19:00Z"), ("-2", "2025-06-10T18:19:00Z")]
)
def test_timestamps_may_be_shifted(faulty: RunningApi, order_id: str, shift: str, expected: str) -> None:
    set_faults(faulty, f"shifted:{shift}")
    post(faulty, row(order_id, order_timestamp="2025-06-10T20:19:00Z"))

    found = held(faulty, order_id)
    assert found is not None
    assert found["order_timestamp"] == expected


def test_a_get_may_leave_rows_out_or_list_them_twice(faulty: RunningApi) -> None:
    noon = "2025-02-03T12:00:00Z"
    ids = [f"ORDER{number}" for number in range(920, 924)]
    post(faulty, *(row(order_id, order_timestamp=noon) for order_id in ids))

    def shown() -> list[str]:
        return [found["order_id"] for found in get(faulty, start=noon, end=noon)]

    assert shown() == ids
    set_faults(faulty, "truncated")
    assert shown() == ids[:2]
    set_faults(faulty, f"truncated,order={ids[1]}")
    assert shown() == [ids[0], *ids[2:]]
    set_faults(faulty, f"duplicates,order={ids[3]}")
    assert shown() == [*ids, ids[3]]
    set_faults(faulty, "duplicates,count=1")
    assert shown() == [copy for order_id in ids for copy in (order_id, order_id)]
    assert shown() == ids


def test_a_refresh_may_not_come(faulty: RunningApi, order_id: str) -> None:
    faulty.refresh()
    post(faulty, row(order_id))
    set_faults(faulty, "no-refresh,count=1")

    assert faulty.refresh() == RefreshResult(applied=0, outside_window=0)
    pending = held(faulty, order_id)
    faulty.refresh()
    applied = held(faulty, order_id)

    assert pending is not None
    assert applied is not None
    assert (pending["status"], applied["status"]) == ("pending", "applied")


def test_faults_are_listed_with_how_often_they_struck(faulty: RunningApi) -> None:
    assert set_faults(faulty, "500,count=2", "no-refresh") == [
        {"fault": "500,count=2", "struck": 0},
        {"fault": "no-refresh", "struck": 0},
    ]
    send(faulty)

    listed = httpx.get(f"{faulty.base_url}/admin/faults", headers=faulty.headers).json()
    assert listed["faults"][0] == {"fault": "500,count=2", "struck": 1}


def test_wrong_faults_are_refused_and_change_nothing(faulty: RunningApi) -> None:
    set_faults(faulty, "500")
    for wrong in ({"faults": ["earthquake"]}, {"faults": "500"}, []):
        answer = httpx.put(f"{faulty.base_url}/admin/faults", headers=faulty.headers, json=wrong)
        assert answer.status_code == 422

    assert len(httpx.get(f"{faulty.base_url}/admin/faults", headers=faulty.headers).json()["faults"]) == 1


def test_faults_are_controlled_only_with_the_key(faulty: RunningApi) -> None:
    assert httpx.put(f"{faulty.base_url}/admin/faults", json={"faults": ["500"]}).status_code == 401


def test_faults_cannot_be_controlled_unless_that_was_allowed(full: RunningApi) -> None:
    assert httpx.get(f"{full.base_url}/admin/faults", headers=full.headers).status_code == 404


def test_faults_given_at_the_start_end_with_the_process(api_database: URL) -> None:
    arguments = ["--fault", "503:3,method=GET", "--fault", "no-refresh"]
    with running_api(api_database, now=NOW, orders=channel_orders(1), arguments=arguments) as api:
        post(api, row("ORDER0"))
        query = {"start": START, "end": END}
        refused = httpx.get(f"{api.base_url}/enrich/orders", headers=api.headers, params=query)
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "3")
        api.refresh()

        api.restart(arguments=[])
        found = held(api, "ORDER0")
        assert found is not None
        assert found["status"] == "pending"
        assert api.refresh() == RefreshResult(applied=1, outside_window=0)
