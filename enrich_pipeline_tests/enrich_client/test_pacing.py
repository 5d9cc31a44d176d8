"""What holds attempts back: pauses, the limit in flight, and a stop."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from enrich_pipeline.enrich_client import BadRequest, CallStopped, RateLimited, ServerError
from enrich_pipeline.enrich_client.pacing import Clock, Pacer
from enrich_pipeline_tests.support.still_clock import StillClock


def attempt(pacer, error=None):
    with pacer.attempt():
        if error:
            raise error


def test_a_pause_holds_the_next_attempt_back():
    time = StillClock()
    pacer = Pacer(time.clock, ceiling=1)
    pacer.pause(30)
    attempt(pacer)
    assert time.sleeps == [30]


def test_a_longer_pause_is_not_shortened_by_a_shorter_one():
    time = StillClock()
    pacer = Pacer(time.clock, ceiling=1)
    pacer.pause(30)
    pacer.pause(5)
    attempt(pacer)
    assert time.sleeps == [30]


def test_nothing_is_waited_for_when_there_is_room():
    time = StillClock()
    attempt(Pacer(time.clock, ceiling=1))
    assert time.sleeps == []


def test_no_more_attempts_than_the_limit_are_in_flight():
    pacer = Pacer(StillClock().clock, ceiling=2)
    both_in, may_leave, third_in = threading.Barrier(3), threading.Event(), threading.Event()

    def held():
        with pacer.attempt():
            both_in.wait()
            may_leave.wait()

    def third():
        with pacer.attempt():
            third_in.set()

    with ThreadPoolExecutor(3) as pool:
        pool.submit(held), pool.submit(held)
        both_in.wait()
        last = pool.submit(third)
        assert not third_in.is_set()
        may_leave.set()
        last.result()
    assert third_in.is_set()


@pytest.mark.parametrize("error", [RateLimited(429), ServerError(503)])
def test_a_vendor_that_strains_gets_half_as_many_requests(error):
    pacer = Pacer(StillClock().clock, ceiling=8)
    with pytest.raises(type(error)):
        attempt(pacer, error)
    assert pacer.limit == 4


def test_a_body_that_is_refused_says_nothing_about_strain():
    pacer = Pacer(StillClock().clock, ceiling=8)
    with pytest.raises(BadRequest):
        attempt(pacer, BadRequest(400))
    assert pacer.limit == 8


def test_a_stop_lets_no_attempt_begin_until_it_is_taken_back():
    pacer = Pacer(StillClock().clock, ceiling=1)
    pacer.stop()
    with pytest.raises(CallStopped):
        attempt(pacer)
    pacer.resume()
    attempt(pacer)


def test_a_stop_ends_the_wait_for_a_place_and_the_wait_of_a_pause():
    pacer = Pacer(Clock(), ceiling=1)
    with ThreadPoolExecutor(2) as pool, pacer.attempt():
        for_a_place = pool.submit(attempt, pacer)
        pacer.pause(3600)
        in_a_pause = pool.submit(attempt, pacer)
        pacer.stop()
        assert isinstance(for_a_place.exception(), CallStopped)
        assert isinstance(in_a_pause.exception(), CallStopped)
