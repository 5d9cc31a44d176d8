"""What can go wrong between us and the Enrich Order API, one class for each thing a caller does differently.

Two questions decide what happens next, and every error answers both: may the same call succeed later
(`retryable`), and do we know what the vendor did with it (`outcome_known`)?
"""

# ruff: noqa: N818  # a name that says what happened needs no "Error" at its end

from __future__ import annotations

from typing import ClassVar

from enrich_pipeline.domain.errors import EnrichError

_KEY_PLACE = "WORKMAGIC_API_KEY; the key is made under Settings > Store Data Settings > Enrich Order API"


class EnrichApiError(EnrichError):
    """A call to the Enrich Order API did not succeed.

    Attributes:
        outcome_known: whether we know that the vendor stored nothing. After a call of several attempts it is False
            as soon as one attempt's outcome is unknown, whatever the last one said.
        attempts: how often the call was tried.
    """

    outcome_known: bool = True
    attempts: int = 1


class ConnectionFailed(EnrichApiError):
    """No connection was made, so nothing was sent."""

    retryable: ClassVar[bool] = True


class CallStopped(EnrichApiError):
    """The caller stopped the client before this attempt; `attempts` were made before it, perhaps none."""


class AnswerLost(EnrichApiError):
    """No whole answer arrived: the connection broke, or what came is not JSON. The vendor may have stored the rows."""

    retryable: ClassVar[bool] = True
    outcome_known = False


class AnswerTimedOut(AnswerLost):
    """The vendor did not answer in time. It may have stored the rows."""


class MalformedAnswer(EnrichApiError):
    """A whole answer arrived that is not what the contract profile promises. The vendor may have stored the rows.

    Asking again would bring the same answer: the profile does not describe this vendor.
    """

    outcome_known = False


class ApiStatusError(EnrichApiError):
    """The API answered with an HTTP status that is no success.

    Attributes:
        status: the HTTP status.
        code: the problem document's code, or None.
        request_id: the vendor's name for the request, or None; quote it to the vendor's support.
        retry_after: the `Retry-After` header as it came, or None.
    """

    advice: ClassVar[str] = ""

    def __init__(
        self,
        status: int,
        *,
        code: str | None = None,
        detail: str | None = None,
        request_id: str | None = None,
        retry_after: str | None = None,
    ) -> None:
        self.status = status
        self.code = code
        self.request_id = request_id
        self.retry_after = retry_after
        said = ": ".join(part for part in (code, detail) if part)
        message = f"the Enrich Order API answered {status}" + (f" ({said})" if said else "")
        if request_id:
            message += f", request {request_id}"
        super().__init__(f"{message}. {self.advice}".rstrip(". ") + ".")


class Redirected(ApiStatusError):
    """3xx: we do not follow, so that the key never goes where it was not meant to."""

    advice = "Redirects are not followed; set WORKMAGIC_API_URL to the final address."


class BadRequest(ApiStatusError):
    """400: the body is not JSON, or a parameter is not what it must be."""


class AuthenticationError(ApiStatusError):
    """401 or 403: the key is missing, wrong, or was generated anew."""

    advice = f"Check {_KEY_PLACE}."


class NotFound(ApiStatusError):
    """404: the address is not that of an Enrich Order API."""

    advice = "Check WORKMAGIC_API_URL: /enrich/orders is appended to it."


class RequestTimedOut(ApiStatusError):
    """408: the vendor gave up waiting for the request."""

    retryable: ClassVar[bool] = True


class PayloadTooLarge(ApiStatusError):
    """413: the body is larger than the vendor takes."""

    advice = "Lower UPLOAD_BATCH_SIZE, or choose the CONTRACT_PROFILE that fits the vendor."


class UnsupportedMediaType(ApiStatusError):
    """415: the vendor does not read the body's type or encoding."""


class Unprocessable(ApiStatusError):
    """422: the request's envelope is not what the vendor expects."""


class RateLimited(ApiStatusError):
    """429: too many requests; nothing of this one was stored."""

    retryable: ClassVar[bool] = True


class ServerError(ApiStatusError):
    """5xx: the vendor failed, perhaps after it stored the rows."""

    retryable: ClassVar[bool] = True
    outcome_known = False


_BY_STATUS: dict[int, type[ApiStatusError]] = {
    400: BadRequest,
    401: AuthenticationError,
    403: AuthenticationError,
    404: NotFound,
    408: RequestTimedOut,
    413: PayloadTooLarge,
    415: UnsupportedMediaType,
    422: Unprocessable,
    429: RateLimited,
}


def status_error_class(status: int) -> type[ApiStatusError]:
    """The class of the error for an HTTP status that is no success."""
    if 300 <= status < 400:
        return Redirected
    if status >= 500:
        return ServerError
    return _BY_STATUS.get(status, ApiStatusError)
