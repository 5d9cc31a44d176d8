"""Reading a POST's rows: strict and fast when every row is good, row by row when one is not.

Amounts never pass through float: they stay the JSON number's own characters until PostgreSQL reads them as numeric.
Both ways decode with the same types, so they cannot disagree about what a good row is; the fast one only refuses
more, and leaves what it refuses to the careful one.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Annotated, Literal

import iso4217
import msgspec

from enrich_pipeline.enrich_api.columns import Columns, columns_of
from enrich_pipeline.enrich_api.problems import Problem

RowCode = Literal[
    "unknown_order",
    "duplicate_in_request",
    "invalid_id",
    "invalid_amount",
    "invalid_timestamp",
    "invalid_currency",
]

LONGEST_ID = 255
MOST_INTEGER_DIGITS = 20
MOST_DECIMALS = 18
# A number of this many characters is within both limits, whichever way it is written without an exponent.
_SAFE_AMOUNT_LENGTH = 20
# PostgreSQL and ISO 8601 disagree outside these years once an offset is taken off.
_EDGE_YEARS = ('"0001-', '"9999-')

DEFAULT_CURRENCY = "USD"
CURRENCIES = frozenset(currency.code for currency in iso4217.Currency)

# Digits beyond the microsecond are rounded to it.
_Timestamp = Annotated[datetime, msgspec.Meta(tz=True)]


class PostedOrder(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """A row of a POST. Amounts are JSON numbers as they were written. Rows with further fields are read carefully."""

    order_id: Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_ID)]
    order_timestamp: _Timestamp
    sales_amount: msgspec.Raw
    profit_amount: msgspec.Raw
    currency: str = ""


class RowError(msgspec.Struct, gc=False, order=True):
    """Why one row was refused; `index` is its place in the request, `order_id` null when it has none to name."""

    index: int
    order_id: str | None
    code: RowCode
    message: str


@dataclass(frozen=True, slots=True)
class PostedRows:
    """A request's rows: the good ones, also as columns, where each stood in it, and why the others were refused."""

    received: int
    good: Sequence[PostedOrder]
    positions: Sequence[int]
    errors: Sequence[RowError]
    columns: Columns


class _Rows(msgspec.Struct, forbid_unknown_fields=True):
    orders: list[PostedOrder]


class _AnyRows(msgspec.Struct, forbid_unknown_fields=True):
    orders: list[dict[str, msgspec.Raw]]


# In a body without escapes every quote is one around a name or a text. No decoded row lacks a name, so a name that
# stands twice anywhere shows as quotes too many.
_QUOTES_OF_THE_ENVELOPE = 2
_QUOTES_OF_A_CURRENCY = 4
_QUOTES_IN_A_ROW = 2 * len(PostedOrder.__struct_fields__) + 2 * len(("order_id", "order_timestamp", "currency"))
_NO_DIGITS = dict.fromkeys(map(ord, "0123456789.-"))

_fast = msgspec.json.Decoder(_Rows)
_envelope = msgspec.json.Decoder(_AnyRows)
_text = msgspec.json.Decoder(str)
_timestamp = msgspec.json.Decoder(_Timestamp)


def read_rows(body: bytes, *, largest_batch: int) -> PostedRows:
    """Read `{"orders": [...]}`.

    Raises:
        Problem: 400 when the body is no JSON, 422 when it is not that envelope or repeats a name, 413 when it holds
            more than `largest_batch` rows. A bad field raises nothing.
    """
    rows = _read_fast(body) or _read_carefully(body)
    if rows.received > largest_batch:
        raise Problem(413, "too_many_orders", f"{rows.received} orders in one request; at most {largest_batch}.")
    return rows


def _read_fast(body: bytes) -> PostedRows | None:
    if b"\\" in body:
        return None
    try:
        good = _fast.decode(body).orders
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    received = len(good)
    currencies = {row.currency for row in good}
    quotes = _QUOTES_IN_A_ROW
    if currencies == {""} and b'"currency"' not in body:
        currencies = {DEFAULT_CURRENCY}
        quotes -= _QUOTES_OF_A_CURRENCY
        for row in good:
            row.currency = DEFAULT_CURRENCY
    if not CURRENCIES.issuperset(currencies) or body.count(b'"') != _QUOTES_OF_THE_ENVELOPE + quotes * received:
        return None
    columns = columns_of(good)
    if not _are_plain_ids(good, columns.order_ids) or not _are_plain_amounts(good, columns):
        return None
    if any(year in columns.order_timestamps for year in _EDGE_YEARS):
        return None
    return PostedRows(received, good, range(received), (), columns)


def _are_plain_ids(rows: Sequence[PostedOrder], column: str) -> bool:
    are_printable = "\x7f" not in column if column.isascii() else column.isprintable()  # JSON has no raw control below
    has_edge_spaces = " " in column and ('" ' in column or ' "' in column)
    return are_printable and not has_edge_spaces and len({row.order_id for row in rows}) == len(rows)


def _are_plain_amounts(rows: Sequence[PostedOrder], columns: Columns) -> bool:
    digits = (columns.sales_amounts + columns.profit_amounts).translate(_NO_DIGITS)
    # What is left of each column are its braces, and the commas between its amounts.
    longest_sales = max(map(len, [row.sales_amount for row in rows]), default=0)
    longest_profit = max(map(len, [row.profit_amount for row in rows]), default=0)
    is_each_a_number = len(digits) == 2 * max(len(rows) - 1, 0) + len("{}{}")
    return is_each_a_number and max(longest_sales, longest_profit) <= _SAFE_AMOUNT_LENGTH


