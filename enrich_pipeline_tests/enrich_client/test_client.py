import logging
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from enrich_pipeline.domain.contract import FULL, MINIMAL
from enrich_pipeline.enrich_client import (
    ApiStatusError,
    MalformedAnswer,
    PayloadTooLarge,
    RateLimited,
    RowError,
    ServerError,
    Unprocessable,
)
from enrich_pipeline_tests.support.scripted_server import Reply, json_reply
from enrich_pipeline_tests.support.still_clock import StillClock

START = datetime(2025, 6, 10, tzinfo=UTC)
END = START + timedelta(days=1)


def report(*, received=2, accepted=2, rejected=0, errors=(), **more):
    return {
        "request_id": "req-7",
        "received": received,
        "accepted": accepted,
        "rejected": rejected,
        "errors": list(errors),
        **more,
    }


def refusal(index, code="unknown_order"):
    return {"index": index, "order_id": f"A{index}", "code": code, "message": "no such order"}


def row(order_id="A1", at="2025-06-10T20:19:00Z", sales="269.94", profit="-65.40", **more):
    """A GET row as JSON text: amounts are the digits as given."""
    fields = {"order_id": f'"{order_id}"', "order_timestamp": f'"{at}"', "sales_amount": sales, "profit_amount": profit}
    fields |= {"currency": '"USD"', "status": '"pending"', **more}
    return "{" + ",".join(f'"{name}":{value}' for name, value in fields.items() if value is not None) + "}"


def listing(*rows):
    return Reply(body=f'{{"orders":[{",".join(rows)}]}}'.encode())


def post(client, order_count=2):
    return client.post_orders(b'{"orders":[{},{}]}', order_count=order_count)


class TestPost:
    def test_a_batch_that_is_accepted_whole_has_no_row_errors(self, talking):
        with talking(json_reply(report())) as (client, _):
            answer = post(client)
        assert answer.accepted == 2
        assert answer.row_errors == ()
        assert (answer.request_id, answer.http_status, answer.attempts) == ("req-7", 200, 1)

    def test_refused_rows_are_named_with_their_place_and_reason(self, talking):
        with talking(json_reply(report(accepted=1, rejected=1, errors=[refusal(1)]))) as (client, _):
            answer = post(client)
        assert answer.accepted == 1
        assert answer.row_errors == (RowError(index=1, order_id="A1", code="unknown_order", message="no such order"),)

    def test_a_refused_row_whose_id_could_not_be_read_is_known_by_its_place(self, talking):
        nameless = {"index": 0, "order_id": None, "code": "invalid_id", "message": "not a string"}
        with talking(json_reply(report(accepted=1, rejected=1, errors=[nameless]))) as (client, _):
            assert post(client).row_errors[0].order_id is None

    def test_members_that_a_newer_vendor_adds_are_ignored(self, talking):
        with talking(json_reply(report(warnings=["soon"]))) as (client, _):
            assert post(client).accepted == 2

    def test_a_vendor_that_answers_nothing_is_not_taken_to_have_accepted(self, talking):
        with talking(json_reply({}), profile=MINIMAL) as (client, _):
            answer = post(client)
        assert answer.accepted is None
        assert answer.request_id is None
        assert answer.row_errors == ()

    @pytest.mark.parametrize(
        "document",
        [
            {},
            [],
            None,
            "ok",
            {"status": "ok"},
            report(received="2"),
            report(received=3, accepted=3),
            report(accepted=2, rejected=1, errors=[refusal(0)]),
            report(accepted=1, rejected=1),
            report(accepted=1, rejected=1, errors=[refusal(2)]),
            report(accepted=1, rejected=1, errors=[refusal(-1)]),
            report(accepted=0, rejected=2, errors=[refusal(1), refusal(1)]),
            report(accepted=1, rejected=1, errors=[{"index": 0}]),
        ],
    )
    def test_a_success_of_another_shape_leaves_the_outcome_unknown_and_is_not_repeated(self, talking, document):
        with talking(json_reply(document)) as (client, server), pytest.raises(MalformedAnswer) as caught:
            post(client)
        assert not caught.value.outcome_known
        assert len(server.requests) == 1

    @pytest.mark.parametrize("document", [[], None, "ok", 1])
    def test_even_the_poorest_vendor_answers_an_object(self, talking, document):
        with talking(json_reply(document), profile=MINIMAL) as (client, _), pytest.raises(MalformedAnswer):
            post(client)

    def test_the_same_bytes_are_sent_again_after_a_server_error(self, talking):
        with talking(Reply(503), Reply(500), json_reply(report())) as (client, server):
            answer = post(client)
            assert {request.body for request in server.requests} == {b'{"orders":[{},{}]}'}
        assert (answer.attempts, answer.http_status, answer.accepted) == (3, 200, 2)

    def test_retry_after_is_honoured(self, talking):
        time = StillClock()
        with talking(json_reply({}, 429, Retry_After="17"), json_reply(report()), time=time) as (client, _):
            post(client)
        assert time.sleeps == [17]

    def test_retries_are_announced(self, talking):
        heard = []
        with talking(Reply(503), json_reply(report()), on_retry=lambda *retry: heard.append(retry)) as (client, _):
            post(client)
        ((attempt, error, wait_seconds),) = heard
        assert (attempt, error.status) == (1, 503)
        assert 0.25 <= wait_seconds <= 0.5

    def test_latency_is_that_of_the_last_attempt_without_its_waits(self, talking):
        with talking(json_reply({}, 429, Retry_After="17"), json_reply(report())) as (client, _):
            assert post(client).latency_seconds == 0

    def test_logs_hold_counts_and_no_payload(self, talking, caplog):
        caplog.set_level(logging.DEBUG)
        with talking(json_reply(report())) as (client, _):
            client.post_orders(b'{"orders":[{"order_id":"A-private"},{}]}', order_count=2)
        assert "posted 2 orders" in caplog.text
        assert "A-private" not in caplog.text


