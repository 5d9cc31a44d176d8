import pytest

from enrich_pipeline.domain.errors import EnrichError
from enrich_pipeline.enrich_client import (
    AnswerLost,
    AnswerTimedOut,
    ApiStatusError,
    AuthenticationError,
    BadRequest,
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
from enrich_pipeline.enrich_client.errors import status_error_class


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (301, Redirected),
        (308, Redirected),
        (400, BadRequest),
        (401, AuthenticationError),
        (403, AuthenticationError),
        (404, NotFound),
        (408, RequestTimedOut),
        (413, PayloadTooLarge),
        (415, UnsupportedMediaType),
        (418, ApiStatusError),
        (422, Unprocessable),
        (429, RateLimited),
        (500, ServerError),
        (503, ServerError),
        (599, ServerError),
    ],
)
def test_each_status_has_its_class(status, kind):
    assert status_error_class(status) is kind


@pytest.mark.parametrize(
    ("kind", "retryable", "outcome_known"),
    [
        (ConnectionFailed, True, True),
        (AnswerLost, True, False),
        (AnswerTimedOut, True, False),
        (MalformedAnswer, False, False),
        (BadRequest, False, True),
        (AuthenticationError, False, True),
        (PayloadTooLarge, False, True),
        (Unprocessable, False, True),
        (RateLimited, True, True),
        (RequestTimedOut, True, True),
        (ServerError, True, False),
        (Redirected, False, True),
    ],
)
def test_each_error_says_whether_to_try_again_and_whether_rows_may_be_stored(kind, retryable, outcome_known):
    assert kind.retryable is retryable
    assert kind.outcome_known is outcome_known
    assert issubclass(kind, EnrichApiError)
    assert issubclass(kind, EnrichError)


def test_a_message_says_what_the_vendor_said_and_what_to_do():
    error = AuthenticationError(401, code="unauthorized", detail="The key was replaced.", request_id="req-1")
    assert str(error) == (
        "the Enrich Order API answered 401 (unauthorized: The key was replaced.), request req-1."
        " Check WORKMAGIC_API_KEY; the key is made under Settings > Store Data Settings > Enrich Order API."
    )


def test_a_message_without_advice_ends_after_what_was_said():
    assert str(ServerError(502)) == "the Enrich Order API answered 502."
