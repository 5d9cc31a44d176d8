"""Which rows are good, which are not and why: rules without a server."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrich_pipeline.enrich_api import posted_rows
from enrich_pipeline.enrich_api.posted_rows import PostedRows, read_rows
from enrich_pipeline.enrich_api.problems import Problem
from enrich_pipeline_tests.enrich_api.wire import body, row

amounts = st.decimals(
    min_value=Decimal(-(10**14)), max_value=Decimal(10**14), allow_nan=False, allow_infinity=False, places=6
)


def read(*rows: str) -> PostedRows:
    return read_rows(body(*rows), largest_batch=1000)


def code_of(one_row: str) -> str:
    [error] = read(one_row).errors
    return error.code


@given(st.lists(st.tuples(amounts, amounts), max_size=20))
def test_amounts_keep_every_digit_as_it_was_written(pairs: list[tuple[Decimal, Decimal]]) -> None:
    rows = [row(f"A{i}", sales_amount=f"{s:f}", profit_amount=f"{p:f}") for i, (s, p) in enumerate(pairs)]

    good = read(*rows).good

    assert [(Decimal(bytes(r.sales_amount).decode()), Decimal(bytes(r.profit_amount).decode())) for r in good] == pairs


@pytest.mark.parametrize("amount", ["0", "-0.00", "0.005", "-65.40", "1e2", "1.5E-3", "12345678901234567890"])
def test_any_json_number_within_the_limits_is_an_amount(amount: str) -> None:
    assert not read(row("A", sales_amount=amount)).errors


@pytest.mark.parametrize(
    "amount",
    [
        '"269.94"',
        "null",
        "true",
        "[1]",
        "{}",
        '""',
        '"NaN"',
        "1e20",
        "1e-19",
        "123456789012345678901",
        "1e999999999999",
    ],
)
def test_anything_else_is_an_invalid_amount(amount: str) -> None:
    assert code_of(row("A", sales_amount=amount)) == "invalid_amount"
    assert code_of(row("A", profit_amount=amount)) == "invalid_amount"


@pytest.mark.parametrize("order_id", ["", " A", "A ", "A\n", "\tA", "A\x00B", "A\x7fB", "A\x85B", "x" * 256, "\u00a0A"])
def test_an_id_that_is_empty_too_long_or_padded_is_invalid(order_id: str) -> None:
    assert code_of(row(order_id)) == "invalid_id"


@pytest.mark.parametrize(
    "order_id", ["A", "x" * 255, "#1001", "A B", 'A"B', "A\\B", "{A,B}", "NULL", "größe", "注文1", "A\u00a0B"]
)
def test_any_other_text_is_an_id(order_id: str) -> None:
    assert [r.order_id for r in read(row(order_id)).good] == [order_id]


@pytest.mark.parametrize(
    "timestamp",
    [
        "2025-06-10T20:19:00",
        "2025-06-10",
        "yesterday",
        "",
        "2025-02-30T00:00:00Z",
        "2025-06-10T24:00:00Z",
        "2025-06-10T20:19:60Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "1749586740",
    ],
)
def test_a_time_without_an_offset_or_off_the_calendar_is_an_invalid_timestamp(timestamp: str) -> None:
    assert code_of(row("A", order_timestamp=timestamp)) == "invalid_timestamp"


@pytest.mark.parametrize("currency", ['"usd"', '"US"', '""', "null", "840", '"DOLLAR"', '"ZZZ"'])
def test_a_currency_that_iso_4217_does_not_list_is_invalid(currency: str) -> None:
    assert code_of(row("A", currency=currency)) == "invalid_currency"


def test_a_row_without_a_currency_is_in_dollars() -> None:
    assert [r.currency for r in read(row("A", currency=None)).good] == ["USD"]


@pytest.mark.parametrize("field", ["order_id", "order_timestamp", "sales_amount", "profit_amount"])
def test_a_missing_field_is_the_fields_own_error(field: str) -> None:
    fields = json.loads(row("A"))
    del fields[field]
    expected = {"order_id": "invalid_id", "order_timestamp": "invalid_timestamp"}.get(field, "invalid_amount")

    assert code_of(json.dumps(fields)) == expected


@pytest.mark.parametrize("not_an_object", ["5", "null", "[]", '"A"', "true"])
def test_an_element_that_is_no_object_refuses_the_request(not_an_object: str) -> None:
    with pytest.raises(Problem, match="element 1 of orders is no object") as caught:
        read(row("A"), not_an_object, row("B"))
    assert (caught.value.status, caught.value.code) == (422, "invalid_envelope")


def test_a_bad_row_fails_alone() -> None:
    rows = read(row("A"), "{}", row("B"))

    assert [(e.index, e.order_id, e.code) for e in rows.errors] == [(1, None, "invalid_id")]
    assert [(r.order_id, place) for r, place in zip(rows.good, rows.positions, strict=True)] == [("A", 0), ("B", 2)]


@pytest.mark.parametrize(
    "ambiguous",
    [
        body(row("A")[:-1] + ',"sales_amount":1}'),
        body(row("A"), row("B")[:-1] + ',"currency":"EUR"}'),
        body(row("A", currency=None), row("B")[:-1] + ',"currency":"EUR"}'),
        body(row("A")[:-1] + r',"sales\u005famount":1}'),
        body(row("A")[:-1] + ',"note":{"a":1,"a":2}}'),
        b'{"orders":[],"orders":[]}',
        # As many names as rows, and still not one in each.
        body(row("A")[:-1] + ',"sales_amount":1}', row("B").replace("sales_amount", r"sales\u005famount")),
    ],
)
def test_a_name_twice_in_one_object_refuses_the_request(ambiguous: bytes) -> None:
    with pytest.raises(Problem) as caught:
        read_rows(ambiguous, largest_batch=10)
    assert (caught.value.status, caught.value.code) == (422, "repeated_name")


@pytest.mark.parametrize("inside", ['{"orders":[{"order_id":%s}]}', '{"orders":%s}', "%s"])
def test_a_body_nested_too_deeply_is_a_400(inside: str) -> None:
    with pytest.raises(Problem) as caught:
        read_rows((inside % ("[" * 100_000 + "]" * 100_000)).encode(), largest_batch=10)
    assert (caught.value.status, caught.value.code) == (400, "too_deep")


def test_an_id_twice_in_a_request_refuses_every_copy() -> None:
    rows = read(row("A"), row("B"), row("A", sales_amount="1"))

    assert [(e.index, e.code) for e in rows.errors] == [(0, "duplicate_in_request"), (2, "duplicate_in_request")]
    assert [r.order_id for r in rows.good] == ["B"]


def test_a_bad_copy_does_not_make_a_good_one_a_duplicate() -> None:
    rows = read(row("A"), row("A", sales_amount="null"))

    assert [(e.index, e.code) for e in rows.errors] == [(1, "invalid_amount")]
    assert [r.order_id for r in rows.good] == ["A"]


def test_fields_that_the_contract_does_not_name_are_ignored() -> None:
    assert not read(row("A")[:-1] + ',"note":{"a":[1,2]}}').errors


_json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
_good_values = {
    "order_id": st.sampled_from(["A", "B", "C"]) | st.text(min_size=1, max_size=4),
    "order_timestamp": st.just("2025-06-10T20:19:00Z"),
    "sales_amount": st.integers(-5, 5),
    "profit_amount": st.integers(-5, 5),
    "currency": st.sampled_from(["USD", "EUR"]),
}
_rows = st.fixed_dictionaries({name: good | _json_values for name, good in _good_values.items()})


@given(st.lists(_rows, max_size=6))
def test_both_ways_of_reading_agree_on_every_row(rows: list[object]) -> None:
    encoded = json.dumps({"orders": rows}).encode()
    fast = posted_rows._read_fast(encoded)
    careful = posted_rows._read_carefully(encoded)

    assert careful.received == len(rows) == len(careful.good) + len(careful.errors)
    assert sorted([*careful.positions, *(e.index for e in careful.errors)]) == list(range(len(rows)))
    if fast is not None:
        assert careful.errors == []
        assert careful.good == fast.good


@pytest.mark.parametrize(
    "not_json", [b"", b"{", b'{"orders":[}', b"\xff", b'{"orders":[NaN]}', b'{"orders":[1]} x', b"orders=1"]
)
def test_a_body_that_is_no_json_is_a_400(not_json: bytes) -> None:
    with pytest.raises(Problem) as caught:
        read_rows(not_json, largest_batch=10)
    assert (caught.value.status, caught.value.code) == (400, "not_json")


@pytest.mark.parametrize(
    "envelope",
    [
        b"{}",
        b"[]",
        b"null",
        b'{"orders":{}}',
        b'{"orders":null}',
        b'{"Orders":[]}',
        b'"orders"',
        b'{"orders":[],"x":1}',
    ],
)
def test_another_envelope_is_a_422(envelope: bytes) -> None:
    with pytest.raises(Problem) as caught:
        read_rows(envelope, largest_batch=10)
    assert (caught.value.status, caught.value.code) == (422, "invalid_envelope")


def test_more_rows_than_the_profile_takes_is_a_413() -> None:
    with pytest.raises(Problem) as caught:
        read_rows(body(row("A"), row("B"), row("C")), largest_batch=2)
    assert (caught.value.status, caught.value.code) == (413, "too_many_orders")
