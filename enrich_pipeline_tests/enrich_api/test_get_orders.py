"""What a GET shows: windows, order, limits, and what each profile shows before and after a refresh."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from enrich_pipeline_tests.enrich_api.wire import END, START, get, held, post, row
from enrich_pipeline_tests.support.api_server import RunningApi


def test_rows_come_by_time_and_then_by_id(full: RunningApi, order_ids: Callable[[int], list[str]]) -> None:
    ids = order_ids(3)
    late, early, early_too = ids
    post(
        full,
        row(late, order_timestamp="2025-03-01T00:00:01Z"),
        row(max(early, early_too), order_timestamp="2025-03-01T00:00:00Z"),
        row(min(early, early_too), order_timestamp="2025-03-01T00:00:00Z"),
    )

    shown = [found["order_id"] for found in get(full, start="2025-03-01T00:00:00Z", end="2025-03-01T00:00:01Z")]

    assert shown == [*sorted([early, early_too]), late]


def test_both_ends_of_the_window_belong_to_it(full: RunningApi, order_id: str) -> None:
    post(full, row(order_id, order_timestamp="2025-03-02T00:00:00.000001Z"))

    assert held(full, order_id, start="2025-03-02T00:00:00.000001Z", end="2025-03-02T00:00:00.000001Z") is not None
    assert held(full, order_id, start="2025-03-02T00:00:00Z", end="2025-03-02T00:00:00Z") is None
    assert held(full, order_id, start="2025-03-02T00:00:00.000002Z", end="2025-03-03T00:00:00Z") is None


def test_a_window_goes_by_the_posted_time_and_not_the_channels(full: RunningApi, order_id: str) -> None:
    post(full, row(order_id, order_timestamp="2025-04-01T10:00:00+02:00"))

    found = held(full, order_id, start="2025-04-01T08:00:00Z", end="2025-04-01T08:00:00Z")

    assert found is not None
    assert found["order_timestamp"] == "2025-04-01T08:00:00Z"
    assert held(full, order_id, start="2025-06-10T00:00:00Z", end="2025-06-11T00:00:00Z") is None


def test_an_order_that_was_never_posted_does_not_show(full: RunningApi, order_id: str) -> None:
    assert held(full, order_id) is None


def test_a_hundred_rows_come_when_no_limit_is_named(full: RunningApi, order_ids: Callable[[int], list[str]]) -> None:
    post(full, *(row(order_id, order_timestamp="2025-03-05T00:00:00Z") for order_id in order_ids(101)))
    window = {"start": "2025-03-05T00:00:00Z", "end": "2025-03-05T00:00:00Z"}

    assert len(get(full, **window)) == 100
    assert len(get(full, **window, limit=101)) == 101
    assert len(get(full, **window, limit=7)) == 7


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"start": START},
        {"start": START, "end": "2025-06-10T00:00:00"},
        {"start": "2025-06-10", "end": END},
        {"start": "2025-06-10T00:00:00+02:00".replace("+", " "), "end": END},
        {"start": END, "end": START},
        {"start": START, "end": END, "limit": "0"},
        {"start": START, "end": END, "limit": "1001"},
        {"start": START, "end": END, "limit": "ten"},
        {"start": START, "end": END, "limit": "-1"},
        {"start": START, "end": END, "limit": "1e2"},
        {"start": [START, START], "end": END},
    ],
)
def test_a_wrong_parameter_is_a_422(full: RunningApi, query: dict[str, str]) -> None:
    answer = httpx.get(f"{full.base_url}/enrich/orders", headers=full.headers, params=query)

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_parameter")


def test_the_minimal_profile_shows_a_row_only_after_the_refresh(minimal: RunningApi, order_id: str) -> None:
    post(minimal, row(order_id))
    assert held(minimal, order_id, start="2025-06-10T20:19:00Z", end="2025-06-10T20:19:00Z") is None

    minimal.refresh()

    found = held(minimal, order_id, start="2025-06-10T20:19:00Z", end="2025-06-10T20:19:00Z")
    assert found is not None
    assert found.keys() == {"order_id", "order_timestamp", "sales_amount", "profit_amount", "currency"}


def test_until_the_refresh_the_minimal_profile_shows_the_row_as_of_the_one_before(
    minimal: RunningApi, order_id: str
) -> None:
    march, april = "2025-03-01T00:00:00Z", "2025-04-01T00:00:00Z"
    post(minimal, row(order_id, sales_amount="1", order_timestamp=march))
    minimal.refresh()
    post(minimal, row(order_id, sales_amount="2", order_timestamp=march))
    post(minimal, row(order_id, sales_amount="3", order_timestamp=april, currency='"EUR"'))

    before = held(minimal, order_id, start=march, end=march)
    assert before is not None
    assert (before["sales_amount"], before["currency"]) == (1, "USD")
    assert held(minimal, order_id, start=april, end=april) is None

    post(minimal, row(order_id, sales_amount="4", order_timestamp=march))
    assert held(minimal, order_id, start=march, end=march) == before

    minimal.refresh()
    after = held(minimal, order_id, start=march, end=march)
    assert after is not None
    assert (after["sales_amount"], after["currency"]) == (4, "USD")


def test_the_minimal_profile_knows_seconds_only(minimal: RunningApi, order_id: str) -> None:
    post(minimal, row(order_id, order_timestamp="2025-03-07T00:00:00.999Z"))
    minimal.refresh()

    found = held(minimal, order_id, start="2025-03-07T00:00:00.5Z", end="2025-03-07T00:00:00.6Z")

    assert found is not None
    assert found["order_timestamp"] == "2025-03-07T00:00:00Z"


def test_the_minimal_profile_returns_at_most_a_hundred_rows(minimal: RunningApi) -> None:
    query = {"start": START, "end": END, "limit": "101"}

    assert httpx.get(f"{minimal.base_url}/enrich/orders", headers=minimal.headers, params=query).status_code == 422
