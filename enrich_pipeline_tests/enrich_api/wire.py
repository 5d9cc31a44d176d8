"""Requests as bytes on the wire: bodies are written by hand, so that a test decides every character of an amount."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import httpx

from enrich_pipeline_tests.support.api_server import RunningApi

TIMESTAMP = "2025-06-10T20:19:00Z"
START, END = "2025-01-01T00:00:00Z", "2025-12-31T00:00:00Z"


def row(
    order_id: str,
    *,
    sales_amount: str = "269.94",
    profit_amount: str = "-65.40",
    order_timestamp: str = TIMESTAMP,
    currency: str | None = '"USD"',
) -> str:
    """One row as JSON text; amounts and the currency are JSON texts themselves."""
    currency_field = "" if currency is None else f',"currency":{currency}'
    return (
        f'{{"order_id":{json.dumps(order_id)},"order_timestamp":{json.dumps(order_timestamp)},'
        f'"sales_amount":{sales_amount},"profit_amount":{profit_amount}{currency_field}}}'
    )


def body(*rows: str) -> bytes:
    return f'{{"orders":[{",".join(rows)}]}}'.encode()


def post(api: RunningApi, *rows: str) -> dict[str, Any]:
    """Post rows, expect 200 and return the answer."""
    answer = httpx.post(f"{api.base_url}/enrich/orders", headers=api.headers, content=body(*rows))
    assert answer.status_code == 200, answer.text
    return answer.json()


def get(api: RunningApi, *, start: str = START, end: str = END, limit: int | None = None) -> list[dict[str, Any]]:
    """Read a window, expect 200 and return its rows, amounts as exact decimals."""
    parameters = {"start": start, "end": end} | ({} if limit is None else {"limit": str(limit)})
    answer = httpx.get(f"{api.base_url}/enrich/orders", headers=api.headers, params=parameters)
    assert answer.status_code == 200, answer.text
    return json.loads(answer.content, parse_float=Decimal, parse_int=Decimal)["orders"]


def held(api: RunningApi, order_id: str, **window: Any) -> dict[str, Any] | None:
    """The row of one order, or None; the limit is the profile's largest."""
    rows = get(api, limit=api.config.profile.largest_limit, **window)
    return next((found for found in rows if found["order_id"] == order_id), None)


def codes(answer: dict[str, Any]) -> list[tuple[int, str]]:
    return [(error["index"], error["code"]) for error in answer["errors"]]
