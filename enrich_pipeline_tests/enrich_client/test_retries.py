import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from enrich_pipeline.enrich_client import (
    NO_RETRIES,
    AnswerTimedOut,
    BadRequest,
    ConnectionFailed,
    RateLimited,
    RetryPolicy,
    ServerError,
)
from enrich_pipeline.enrich_client.pacing import Pacer
from enrich_pipeline.enrich_client.retries import Retrier, retry_after_seconds
from enrich_pipeline_tests.support.still_clock import StillClock

NOON = datetime(2025, 6, 10, 12, tzinfo=UTC)


def failing(*errors, then="done"):
    """A call that raises these errors in turn, then succeeds."""
    script = iter(errors)

    def request():
        for error in script:
            raise error
        return then

    return request


_ENDLESS = "Tue, 10 Jun 2025 12:00:07 +99999999999999999999"


def retrier(time, policy=None, **options):
    pacer = Pacer(time.clock, ceiling=8)
    return Retrier(policy or RetryPolicy(), clock=time.clock, pacer=pacer, **{"jitter": lambda: 1.0, **options})


def test_a_call_that_succeeds_is_made_once():
    time = StillClock()
    assert retrier(time).call(failing()) == ("done", 1)
    assert time.sleeps == []


def test_waits_double_up_to_their_maximum():
    time = StillClock()
    policy = RetryPolicy(attempts=6, wait_initial_seconds=1, wait_max_seconds=5)
    assert retrier(time, policy).call(failing(*[ServerError(503)] * 5)) == ("done", 6)
    assert time.sleeps == [1, 2, 4, 5, 5]


@pytest.mark.parametrize(("jitter", "wait"), [(0.0, 0.5), (0.5, 0.75), (1.0, 1.0)])
def test_half_of_a_wait_is_random(jitter, wait):
    time = StillClock()
    policy = RetryPolicy(wait_initial_seconds=1)
    retrier(time, policy, jitter=lambda: jitter).call(failing(ConnectionFailed("down")))
    assert time.sleeps == [wait]


def test_attempts_are_capped_and_the_last_error_is_raised_with_their_number():
    time = StillClock()
    with pytest.raises(ServerError) as caught:
        retrier(time, RetryPolicy(attempts=3)).call(failing(*[ServerError(500)] * 9))
    assert caught.value.attempts == 3
    assert len(time.sleeps) == 2


def test_a_call_gives_up_rather_than_exceed_its_total_time():
    time = StillClock()
    policy = RetryPolicy(attempts=100, wait_initial_seconds=10, wait_max_seconds=10, total_seconds=35)
    with pytest.raises(ServerError) as caught:
        retrier(time, policy).call(failing(*[ServerError(500)] * 99))
    assert time.sleeps == [10, 10, 10]
    assert caught.value.attempts == 4


def test_what_cannot_succeed_later_is_not_tried_again():
    time = StillClock()
    with pytest.raises(BadRequest) as caught:
        retrier(time).call(failing(BadRequest(400)))
    assert caught.value.attempts == 1
    assert time.sleeps == []


def test_no_retries_means_one_attempt():
    with pytest.raises(ConnectionFailed):
        retrier(StillClock(), NO_RETRIES).call(failing(ConnectionFailed("down")))


def test_an_error_of_the_program_is_not_retried():
    with pytest.raises(KeyError):
        retrier(StillClock()).call(failing(KeyError("bug")))


def test_a_rate_limit_after_a_timeout_does_not_say_that_nothing_was_stored():
    with pytest.raises(RateLimited) as caught:
        retrier(StillClock(), RetryPolicy(attempts=2)).call(failing(AnswerTimedOut("late"), RateLimited(429)))
    assert not caught.value.outcome_known


def test_a_rate_limit_alone_says_that_nothing_was_stored():
    with pytest.raises(RateLimited) as caught:
        retrier(StillClock(), RetryPolicy(attempts=2)).call(failing(*[RateLimited(429) for _ in range(2)]))
    assert caught.value.outcome_known


@pytest.mark.parametrize("header", ["7", "Tue, 10 Jun 2025 12:00:07 GMT"])
def test_retry_after_is_waited_for_as_seconds_or_as_a_date(header):
    time = StillClock(NOON)
    retrier(time).call(failing(RateLimited(429, retry_after=header)))
    assert time.sleeps == [7]


@pytest.mark.parametrize("header", ["86400", "9" * 5000])
def test_retry_after_is_capped(header):
    time = StillClock()
    retrier(time, RetryPolicy(retry_after_max_seconds=60)).call(failing(ServerError(503, retry_after=header)))
    assert time.sleeps == [60]


@pytest.mark.parametrize("header", ["soon", "", "-5", "1.5", "Tue, 99 Jun 2025 12:00:07 GMT", "²", _ENDLESS])
def test_an_invalid_retry_after_does_not_mask_the_status_error(header):
    time = StillClock()
    policy = RetryPolicy(attempts=2, wait_initial_seconds=1)
    with pytest.raises(RateLimited):
        retrier(time, policy).call(failing(*[RateLimited(429, retry_after=header) for _ in range(2)]))
    assert time.sleeps == [1]


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("0", 0.0),
        ("120", 120.0),
        ("Tue, 10 Jun 2025 12:02:00 GMT", 120.0),
        ("Tue, 10 Jun 2025 12:02:00 -0000", 120.0),
        ("Tue, 10 Jun 2025 11:00:00 GMT", 0.0),
        ("2025-06-10", None),
    ],
)
def test_retry_after_reads_what_rfc_9110_allows(header, seconds):
    assert retry_after_seconds(header, NOON) == seconds


def test_a_retry_after_of_no_time_falls_back_to_our_own_wait():
    time = StillClock()
    retrier(time, RetryPolicy(wait_initial_seconds=1)).call(failing(RateLimited(429, retry_after="0")))
    assert time.sleeps == [1]


def test_each_retry_is_announced_with_its_attempt_error_and_wait():
    heard = []
    time = StillClock()
    first, second = RateLimited(429, retry_after="3"), ServerError(503)
    retrier(time, RetryPolicy(wait_initial_seconds=1), on_retry=lambda *retry: heard.append(retry)).call(
        failing(first, second)
    )
    assert heard == [(1, first, 3), (2, second, 2)]


def test_one_workers_retry_after_holds_back_every_other_worker():
    time = StillClock()
    paused = threading.Event()
    asked_at = []

    def limited():
        if not paused.is_set():
            raise RateLimited(429, retry_after="30")
        return "limited"

    def other():
        asked_at.append(time.clock.monotonic())
        return "other"

    with ThreadPoolExecutor(max_workers=1) as second_worker:

        def while_the_first_waits(_attempt, _error, _wait):
            # The first worker has been told to wait and has not slept yet: the second one starts now.
            paused.set()
            second_worker.submit(shared.call, other).result()

        shared = retrier(time, on_retry=while_the_first_waits)
        assert shared.call(limited) == ("limited", 2)
    assert asked_at == [30]
