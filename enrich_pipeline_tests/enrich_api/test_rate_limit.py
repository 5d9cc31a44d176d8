"""The minimal profile's six hundred requests a minute."""

from __future__ import annotations

from pathlib import Path

import httpx

from enrich_pipeline.enrich_api.rate_limit import RateLimiter
from enrich_pipeline_tests.enrich_api.wire import END, START
from enrich_pipeline_tests.support.api_server import RunningApi


class Clock:
    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


def test_no_sixty_seconds_hold_more_requests_than_the_limit(tmp_path: Path) -> None:
    clock = Clock()
    limiter = RateLimiter(3, tmp_path, monotonic=clock)

    assert [limiter.seconds_to_wait(1) for _ in range(3)] == [0, 0, 0]
    clock.seconds += 20.5
    assert limiter.seconds_to_wait(1) == 40
    clock.seconds += 39.5
    assert limiter.seconds_to_wait(1) == 0


def test_each_key_has_a_limit_of_its_own(tmp_path: Path) -> None:
    limiter = RateLimiter(1, tmp_path, monotonic=Clock())

    assert [limiter.seconds_to_wait(1), limiter.seconds_to_wait(2), limiter.seconds_to_wait(1)] == [0, 0, 60]


def test_workers_count_together(tmp_path: Path) -> None:
    clock = Clock()
    one, other = (RateLimiter(3, tmp_path, monotonic=clock) for _ in range(2))

    assert [limiter.seconds_to_wait(1) for limiter in (one, other, one, other, one)] == [0, 0, 0, 60, 60]


def test_no_limit_is_no_limit(tmp_path: Path) -> None:
    limiter = RateLimiter(None, tmp_path)

    assert not any(limiter.seconds_to_wait(1) for _ in range(10_000))


def test_the_six_hundred_and_first_request_of_a_minute_is_told_when_to_come_back(minimal: RunningApi) -> None:
    minimal.restart()
    with httpx.Client(base_url=minimal.base_url, headers=minimal.headers) as client:
        query = {"start": START, "end": END, "limit": "1"}
        answers = [client.get("/enrich/orders", params=query) for _ in range(601)]

    assert {answer.status_code for answer in answers[:600]} == {200}
    assert answers[600].status_code == 429
    assert 1 <= int(answers[600].headers["retry-after"]) <= 60
    minimal.restart()