class TestStatusErrors:
    def test_a_problem_document_is_read(self, talking):
        problem = {
            "type": "urn:enrich-order-api:problem:too_large",
            "title": "Content Too Large",
            "detail": "At most\n8 MiB.",
            "code": "too_large",
            "request_id": "req-9",
        }
        with talking(json_reply(problem, 413)) as (client, server), pytest.raises(PayloadTooLarge) as caught:
            post(client)
        error = caught.value
        assert (error.status, error.code, error.request_id) == (413, "too_large", "req-9")
        assert "too_large: At most 8 MiB." in str(error)
        assert len(server.requests) == 1

    @pytest.mark.parametrize(
        ("type_uri", "code"),
        [
            ("https://vendor.example/problems/wrong-envelope", "wrong-envelope"),
            ("urn:problem:wrong-envelope", "wrong-envelope"),
            ("about:blank", None),
        ],
    )
    def test_a_problem_without_a_code_has_that_of_its_type(self, talking, type_uri, code):
        with talking(json_reply({"type": type_uri}, 422)) as (client, _), pytest.raises(Unprocessable) as caught:
            post(client)
        assert caught.value.code == code

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"<html>Bad gateway</html>",
            b"[]",
            b'{"code": 7}',
            b"\xff\xfe",
            '{"title": "é"}'.encode("latin-1"),
            b'{"more": ' + b"[" * 100_000,
        ],
        ids=["empty", "a page", "a list", "a code of another type", "no text", "another encoding", "endless nesting"],
    )
    def test_a_body_that_is_no_problem_document_does_not_mask_the_status(self, talking, body):
        reply = Reply(502, body, {"X-Request-Id": "edge-3"})
        with talking(*[reply] * 3) as (client, _), pytest.raises(ServerError) as caught:
            post(client)
        assert (caught.value.status, caught.value.code, caught.value.request_id) == (502, None, "edge-3")
        assert caught.value.attempts == 3

    def test_an_endless_detail_is_cut(self, talking):
        with talking(json_reply({"detail": "x" * 10_000}, 418)) as (client, _), pytest.raises(ApiStatusError) as caught:
            post(client)
        assert len(str(caught.value)) < 500

    def test_an_exhausted_rate_limit_is_raised_as_such(self, talking):
        with talking(*[Reply(429)] * 3) as (client, _), pytest.raises(RateLimited) as caught:
            post(client)
        assert caught.value.outcome_known


