"""The service's OpenAPI document: what it serves in its profile, no more and no less.

The envelope of a POST is strict. A row's fields are any JSON, with their rules in words: one that breaks a rule
costs that row, not the request, so a schema for it would describe what is accepted and not what may be sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, get_args

from enrich_pipeline.enrich_api.posted_rows import LONGEST_ID, MOST_DECIMALS, MOST_INTEGER_DIGITS, RowCode
from enrich_pipeline.enrich_api.profiles import ServiceProfile

Json = dict[str, Any]

_PROBLEM = "application/problem+json"
_TIME = "2025-06-10T20:19:00Z"
_REFUSALS: Mapping[int, str] = {
    400: "The body is not JSON in UTF-8 or nested too deeply, or the request is no HTTP.",
    401: "The key is missing, unknown, or was replaced.",
    408: "The request did not come in time.",
    413: "The body or the batch is larger than this profile takes.",
    415: "The body is not announced as JSON in UTF-8, or coded as is not read here.",
    422: "The envelope or a parameter is wrong; the detail says which.",
    429: "More requests in a minute than this profile takes.",
    500: "The service failed. Sending the request again does no harm.",
    503: "The database is out of reach. Nothing was stored.",
}
_REFUSAL_HEADERS: Mapping[int, tuple[str, Json]] = {
    401: ("WWW-Authenticate", {"type": "string", "pattern": "^Bearer "}),
    429: ("Retry-After", {"type": "string", "pattern": "^[0-9]+$"}),
    503: ("Retry-After", {"type": "string", "pattern": "^[0-9]+$"}),
}


def openapi_document(profile: ServiceProfile) -> Json:
    """The document (OpenAPI 3.1) of a service in this profile."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Enrich Order API",
            "version": "1",
            "description": f"Overrides sales and profit of orders that the sales channels reported. {_about(profile)}",
        },
        "paths": {
            "/enrich/orders": {"post": _post(profile), "get": _get(profile)},
            "/healthz": {"get": _plain("health", "Whether the process answers.", {"status": {"const": "ok"}})},
            "/readyz": {
                "get": _plain("readiness", "Whether the database answers too.", {"status": {"const": "ready"}}, 503)
            },
            "/openapi.json": {"get": _document()},
            "/metrics": {"get": _metrics()},
        },
        "components": {
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
            "schemas": {
                "Problem": _problem(),
                "PostedOrder": _posted_order(),
                "EnrichedOrder": _enriched_order(profile),
                **({"Report": _report()} if profile.post_answer == "report" else {}),
            },
        },
    }


def _about(profile: ServiceProfile) -> str:
    limit = profile.requests_per_minute
    return (
        f"Profile {profile.name}: times have {profile.precision} precision, what is finer is cut off; "
        f"a posted order shows in GET {'at once' if profile.shown == 'at_once' else 'after the data refresh'}; "
        f"{'no rate limit' if limit is None else f'{limit} requests a minute'}."
    )


def _post(profile: ServiceProfile) -> Json:
    coding = "may come with `Content-Encoding: gzip`" if profile.gzip else "comes without a `Content-Encoding`"
    answer = _ref("Report") if profile.post_answer == "report" else {"type": "object", "additionalProperties": False}
    return {
        "operationId": "enrichOrders",
        "summary": "Enrich orders",
        "description": (
            "Each row stands for itself: one that is wrong is not stored, and its neighbours are. The last write of an "
            "order wins; the same request again changes nothing. Answered once it is durable. "
            f"A body has at most {profile.largest_body_bytes} bytes, decompressed, and {coding}. No object in it has a "
            "name twice."
        ),
        "security": [{"key": []}],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": _object(
                        {"orders": {"type": "array", "maxItems": profile.largest_batch, "items": _ref("PostedOrder")}}
                    ),
                    "example": {"orders": [_EXAMPLE]},
                }
            },
        },
        "responses": {
            "200": _answer("Stored.", answer),
            **_refusals(profile, 400, 401, 408, 413, 415, 422, 429, 500, 503),
        },
    }


def _get(profile: ServiceProfile) -> Json:
    moment = {"type": "string", "format": "date-time"}
    end = "last instant" if profile.end_inclusive else "first instant after the window"
    limit = {"type": "integer", "minimum": 1, "maximum": profile.largest_limit, "default": profile.default_limit}
    return {
        "operationId": "listEnrichedOrders",
        "summary": "List enriched orders",
        "description": (
            "Enriched orders by their posted timestamp, in the order of (order_timestamp, order_id). No cursor: "
            "an answer of `limit` rows may hide more, and its window is to be split. `start` is not after `end`."
        ),
        "security": [{"key": []}],
        "parameters": [
            _parameter("start", moment, f"First instant, with an offset, like {_TIME}.", required=True),
            _parameter("end", moment, f"The window's {end}, with an offset.", required=True),
            _parameter("limit", limit, "Rows at most.", required=False),
        ],
        "responses": {
            "200": _answer("The window.", _object({"orders": {"type": "array", "items": _ref("EnrichedOrder")}})),
            **_refusals(profile, 400, 401, 408, 422, 429, 500, 503),
        },
    }