def _read_carefully(body: bytes) -> PostedRows:
    try:
        body.decode()
        raw_rows = _envelope.decode(body).orders
    except msgspec.ValidationError as error:
        _require_json(body)
        raise _wrong_envelope(str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise _not_json() from None
    except RecursionError:
        raise _too_deep() from None
    _require_names_once(body)
    good: dict[int, PostedOrder] = {}
    errors: list[RowError] = []
    for index, fields in enumerate(raw_rows):
        row = _read_row(index, fields)
        if isinstance(row, RowError):
            errors.append(row)
        else:
            good[index] = row
    copies = Counter(row.order_id for row in good.values())
    for index, row in list(good.items()):
        if copies[row.order_id] > 1:
            message = f"The request holds {copies[row.order_id]} rows of this order; none of them was stored."
            errors.append(RowError(index, row.order_id, "duplicate_in_request", message))
            del good[index]
    rows = list(good.values())
    return PostedRows(len(raw_rows), rows, list(good), sorted(errors), columns_of(rows))


def _require_json(body: bytes) -> None:
    """Tell a body that is no JSON at all from one of another shape: a typed decoder stops at the first difference."""
    try:
        msgspec.json.decode(body)
    except msgspec.DecodeError:
        raise _not_json() from None
    except RecursionError:
        raise _too_deep() from None


def _require_names_once(body: bytes) -> None:
    """Refuse an object with a name that stands twice: which of the two values was meant is anybody's guess."""

    def check(pairs: list[tuple[str, object]]) -> None:
        if len({name for name, _ in pairs}) != len(pairs):
            raise Problem(422, "repeated_name", "An object in the body has one name twice.")

    # Numbers stay text: they are not what is looked at, and may be longer than Python reads.
    try:
        json.loads(body, object_pairs_hook=check, parse_int=str, parse_float=str)
    except RecursionError:
        raise _too_deep() from None


def _wrong_envelope(reason: str) -> Problem:
    place = re.search(r"\$\.orders\[(\d+)\]`$", reason)
    what = (
        f"element {place.group(1)} of orders is no object"
        if place
        else "orders is a list, and nothing stands beside it"
    )
    return Problem(422, "invalid_envelope", f'The body must be {{"orders": [{{...}}, ...]}}: {what}.')


def _too_deep() -> Problem:
    return Problem(400, "too_deep", "The body is nested too deeply.")


def _not_json() -> Problem:
    return Problem(400, "not_json", "The body is not JSON in UTF-8.")


class _BadField(Exception):  # noqa: N818  # never leaves this module
    def __init__(self, code: RowCode, message: str) -> None:
        super().__init__(message)
        self.code: RowCode = code
        self.message = message


def _read_row(index: int, fields: Mapping[str, msgspec.Raw]) -> PostedOrder | RowError:
    order_id = _string(fields.get("order_id"))
    try:
        return PostedOrder(
            _checked_id(order_id),
            _checked_timestamp(fields.get("order_timestamp")),
            _checked_amount("sales_amount", fields.get("sales_amount")),
            _checked_amount("profit_amount", fields.get("profit_amount")),
            _checked_currency(fields.get("currency")),
        )
    except _BadField as bad:
        return RowError(index, order_id, bad.code, bad.message)


def _string(raw: msgspec.Raw | None) -> str | None:
    try:
        return None if raw is None else _text.decode(raw)
    except msgspec.ValidationError:
        return None


def _checked_id(order_id: str | None) -> str:
    if order_id is None:
        raise _BadField("invalid_id", "order_id must be a string.")
    if not order_id or len(order_id) > LONGEST_ID:
        raise _BadField("invalid_id", f"order_id must have 1 to {LONGEST_ID} characters.")
    if order_id != order_id.strip():
        raise _BadField("invalid_id", "order_id must not begin or end with a space.")
    if any(unicodedata.category(character) == "Cc" for character in order_id):
        raise _BadField("invalid_id", "order_id must not contain control characters.")
    return order_id


def _checked_timestamp(raw: msgspec.Raw | None) -> datetime:
    message = "order_timestamp must be ISO 8601 with an offset, like 2025-06-10T20:19:00Z."
    try:
        moment = _timestamp.decode(b"null" if raw is None else raw)
    except msgspec.ValidationError:
        raise _BadField("invalid_timestamp", message) from None
    if not 1 < moment.year < 9999:
        raise _BadField("invalid_timestamp", message)
    return moment


def _checked_amount(name: str, raw: msgspec.Raw | None) -> msgspec.Raw:
    text = b"" if raw is None else bytes(raw)
    if raw is None or text[:1] not in b"-0123456789" or not text:
        raise _BadField("invalid_amount", f"{name} must be a JSON number, not a string.")
    if not _is_within_limits(text.decode()):
        message = f"{name} has more than {MOST_INTEGER_DIGITS} digits or {MOST_DECIMALS} decimals."
        raise _BadField("invalid_amount", message)
    return raw


def _is_within_limits(text: str) -> bool:
    try:
        number = Decimal(text)
    except InvalidOperation:  # an exponent beyond what a Decimal can hold
        return False
    _, _, exponent = number.as_tuple()
    return number.adjusted() < MOST_INTEGER_DIGITS and isinstance(exponent, int) and exponent >= -MOST_DECIMALS


def _checked_currency(raw: msgspec.Raw | None) -> str:
    code = DEFAULT_CURRENCY if raw is None else _string(raw)
    if code not in CURRENCIES:
        raise _BadField("invalid_currency", "currency must be an ISO 4217 code, like USD.")
    return code
