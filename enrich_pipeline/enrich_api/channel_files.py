"""Channel orders from a file: CSV with a header, or a JSON object a line. Amounts stay exact, times have an offset."""

from __future__ import annotations

import csv
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from enrich_pipeline.enrich_api.channel_orders import ChannelOrder
from enrich_pipeline.enrich_api.errors import ConfigError, UnreadableOrdersError

_Time = Annotated[datetime, msgspec.Meta(tz=True)]
_TIME_RULE = "ordered_at is no ISO 8601 time with an offset, like 2025-06-10T20:19:00Z"


class _Line(msgspec.Struct, forbid_unknown_fields=True):
    order_id: str
    ordered_at: _Time | None = None
    currency: str | None = None
    sales_amount: Decimal | None = None
    profit_amount: Decimal | None = None


_FIELDS = _Line.__struct_fields__


@contextmanager
def open_channel_file(path: Path) -> Generator[Iterator[ChannelOrder]]:
    """Stream the orders of a `.csv`, `.ndjson` or `.jsonl` file. An empty field is one that the channel did not tell.

    Raises:
        ConfigError: when the file cannot be opened, is of another kind, or its header names other columns.
        UnreadableOrdersError: while streaming, at the first line that cannot be read; it names file, line and column.
    """
    kind = _kind(path)
    try:
        file = path.open(encoding="utf-8-sig", newline="")
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.") from None
    try:
        with file:
            yield _csv_rows(path, file) if kind == "csv" else _json_rows(path, file)
    except UnicodeDecodeError:
        raise UnreadableOrdersError(f"{path} is not in UTF-8. Nothing was imported.") from None


def _kind(path: Path) -> Literal["csv", "json"]:
    suffix = path.suffix.lower()
    if suffix == ".csv":
        return "csv"
    if suffix in {".ndjson", ".jsonl"}:
        return "json"
    raise ConfigError(f"{path} is neither .csv nor .ndjson or .jsonl.")


def _csv_rows(path: Path, lines: Iterator[str]) -> Iterator[ChannelOrder]:
    reader = csv.reader(lines, strict=True)
    try:
        no_header: list[str] = []
        columns = next(reader, no_header)
        if "order_id" not in columns or len(set(columns)) != len(columns) or not set(columns) <= set(_FIELDS):
            raise ConfigError(f"The header of {path} must name order_id and may name {', '.join(_FIELDS[1:])}.")
        places = [columns.index(field) if field in columns else None for field in _FIELDS]
        for row in reader:
            if len(row) != len(columns):
                raise _unreadable(path, reader.line_num, f"{len(row)} fields where the header has {len(columns)}")
            try:
                yield _order([None if place is None else row[place] or None for place in places])
            except ValueError as error:
                raise _unreadable(path, reader.line_num, str(error)) from None
    except csv.Error as error:
        raise _unreadable(path, reader.line_num, str(error)) from None


def _order(fields: Sequence[str | None]) -> ChannelOrder:
    order_id, ordered_at, currency, sales_amount, profit_amount = fields
    if order_id is None:
        raise ValueError("order_id is empty")
    return ChannelOrder(
        order_id,
        _time(ordered_at),
        currency,
        _amount("sales_amount", sales_amount),
        _amount("profit_amount", profit_amount),
    )


def _time(text: str | None) -> datetime | None:
    try:
        return None if text is None else msgspec.convert(text, _Time)
    except msgspec.ValidationError:
        raise ValueError(_TIME_RULE) from None


def _amount(name: str, text: str | None) -> Decimal | None:
    try:
        amount = None if text is None else Decimal(text)
    except InvalidOperation:
        amount = Decimal("NaN")
    if amount is not None and not amount.is_finite():
        raise ValueError(f"{name} is no number")
    return amount


def _json_rows(path: Path, lines: Iterator[str]) -> Iterator[ChannelOrder]:
    decode = msgspec.json.Decoder(_Line).decode
    number = 0
    try:
        for line in lines:
            number += 1
            if line.isspace():
                continue
            row = decode(line)
            yield ChannelOrder(row.order_id, row.ordered_at, row.currency, row.sales_amount, row.profit_amount)
    except (msgspec.DecodeError, RecursionError) as error:
        raise _unreadable(path, number, str(error)) from None


def _unreadable(path: Path, line: int, reason: str) -> UnreadableOrdersError:
    return UnreadableOrdersError(f"{path}, line {line}: {reason}. Nothing was imported.")