def _plain(name: str, summary: str, properties: Json, *refusals: int) -> Json:
    return {
        "operationId": name,
        "summary": summary,
        "responses": {"200": _answer(summary, _object(properties)), **_refusals(None, 400, 408, 500, *refusals)},
    }


def _document() -> Json:
    summary = "This document."
    answer = _answer(summary, {"type": "object", "required": ["openapi", "paths"]})
    return {
        "operationId": "openapi",
        "summary": summary,
        "responses": {"200": answer, **_refusals(None, 400, 408, 500)},
    }


def _metrics() -> Json:
    summary = "Counts for Prometheus."
    answer = _answer(summary, {"type": "string"}, media_type="text/plain")
    return {
        "operationId": "metrics",
        "summary": summary,
        "responses": {"200": answer, **_refusals(None, 400, 408, 500)},
    }


_EXAMPLE: Json = {
    "order_id": "ORDER12345",
    "order_timestamp": _TIME,
    "sales_amount": 269.94,
    "profit_amount": -65.40,
    "currency": "USD",
}


def _posted_order() -> Json:
    amount = (
        f"Required. An exact number of at most {MOST_INTEGER_DIGITS} digits before the point, {MOST_DECIMALS} after "
        "it, as JSON writes it; 0 and negatives are values. Else invalid_amount."
    )
    rules = {
        "order_id": f"Required. An order that the sales channels reported: a string of 1 to {LONGEST_ID} characters, "
        "none of them a control character and none at its ends a space, else invalid_id; no such order is "
        "unknown_order; twice in one request is duplicate_in_request, for every copy.",
        "order_timestamp": f"Required. ISO 8601 with an offset, like {_TIME}. Else invalid_timestamp.",
        "sales_amount": amount,
        "profit_amount": amount,
        "currency": "ISO 4217, like USD, which is the default. Else invalid_currency.",
    }
    return {
        "type": "object",
        "description": "One order. A field that breaks its rule refuses the row; further fields are ignored.",
        "properties": {name: {"description": rule} for name, rule in rules.items()},
        "example": _EXAMPLE,
    }


def _report() -> Json:
    count = {"type": "integer", "minimum": 0}
    error = {
        "index": {"description": "The row's place in the request, from 0.", **count},
        "order_id": {"type": ["string", "null"]},
        "code": {"enum": list(get_args(RowCode))},
        "message": {"type": "string"},
    }
    return _object(
        {
            "request_id": _request_id(),
            "received": count,
            "accepted": count,
            "rejected": count,
            "errors": {"type": "array", "items": _object(error)},
        }
    )


def _enriched_order(profile: ServiceProfile) -> Json:
    moment = {"type": "string", "format": "date-time"}
    fields: Json = {
        "order_id": {"type": "string", "minLength": 1, "maxLength": LONGEST_ID},
        "order_timestamp": moment,
        "sales_amount": {"type": "number"},
        "profit_amount": {"type": "number"},
        "currency": {"type": "string", "pattern": "^[A-Z]{3}$"},
    }
    if profile.get_row == "status":
        fields |= {
            "status": {"enum": ["pending", "applied", "outside_window"]},
            "original_sales_amount": {"type": ["number", "null"]},
            "original_profit_amount": {"type": ["number", "null"]},
            "created_at": moment,
            "updated_at": moment,
        }
    return _object(fields)


def _problem() -> Json:
    fields = {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string", "description": "A stable word for programs."},
        "request_id": _request_id(),
    }
    return _object(fields) | {"description": "RFC 9457. The request was refused as a whole, and nothing of it stored."}


def _refusals(profile: ServiceProfile | None, *statuses: int) -> Json:
    """What may be answered instead; 429 only where the profile limits the rate."""
    limited = profile is not None and profile.requests_per_minute is not None
    return {str(status): _refusal(status) for status in statuses if status != HTTPStatus.TOO_MANY_REQUESTS or limited}


def _refusal(status: int) -> Json:
    answer = _answer(_REFUSALS[status], _ref("Problem"), media_type=_PROBLEM)
    if status in _REFUSAL_HEADERS:
        name, schema = _REFUSAL_HEADERS[status]
        answer["headers"][name] = {"required": True, "schema": schema}
    return answer


def _answer(description: str, schema: Json, *, media_type: str = "application/json") -> Json:
    return {
        "description": description,
        "headers": {"X-Request-Id": {"required": True, "schema": _request_id()}},
        "content": {media_type: {"schema": schema}},
    }


def _parameter(name: str, schema: Json, description: str, *, required: bool) -> Json:
    return {"name": name, "in": "query", "required": required, "schema": schema, "description": description}


def _object(properties: Json) -> Json:
    """An object with exactly these properties."""
    return {
        "type": "object",
        "additionalProperties": False,
        "required": list(properties),
        "properties": properties,
    }


def _request_id() -> Json:
    return {"type": "string", "pattern": "^req_[0-9a-f]{24}$"}


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}
