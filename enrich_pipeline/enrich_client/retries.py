"""When a call is tried again, and how long it waits before.

A POST is an upsert, so a replay is harmless and even an answer that got lost is worth another try.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

from tenacity import RetryCallState, Retrying

from enrich_pipeline.enrich_client.errors import ApiStatusError, EnrichApiError
from enrich_pipeline.enrich_client.pacing import Clock, Pacer

_log = logging.getLogger(__name__)

T = TypeVar("T")

OnRetry = Callable[[int, EnrichApiError, float], None]
"""Called before each wait with the attempt that failed (from 1), its error, and the wait in seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How stubborn a call is.

    Attributes:
        attempts: most requests for one call, the first included.
        wait_initial_seconds: the wait after the first failure; it doubles each time, and half of it is random.
        wait_max_seconds: longest such wait.
        retry_after_max_seconds: longest wait that the vendor's Retry-After can ask for.
        total_seconds: a call that could not start its next attempt within this time gives up instead.
    """

    attempts: int = 6
    wait_initial_seconds: float = 0.5
    wait_max_seconds: float = 20.0
    retry_after_max_seconds: float = 60.0
    total_seconds: float = 300.0


NO_RETRIES = RetryPolicy(attempts=1)


class Retrier:
    """Runs calls by one policy, each attempt when the pacer lets it begin. Safe to share between threads."""

    def __init__(
        self,
        policy: RetryPolicy,
        *,
        clock: Clock,
        pacer: Pacer,
        on_retry: OnRetry | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """`jitter` returns a number from 0 to 1 for each wait."""
        self._policy = policy
        self._clock = clock
        self._on_retry = on_retry
        self._jitter = jitter
        self._pacer = pacer

    def call(self, request: Callable[[], T]) -> tuple[T, int]:
        """Run `request` until it succeeds; return what it returned, and the number of attempts.

        Raises:
            EnrichApiError: the last attempt's, when it is not retryable or the policy is exhausted. Its
                `outcome_known` speaks for all attempts: a 429 after a timeout does not say that nothing was stored.
                `CallStopped` when the pacer was stopped before an attempt.
        """
        attempts = 0
        outcome_known = True

        def attempt() -> T:
            nonlocal attempts, outcome_known
            try:
                with self._pacer.attempt():
                    attempts += 1
                    return request()
            except EnrichApiError as error:
                outcome_known = outcome_known and error.outcome_known
                error.attempts, error.outcome_known = attempts, outcome_known
                raise

        retrying = Retrying(
            retry=_failed_retryably,
            wait=self._wait_seconds,
            stop=self._is_exhausted,
            before_sleep=self._announce,
            sleep=self._pacer.sleep,
            reraise=True,
        )
        return retrying(attempt), attempts

    def _wait_seconds(self, state: RetryCallState) -> float:
        asked = _asked_pause_seconds(_error(state), self._clock.now())
        if asked:
            return min(asked, self._policy.retry_after_max_seconds)
        doubled = self._policy.wait_initial_seconds * 2 ** (state.attempt_number - 1)
        return min(doubled, self._policy.wait_max_seconds) * (1 + self._jitter()) / 2

    def _is_exhausted(self, state: RetryCallState) -> bool:
        elapsed = max(state.seconds_since_start or 0.0, state.idle_for)
        out_of_time = elapsed + state.upcoming_sleep > self._policy.total_seconds
        return out_of_time or state.attempt_number >= self._policy.attempts

    def _announce(self, state: RetryCallState) -> None:
        error = _error(state)
        wait_seconds = state.upcoming_sleep
        if _asked_pause_seconds(error, self._clock.now()):
            self._pacer.pause(wait_seconds)
        _log.info("attempt %d failed (%s); next in %.1f s", state.attempt_number, type(error).__name__, wait_seconds)
        if self._on_retry:
            self._on_retry(state.attempt_number, error, wait_seconds)


def retry_after_seconds(header: str | None, now: datetime) -> float | None:
    """What a `Retry-After` header asks for at `now` (zone-aware): seconds or an HTTP date; None when it is neither."""
    if header is None:
        return None
    try:
        if header.strip().isdecimal():
            return float(header)
        until = parsedate_to_datetime(header)
    except (ValueError, OverflowError):
        return None
    return max(0.0, (until.replace(tzinfo=until.tzinfo or UTC) - now).total_seconds())


def _asked_pause_seconds(error: EnrichApiError, now: datetime) -> float | None:
    return retry_after_seconds(error.retry_after, now) if isinstance(error, ApiStatusError) else None


def _failed_retryably(state: RetryCallState) -> bool:
    error = state.outcome.exception() if state.outcome else None
    return isinstance(error, EnrichApiError) and error.retryable


def _error(state: RetryCallState) -> EnrichApiError:
    error = state.outcome.exception() if state.outcome else None
    if not isinstance(error, EnrichApiError):
        raise TypeError("only our own errors are retried") from error
    return error
