"""The wire format of an order's payload, to the byte, and the request body that carries a batch of them.

The upload builds the same text in SQL, next to the amounts; this is its specification, and what `explain` shows.
Amounts go out as plain decimal digits: a float would print noise, an exponent is not every parser's number.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from enrich_pipeline.domain.contract import Precision, floor_instant

MAX_ID_CHARACTERS = 255
MAX_AMOUNT_CHARACTERS = 64

_TEMPLATE = '{{"order_id":{},"order_timestamp":"{}","sales_amount":{},"profit_amount":{},"currency":{}}}'
_BATCH_HEAD, _BATCH_TAIL = '{"orders":[', "]}"

# An id character is at most 4 bytes of UTF-8 (a control character would be 6, but no id may hold one).
_FIXED = _TEMPLATE.format('""', "0001-01-01T00:00:00.000000Z", "", "", '"USD"')
LARGEST_PAYLOAD_BYTES = len(_FIXED) + 4 * MAX_ID_CHARACTERS + 2 * MAX_AMOUNT_CHARACTERS


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """The five fields the API takes for an order.

    Attributes:
        order_id: the sales channel's id.
        order_timestamp: when the order was placed; zone-aware.
        sales_amount: in units of `currency`, rounded to what the currency has.
        profit_amount: likewise; may be negative.
        currency: ISO 4217 code.
    """

    order_id: str
    order_timestamp: datetime
    sales_amount: Decimal
    profit_amount: Decimal
    currency: str


def format_timestamp(instant: datetime, precision: Precision) -> str:
    """`instant` in UTC as `2025-06-10T20:19:00Z`; with six decimals when it has a fraction that the vendor keeps.

    Raises:
        ValueError: when `instant` has no zone.
    """
    if instant.tzinfo is None:
        raise ValueError(f"{instant} has no time zone")
    return floor_instant(instant.astimezone(UTC), precision).replace(tzinfo=None).isoformat() + "Z"


def format_amount(amount: Decimal) -> str:
    """`amount` as JSON digits with its own number of decimals: `-65.40`, `1000`, `0.00`; never `-0.00`.

    Raises:
        ValueError: when `amount` is NaN or infinite, or longer than `MAX_AMOUNT_CHARACTERS`.
    """
    if not amount.is_finite():
        raise ValueError("an amount must be a number; NaN and Infinity are none")
    text = format(amount.copy_abs() if amount.is_zero() else amount, "f")
    if len(text) > MAX_AMOUNT_CHARACTERS:
        raise ValueError(f"an amount has {len(text)} digits; more than {MAX_AMOUNT_CHARACTERS} is no amount of money")
    return text


def encode_payload(payload: Payload, precision: Precision) -> str:
    """The payload as compact JSON, fields in the guide's order.

    Raises:
        ValueError: when the timestamp has no zone or an amount is not a number.
    """
    return _TEMPLATE.format(
        json.dumps(payload.order_id, ensure_ascii=False),
        format_timestamp(payload.order_timestamp, precision),
        format_amount(payload.sales_amount),
        format_amount(payload.profit_amount),
        json.dumps(payload.currency, ensure_ascii=False),
    )


def batch_body(payload_texts: Iterable[str]) -> bytes:
    """The body of one POST from encoded payloads, in their order."""
    return (_BATCH_HEAD + ",".join(payload_texts) + _BATCH_TAIL).encode()


def largest_body_bytes(orders: int) -> int:
    """What the body of `orders` valid payloads can reach at most: ids of four-byte characters, longest amounts."""
    return len(_BATCH_HEAD) + len(_BATCH_TAIL) + orders * (LARGEST_PAYLOAD_BYTES + 1)
