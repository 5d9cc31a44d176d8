"""What a POST stores and answers, over real HTTP."""

from __future__ import annotations

import threading
from collections.abc import Callable
from decimal import Decimal

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enrich_pipeline_tests.enrich_api.wire import body, codes, get, held, post, row
from enrich_pipeline_tests.support.api_server import RunningApi


def test_a_report_counts_every_row(full: RunningApi, order_ids: Callable[[int], list[str]]) -> None:
    first, second = order_ids(2)

    answer = post(full, row(first), row("NOT-AN-ORDER"), row(second, sales_amount='"1"'))

    assert answer.keys() == {"request_id", "received", "accepted", "rejected", "errors"}
    assert (answer["received"], answer["accepted"], answer["rejected"]) == (3, 1, 2)
    assert codes(answer) == [(1, "unknown_order"), (2, "invalid_amount")]
    assert [error["order_id"] for error in answer["errors"]] == ["NOT-AN-ORDER", second]


def test_the_request_id_stands_in_the_report_and_in_the_headers(full: RunningApi, order_id: str) -> None:
    answer = httpx.post(f"{full.base_url}/enrich/orders", headers=full.headers, content=body(row(order_id)))

    assert answer.headers["x-request-id"] == answer.json()["request_id"]


def test_a_posted_row_shows_at_once_as_pending(full: RunningApi, order_id: str) -> None:
    post(full, row(order_id))

    found = held(full, order_id)

    assert found is not None
    assert found.pop("created_at") == found.pop("updated_at")
    assert found == {
        "order_id": order_id,
        "order_timestamp": "2025-06-10T20:19:00Z",
        "sales_amount": Decimal("269.94"),
        "profit_amount": Decimal("-65.40"),
        "currency": "USD",
        "status": "pending",
        "original_sales_amount": Decimal("300.00"),
        "original_profit_amount": Decimal("120.00"),
    }


@settings(max_examples=25, deadline=None)
@given(
    sales=st.decimals(min_value=-(10**12), max_value=10**12, allow_nan=False, allow_infinity=False, places=4),
    profit=st.decimals(min_value=-(10**12), max_value=10**12, allow_nan=False, allow_infinity=False, places=2),
)
def test_amounts_come_back_to_the_last_decimal(full: RunningApi, sales: Decimal, profit: Decimal) -> None:
    post(full, row("ORDER999", sales_amount=f"{sales:f}", profit_amount=f"{profit:f}"))

    found = held(full, "ORDER999")

    assert found is not None
    assert (found["sales_amount"], found["profit_amount"]) == (sales, profit)


def test_zero_is_a_value(full: RunningApi, order_id: str) -> None:
    post(full, row(order_id, sales_amount="5", profit_amount="1"))
    post(full, row(order_id, sales_amount="0", profit_amount="0"))

    found = held(full, order_id)

    assert found is not None
    assert (found["sales_amount"], found["profit_amount"]) == (0, 0)


def test_the_last_write_wins(full: RunningApi, order_id: str) -> None:
    post(full, row(order_id, sales_amount="1"))
    first = held(full, order_id)
    post(full, row(order_id, sales_amount="2", order_timestamp="2025-06-11T00:00:00Z", currency='"EUR"'))
    second = held(full, order_id)

    assert first is not None
    assert second is not None
    assert (second["sales_amount"], second["currency"]) == (2, "EUR")
    assert second["order_timestamp"] == "2025-06-11T00:00:00Z"
    assert second["created_at"] == first["created_at"]
    assert second["updated_at"] > first["updated_at"]


def test_a_replayed_request_changes_nothing(full: RunningApi, order_ids: Callable[[int], list[str]]) -> None:
    rows = [row(order_id) for order_id in order_ids(3)]
    first = post(full, *rows)
    before = get(full, limit=1000)
    second = post(full, *rows)

    assert get(full, limit=1000) == before
    assert (first["accepted"], second["accepted"]) == (3, 3)


def test_an_amount_written_otherwise_but_equal_is_the_same_content(full: RunningApi, order_id: str) -> None:
    post(full, row(order_id, sales_amount="10", order_timestamp="2025-06-10T20:19:00Z"))
    before = held(full, order_id)
    post(full, row(order_id, sales_amount="1.0e1", order_timestamp="2025-06-10T22:19:00+02:00"))

    assert held(full, order_id) == before


def test_a_replaced_row_of_an_unknown_order_is_told_apart_from_a_replay(full: RunningApi, order_id: str) -> None:
    post(full, row(order_id))

    assert codes(post(full, row("NEVER-SEEN"), row(order_id))) == [(0, "unknown_order")]


def test_an_order_is_known_as_soon_as_the_channel_reports_it(full: RunningApi) -> None:
    assert codes(post(full, row("LATE-1"))) == [(0, "unknown_order")]
    full.import_orders([("LATE-1", None, None, None, None)])
    assert codes(post(full, row("LATE-1"))) == []

    found = held(full, "LATE-1")
    assert found is not None
    assert found["original_sales_amount"] is None


def test_two_copies_of_an_order_in_a_request_store_neither(full: RunningApi, order_id: str) -> None:
    answer = post(full, row(order_id, sales_amount="1"), row(order_id, sales_amount="2"))

    assert codes(answer) == [(0, "duplicate_in_request"), (1, "duplicate_in_request")]
    assert held(full, order_id) is None


@pytest.mark.parametrize("order_id", ['A"B', "A\\B", "{A,B}", "NULL", "größe", "注文1", "it's", "%s", "a b"])
def test_any_text_can_be_an_order_id(full: RunningApi, order_id: str) -> None:
    full.import_orders([(order_id, None, "USD", 1, 1)])

    assert codes(post(full, row(order_id))) == []
    assert held(full, order_id) is not None


def test_an_empty_batch_is_a_batch(full: RunningApi) -> None:
    assert post(full)["received"] == 0


def test_the_largest_batch_is_accepted_and_one_more_is_not(full: RunningApi) -> None:
    rows = [row(f"LARGE{number}") for number in range(1001)]

    assert post(full, *rows[:1000])["rejected"] == 1000
    answer = httpx.post(f"{full.base_url}/enrich/orders", headers=full.headers, content=body(*rows))
    assert (answer.status_code, answer.json()["code"]) == (413, "too_many_orders")


def test_the_minimal_profile_answers_with_an_empty_object(minimal: RunningApi, order_id: str) -> None:
    assert post(minimal, row(order_id), row("NOT-AN-ORDER"), "{}") == {}


def test_the_minimal_profile_takes_smaller_batches(minimal: RunningApi) -> None:
    rows = [row(f"LARGE{number}") for number in range(501)]

    answer = httpx.post(f"{minimal.base_url}/enrich/orders", headers=minimal.headers, content=body(*rows))
    assert answer.status_code == 413


def test_concurrent_posts_of_the_same_orders_all_succeed(
    full: RunningApi, order_ids: Callable[[int], list[str]]
) -> None:
    ids = order_ids(40)
    failures: list[BaseException] = []

    def write(sales_amount: int) -> None:
        order = ids if sales_amount % 2 else list(reversed(ids))
        try:
            for _ in range(5):
                post(full, *(row(order_id, sales_amount=str(sales_amount)) for order_id in order))
        except BaseException as error:
            failures.append(error)

    writers = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()

    assert failures == []
    amounts = {found["sales_amount"] for found in get(full, limit=1000) if found["order_id"] in set(ids)}
    assert amounts <= {0, 1, 2, 3}