class TestGet:
    def test_a_window_is_asked_for_in_utc_at_the_vendors_precision(self, talking):
        start = datetime(2025, 6, 9, 17, tzinfo=timezone(timedelta(hours=-7)))
        end = END - timedelta(microseconds=1)
        with talking(listing()) as (client, server):
            client.get_orders(start, end, 100)
        assert server.requests[0].query == {
            "start": "2025-06-10T00:00:00Z",
            "end": "2025-06-10T23:59:59.999999Z",
            "limit": "100",
        }

    def test_every_field_is_read_exactly(self, talking):
        told = {
            "status": '"applied"',
            "original_sales_amount": "299.9400",
            "original_profit_amount": "null",
            "created_at": '"2025-06-11T03:00:00.123456Z"',
            "updated_at": '"2025-06-11T05:30:00+02:00"',
        }
        with talking(listing(row(sales="0.1000000000000000055511151231257827", profit="-0.00", **told))) as (client, _):
            (order,) = client.get_orders(START, END, 100).orders
        assert order.order_id == "A1"
        assert order.order_timestamp == datetime(2025, 6, 10, 20, 19, tzinfo=UTC)
        assert order.sales_amount == Decimal("0.1000000000000000055511151231257827")
        assert order.profit_amount == 0
        assert order.currency == "USD"
        assert order.status == "applied"
        assert order.original_sales_amount == Decimal("299.94")
        assert order.original_profit_amount is None
        assert order.created_at == datetime(2025, 6, 11, 3, 0, 0, 123_456, tzinfo=UTC)
        assert order.updated_at == datetime(2025, 6, 11, 3, 30, tzinfo=UTC)

    def test_what_the_poorest_vendor_does_not_tell_is_none(self, talking):
        with talking(listing(row(status=None)), profile=MINIMAL) as (client, _):
            (order,) = client.get_orders(START, END, 100).orders
        assert (order.status, order.original_sales_amount, order.created_at) == (None, None, None)

    def test_rows_come_in_the_vendors_order_and_repeats_are_kept(self, talking):
        rows = [row("B"), row("A", "2025-06-10T01:00:00Z"), row("B"), row("B", sales="1.00")]
        with talking(listing(*rows)) as (client, _):
            orders = client.get_orders(START, END, 100).orders
        assert [order.order_id for order in orders] == ["B", "A", "B", "B"]

    def test_a_status_that_we_do_not_know_is_kept_as_it_came(self, talking):
        with talking(listing(row(status='"archived"'))) as (client, _):
            assert client.get_orders(START, END, 100).orders[0].status == "archived"

    @pytest.mark.parametrize(
        "body",
        [
            b"[]",
            b"{}",
            b'{"orders":null}',
            listing(row(sales="null")).body,
            listing(row(sales='"NaN"')).body,
            listing(row(sales="1e200000")).body,
            listing(row(order_id="A\\u0000")).body,
            listing(row(profit='"Infinity"')).body,
            listing(row(at="2025-06-10T20:19:00")).body,
            listing(row(at="yesterday")).body,
            listing(row(currency=None)).body,
            listing(row(order_id=None)).body.replace(b'"None"', b"7"),
        ],
    )
    def test_rows_of_another_shape_are_refused(self, talking, body):
        with talking(Reply(body=body)) as (client, _), pytest.raises(MalformedAnswer, match="another shape"):
            client.get_orders(START, END, 100)

    def test_rows_without_the_status_that_the_profile_promises_are_refused(self, talking):
        with talking(listing(row(status=None))) as (client, _), pytest.raises(MalformedAnswer, match="no status"):
            client.get_orders(START, END, 100)

    def test_more_rows_than_asked_for_are_refused(self, talking):
        with talking(listing(row(), row("A2"))) as (client, _), pytest.raises(MalformedAnswer, match="2 rows"):
            client.get_orders(START, END, 1)

    @pytest.mark.parametrize("at", ["2025-06-09T23:59:59.999999Z", "2025-06-11T00:00:00.000001Z"])
    def test_rows_that_were_not_asked_for_show_that_the_profile_is_wrong(self, talking, at):
        with talking(listing(row(at=at))) as (client, _), pytest.raises(MalformedAnswer, match="CONTRACT_PROFILE full"):
            client.get_orders(START, END, 100)

    @pytest.mark.parametrize(("profile", "at"), [(FULL, "00:00:00"), (MINIMAL, "00:00:00.9")])
    def test_a_row_at_the_very_end_was_asked_for(self, talking, profile, at):
        with talking(listing(row(at=f"2025-06-11T{at}Z")), profile=profile) as (client, _):
            assert len(client.get_orders(START, END, 100).orders) == 1

    def test_a_cut_answer_is_asked_for_again(self, talking):
        whole = listing(row())
        with talking(Reply(body=whole.body, cut_after=40), whole) as (client, _):
            answer = client.get_orders(START, END, 100)
        assert (len(answer.orders), answer.attempts) == (1, 2)
