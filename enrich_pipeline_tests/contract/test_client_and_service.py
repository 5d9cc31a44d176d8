"""What the client relies on and the service promises, tried between the two in each profile."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from enrich_pipeline.domain.contract import MINIMAL, floor_instant
from enrich_pipeline.domain.payloads import MAX_ID_CHARACTERS, batch_body, encode_payload
from enrich_pipeline.domain.windows import Unverifiable, Window, plan_windows
from enrich_pipeline.enrich_api.profiles import PROFILES
from enrich_pipeline.enrich_client import AuthenticationError, PayloadTooLarge, RateLimited, Unprocessable, read_day
from enrich_pipeline.warehouse.embedded import API_ROLE
from enrich_pipeline_tests.contract.conftest import NOW, connect
from enrich_pipeline_tests.support.api_server import running_api
from enrich_pipeline_tests.support.databases import fresh_database

DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def held_on(vendor, start, end=None):
    vendor.show_posted()
    end = end or start + DAY
    return vendor.client.get_orders(start, end, vendor.profile.max_get_limit).orders


def test_client_and_service_agree_on_every_setting_of_the_profile(vendor):
    ours, theirs = vendor.profile, PROFILES[vendor.profile.name]
    assert ours.post_answers_row_errors == (theirs.post_answer == "report")
    assert ours.get_rows_carry_status == (theirs.get_row == "status")
    assert ours.shows_rows == theirs.shown
    assert ours.max_batch_orders == theirs.largest_batch
    assert ours.max_body_bytes == theirs.largest_body_bytes
    assert ours.takes_gzip == theirs.gzip
    assert ours.max_get_limit == theirs.largest_limit
    assert ours.end_inclusive == theirs.end_inclusive
    assert ours.timestamp_precision == theirs.precision
    assert ours.requests_per_minute == theirs.requests_per_minute
    assert ours.refresh_time == theirs.refresh_at


@pytest.mark.parametrize(
    ("sales", "profit"),
    [("269.94", "-65.40"), ("0.00", "0.00"), ("1000", "0.001"), ("0.1000000000000000", "-99999999999999999.99")],
)
def test_what_is_posted_is_held_to_the_last_digit(vendor, payload, sales, profit):
    day = vendor.own_day()
    sent = payload(day + HOUR, sales=sales, profit=profit)
    answer = vendor.post(sent)
    (held,) = held_on(vendor, day)

    assert answer.accepted == (1 if vendor.profile.post_answers_row_errors else None)
    assert (held.order_id, held.order_timestamp, held.currency) == (sent.order_id, sent.order_timestamp, "USD")
    assert (str(held.sales_amount), str(held.profit_amount)) == (sales, profit)


def test_what_is_posted_and_read_compressed_is_the_same(vendor, payload):
    day = vendor.own_day()
    sent = payload(day + HOUR)
    with connect(vendor.api, vendor.profile, gzip=True) as client:
        client.post_orders(batch_body([encode_payload(sent, vendor.profile.timestamp_precision)]), order_count=1)
        vendor.show_posted()
        (held,) = client.get_orders(day, day + DAY, 10).orders
    assert (held.order_id, held.sales_amount, held.profit_amount) == (
        sent.order_id,
        sent.sales_amount,
        sent.profit_amount,
    )


def test_rows_show_at_once_or_after_the_refresh_as_the_profile_says(vendor, payload):
    day = vendor.own_day()
    vendor.post(payload(day))
    at_once = vendor.client.get_orders(day, day + DAY, 10).orders
    vendor.api.refresh()
    refreshed = vendor.client.get_orders(day, day + DAY, 10).orders

    assert len(at_once) == (1 if vendor.profile.shows_rows == "at_once" else 0)
    assert len(refreshed) == 1
    if vendor.profile.get_rows_carry_status:
        assert (at_once[0].status, refreshed[0].status) == ("pending", "applied")
        assert refreshed[0].original_sales_amount == Decimal("300.00")
        assert refreshed[0].created_at.tzinfo is not None
    else:
        assert (refreshed[0].status, refreshed[0].original_sales_amount, refreshed[0].created_at) == (None, None, None)


def test_replaying_a_batch_changes_nothing_and_the_last_write_wins(vendor, payload):
    day = vendor.own_day()
    first = payload(day)
    for sent in (first, first, replace(first, sales_amount=Decimal("1.00"))):
        vendor.post(sent)
    (held,) = held_on(vendor, day)
    assert held.sales_amount == Decimal("1.00")


def test_times_are_kept_at_the_profiles_precision(vendor, payload):
    day = vendor.own_day()
    late = day + DAY - timedelta(microseconds=1)
    vendor.post(payload(late))
    (held,) = held_on(vendor, day, day + DAY - vendor.profile.tick)
    assert held.order_timestamp == floor_instant(late, vendor.profile.timestamp_precision)


def test_the_end_belongs_to_the_window_as_the_profile_says(vendor, payload):
    day = vendor.own_day()
    vendor.post(payload(day), payload(day + HOUR), payload(day + HOUR + vendor.profile.tick))
    assert len(held_on(vendor, day, day + HOUR)) == (2 if vendor.profile.end_inclusive else 1)


def test_rows_come_in_the_order_of_time_and_id_and_no_more_than_the_limit(vendor, payload):
    day = vendor.own_day()
    early, late = payload(day), payload(day + HOUR)
    twins = [replace(payload(day + HOUR), order_id=id_) for id_ in sorted(vendor.know(2))]
    vendor.post(late, *twins, early)
    ids = [order.order_id for order in held_on(vendor, day)]
    assert ids == [early.order_id, *sorted([late.order_id, *(twin.order_id for twin in twins)])]
    assert [order.order_id for order in vendor.client.get_orders(day, day + DAY, 2).orders] == ids[:2]


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("unknown_order", ('"order_id":"', '"order_id":"unknown-')),
        ("invalid_id", ('"order_id":"', '"order_id":" ')),
        ("invalid_amount", ("269.94", '"269.94"')),
        ("invalid_amount", ("-65.40", "null")),
        ("invalid_timestamp", ("Z", "")),
        ("invalid_currency", ("USD", "XXQ")),
    ],
)
def test_a_bad_row_is_refused_by_its_code_and_never_fails_its_neighbour(vendor, payload, code, change):
    day = vendor.own_day()
    precision = vendor.profile.timestamp_precision
    good, bad = payload(day), encode_payload(payload(day), precision).replace(*change)
    answer = vendor.post_texts([bad, encode_payload(good, precision)])

    assert [order.order_id for order in held_on(vendor, day)] == [good.order_id]
    if vendor.profile.post_answers_row_errors:
        assert answer.accepted == 1
        assert [(error.index, error.code) for error in answer.row_errors] == [(0, code)]
    else:
        assert (answer.accepted, answer.row_errors) == (None, ())


def test_an_order_twice_in_a_request_is_refused_twice(vendor, payload):
    day = vendor.own_day()
    sent = payload(day)
    answer = vendor.post(sent, replace(sent, sales_amount=Decimal("1.00")))
    assert held_on(vendor, day) == []
    if vendor.profile.post_answers_row_errors:
        assert [(error.index, error.code) for error in answer.row_errors] == [
            (0, "duplicate_in_request"),
            (1, "duplicate_in_request"),
        ]


def test_the_largest_batch_of_the_longest_payloads_is_taken(vendor, payload):
    worst = payload(
        NOW.replace(microsecond=1),
        order_id="x",
        sales="9" * 20 + "." + "9" * 18,
        profit="-" + "9" * 20 + "." + "9" * 18,
    )
    texts = [
        encode_payload(replace(worst, order_id=f"{number:03}".rjust(MAX_ID_CHARACTERS, "😀")), "microsecond")
        for number in range(vendor.profile.max_batch_orders)
    ]
    answer = vendor.post_texts(texts)
    if vendor.profile.post_answers_row_errors:
        assert Counter(error.code for error in answer.row_errors) == {"unknown_order": len(texts)}


def test_one_order_more_than_the_largest_batch_is_refused_as_too_large(vendor, payload):
    text = encode_payload(payload(NOW), "second")
    with pytest.raises(PayloadTooLarge) as caught:
        vendor.post_texts([text] * (vendor.profile.max_batch_orders + 1))
    assert caught.value.code == "too_many_orders"
    assert caught.value.request_id


def test_a_limit_beyond_the_profiles_is_refused(vendor):
    with pytest.raises(Unprocessable):
        vendor.client.get_orders(NOW, NOW + DAY, vendor.profile.max_get_limit + 1)


def test_a_wrong_envelope_is_refused_as_such(vendor):
    with pytest.raises(Unprocessable, match="invalid_envelope"):
        vendor.client.post_orders(b'{"rows":[]}', order_count=0)


def test_a_wrong_key_is_refused_with_the_place_to_set_it(vendor):
    with (
        connect(vendor.api, vendor.profile, key="wrong") as client,
        pytest.raises(AuthenticationError, match="WORKMAGIC_API_KEY") as caught,
    ):
        client.get_orders(NOW, NOW + DAY, 1)
    assert caught.value.status == 401


@pytest.mark.parametrize("concurrency", [1, 3])
def test_a_day_is_read_back_whole_whether_it_was_planned_for_or_not(vendor, payload, concurrency):
    day = vendor.own_day()
    batch, template = vendor.profile.max_batch_orders, payload(day)
    # A clump every quarter of an hour: many orders an instant, fewer than the limit.
    sent = [
        replace(template, order_id=id_, order_timestamp=day + timedelta(minutes=15 * (number // 30)))
        for number, id_ in enumerate(vendor.know(1500))
    ]
    for first in range(0, len(sent), batch):
        vendor.post(*sent[first : first + batch])
    vendor.show_posted()
    planned = plan_windows([order.order_timestamp for order in sent], start=day, end=day + DAY, profile=vendor.profile)
    for windows, may_split in ((list(planned), False), ([Window(day, day + DAY)], True)):
        reading = read_day(vendor.client, windows, concurrency=concurrency)
        read = [(order.order_id, order.order_timestamp) for orders in reading for order in orders]
        assert Counter(read) == Counter((order.order_id, order.order_timestamp) for order in sent)
        assert bool(reading.summary.splits) == may_split
        assert reading.summary.unverifiable == []


def test_more_orders_at_one_instant_than_the_limit_are_reported(vendor, payload):
    day, limit = vendor.own_day(), 5
    template = payload(day + HOUR)
    vendor.post(*(replace(template, order_id=id_) for id_ in vendor.know(limit + 1)))
    vendor.show_posted()
    reading = read_day(vendor.client, [Window(day, day + DAY)], limit=limit)
    assert sum(len(orders) for orders in reading) == limit
    assert reading.summary.unverifiable == [Unverifiable(day + HOUR, limit)]


def test_the_minimal_vendors_rate_limit_says_how_long_to_wait(postgres):
    with (
        fresh_database(postgres, owner=API_ROLE) as url,
        running_api(url, profile="minimal", now=NOW) as api,
        connect(api, MINIMAL) as client,
    ):
        for _ in range(MINIMAL.requests_per_minute):
            client.get_orders(NOW, NOW, 1)
        with pytest.raises(RateLimited) as caught:
            client.get_orders(NOW, NOW, 1)
    assert 1 <= int(caught.value.retry_after) <= 60
    assert caught.value.outcome_known
