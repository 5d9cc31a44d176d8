import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrich_pipeline.domain.payloads import (
    LARGEST_PAYLOAD_BYTES,
    MAX_AMOUNT_CHARACTERS,
    MAX_ID_CHARACTERS,
    Payload,
    batch_body,
    encode_payload,
    format_amount,
    format_timestamp,
    largest_body_bytes,
)

GUIDE = Payload(
    order_id="ORDER12345",
    order_timestamp=datetime(2025, 6, 10, 20, 19, tzinfo=UTC),
    sales_amount=Decimal("269.94"),
    profit_amount=Decimal("-65.40"),
    currency="USD",
)

valid_ids = st.text(
    st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=MAX_ID_CHARACTERS
)  # no control characters
amounts = st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**30), max_value=10**30)
instants = st.datetimes(
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=-7)), timezone(timedelta(minutes=345))])
)
payloads = st.builds(
    Payload,
    order_id=valid_ids,
    order_timestamp=instants.filter(lambda instant: 2 <= instant.year <= 9998),
    sales_amount=amounts,
    profit_amount=amounts,
    currency=st.sampled_from(["USD", "JPY", "KWD"]),
)


def test_the_guides_example_is_encoded_to_the_byte():
    assert encode_payload(GUIDE, "microsecond") == (
        '{"order_id":"ORDER12345","order_timestamp":"2025-06-10T20:19:00Z",'
        '"sales_amount":269.94,"profit_amount":-65.40,"currency":"USD"}'
    )


def test_a_batch_is_the_envelope_around_its_payloads_in_their_order():
    assert batch_body(['{"a":1}', '{"b":2}']) == b'{"orders":[{"a":1},{"b":2}]}'
    assert batch_body([]) == b'{"orders":[]}'


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("0.00", "0.00"),
        ("-0.00", "0.00"),
        ("1E+3", "1000"),
        ("1E-7", "0.0000001"),
        ("-65.40", "-65.40"),
        ("0.1000000000000000055511151231257827", "0.1000000000000000055511151231257827"),
    ],
)
def test_an_amount_is_printed_in_plain_digits_and_keeps_its_decimals(amount, text):
    assert format_amount(Decimal(amount)) == text


@pytest.mark.parametrize("amount", ["NaN", "sNaN", "Infinity", "-Infinity", "1E+400"])
def test_what_is_no_amount_of_money_is_never_printed(amount):
    with pytest.raises(ValueError, match="amount"):
        format_amount(Decimal(amount))


@pytest.mark.parametrize(
    ("precision", "text"), [("microsecond", "2025-06-11T03:18:59.987654Z"), ("second", "2025-06-11T03:18:59Z")]
)
def test_a_timestamp_is_sent_in_utc_and_cut_to_the_vendors_precision(precision, text):
    local = datetime(2025, 6, 10, 20, 18, 59, 987_654, tzinfo=timezone(timedelta(hours=-7)))
    assert format_timestamp(local, precision) == text


def test_a_timestamp_without_a_zone_is_refused():
    with pytest.raises(ValueError, match="no time zone"):
        format_timestamp(datetime(2025, 6, 10), "second")  # noqa: DTZ001  # the point of the test


@pytest.mark.parametrize("order_id", ['a"b', "a\\b", "órden-😀", "/slash", "a\u2028b"])
def test_an_id_survives_json(order_id):
    assert json.loads(encode_payload(replace(GUIDE, order_id=order_id), "second"))["order_id"] == order_id


@given(payload=payloads)
def test_every_value_survives_the_encoding_exactly(payload):
    decoded = json.loads(encode_payload(payload, "microsecond"), parse_float=Decimal, parse_int=Decimal)
    assert decoded["order_id"] == payload.order_id
    assert datetime.fromisoformat(decoded["order_timestamp"]) == payload.order_timestamp
    assert decoded["sales_amount"] == payload.sales_amount
    assert decoded["profit_amount"] == payload.profit_amount
    assert decoded["currency"] == payload.currency


@given(payload=payloads)
def test_no_valid_payload_exceeds_the_size_that_batches_are_planned_with(payload):
    assert len(encode_payload(payload, "microsecond").encode()) <= LARGEST_PAYLOAD_BYTES


def test_the_planned_size_is_reached_by_the_worst_payload_and_by_no_more():
    worst = Payload(
        order_id="😀" * MAX_ID_CHARACTERS,
        order_timestamp=datetime(2025, 6, 10, 20, 19, 0, 1, tzinfo=UTC),
        sales_amount=Decimal("9" * MAX_AMOUNT_CHARACTERS),
        profit_amount=Decimal("-" + "9" * (MAX_AMOUNT_CHARACTERS - 1)),
        currency="USD",
    )
    text = encode_payload(worst, "microsecond")
    assert len(text.encode()) == LARGEST_PAYLOAD_BYTES
    assert len(batch_body([text] * 7)) == largest_body_bytes(7) - 1  # one comma less than payloads


def test_an_id_may_have_255_characters():
    assert MAX_ID_CHARACTERS == 255


def test_an_amount_may_have_64_characters():
    assert format_amount(Decimal("9" * 64)) == "9" * 64
    with pytest.raises(ValueError, match="65 digits"):
        format_amount(Decimal("9" * 65))
