"""The client of the Enrich Order API: typed calls, errors that say what is known, retries, reading a day back."""

from enrich_pipeline.enrich_client.client import EnrichClient
from enrich_pipeline.enrich_client.errors import (
    AnswerLost,
    AnswerTimedOut,
    ApiStatusError,
    AuthenticationError,
    BadRequest,
    CallStopped,
    ConnectionFailed,
    EnrichApiError,
    MalformedAnswer,
    NotFound,
    PayloadTooLarge,
    RateLimited,
    Redirected,
    RequestTimedOut,
    ServerError,
    Unprocessable,
    UnsupportedMediaType,
)
from enrich_pipeline.enrich_client.models import GetAnswer, HeldOrder, PostAnswer, RowError
from enrich_pipeline.enrich_client.pacing import Clock
from enrich_pipeline.enrich_client.read_back import DayRead, ReadSummary, read_day
from enrich_pipeline.enrich_client.retries import NO_RETRIES, OnRetry, RetryPolicy
from enrich_pipeline.enrich_client.transport import Timeouts, is_this_machine

__all__ = [
    "NO_RETRIES",
    "AnswerLost",
    "AnswerTimedOut",
    "ApiStatusError",
    "AuthenticationError",
    "BadRequest",
    "CallStopped",
    "Clock",
    "ConnectionFailed",
    "DayRead",
    "EnrichApiError",
    "EnrichClient",
    "GetAnswer",
    "HeldOrder",
    "MalformedAnswer",
    "NotFound",
    "OnRetry",
    "PayloadTooLarge",
    "PostAnswer",
    "RateLimited",
    "ReadSummary",
    "Redirected",
    "RequestTimedOut",
    "RetryPolicy",
    "RowError",
    "ServerError",
    "Timeouts",
    "Unprocessable",
    "UnsupportedMediaType",
    "is_this_machine",
    "read_day",
]
