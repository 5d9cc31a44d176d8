"""What every request goes through before it is served: its key, its rate and its parameters."""

from __future__ import annotations

from datetime import datetime

import msgspec
from starlette.datastructures import QueryParams
from starlette.requests import Request

from enrich_pipeline.enrich_api.key_ring import ApiKey, KeyRing
from enrich_pipeline.enrich_api.list_rows import Window
from enrich_pipeline.enrich_api.problems import Problem, unauthorized
from enrich_pipeline.enrich_api.profiles import ServiceProfile
from enrich_pipeline.enrich_api.rate_limit import RateLimiter

_MOST_LIMIT_DIGITS = 6
_PARAMETERS = ("start", "end", "limit")


async def authenticate(request: Request, keys: KeyRing) -> ApiKey:
    """The key that the request bears.

    Raises:
        Problem: 401 when there is none, or it is not (or no longer) a key of this service.
    """
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        raise unauthorized("Send the key as `Authorization: Bearer <key>`.")
    key = await keys.find(secret.strip())
    if key is None:
        raise unauthorized("The key is not known here, or was replaced.")
    return key


def check_rate(key: ApiKey, limiter: RateLimiter) -> None:
    """Count the request.

    Raises:
        Problem: 429, with the seconds to wait in Retry-After.
    """
    seconds = limiter.seconds_to_wait(key.key_id)
    if seconds:
        detail = f"Too many requests; wait {seconds} s."
        raise Problem(429, "rate_limited", detail, headers={"Retry-After": str(seconds)})


def read_window(query: QueryParams, profile: ServiceProfile) -> Window:
    """The `start`, `end` and `limit` of a GET.

    Raises:
        Problem: 422 when one is missing, wrong, given twice, or `start` is after `end`.
    """
    start, end = _moment(query, "start", profile), _moment(query, "end", profile)
    if start > end:
        raise _invalid("start is after end.")
    return Window(start, end, _limit(query, profile))


def contract_query(query: QueryParams) -> str:
    """The parameters that the contract names, for the log; whatever else was sent might be a secret."""
    return "&".join(f"{name}={value}" for name, value in query.multi_items() if name in _PARAMETERS)


def _moment(query: QueryParams, name: str, profile: ServiceProfile) -> datetime:
    text = _single(query, name)
    if text is None:
        raise _invalid(f"{name} is missing: an ISO 8601 time with an offset, like 2025-06-10T20:19:00Z.")
    try:
        moment = msgspec.convert(text, datetime)
    except msgspec.ValidationError:
        hint = " Write the + of an offset as %2B." if " " in text else ""
        raise _invalid(f"{name} is no ISO 8601 time, like 2025-06-10T20:19:00Z.{hint}") from None
    if moment.tzinfo is None:
        raise _invalid(f"{name} has no offset; write Z or one like %2B02:00.")
    return moment.replace(microsecond=0) if profile.precision == "second" else moment


def _limit(query: QueryParams, profile: ServiceProfile) -> int:
    text = _single(query, "limit")
    if text is None:
        return profile.default_limit
    is_number = text.isascii() and text.isdigit() and len(text) <= _MOST_LIMIT_DIGITS
    if not is_number or not 1 <= int(text) <= profile.largest_limit:
        raise _invalid(f"limit must be a whole number from 1 to {profile.largest_limit}.")
    return int(text)


def _single(query: QueryParams, name: str) -> str | None:
    values = query.getlist(name)
    if len(values) > 1:
        raise _invalid(f"{name} is given more than once.")
    return values[0] if values else None


def _invalid(detail: str) -> Problem:
    return Problem(422, "invalid_parameter", detail)
