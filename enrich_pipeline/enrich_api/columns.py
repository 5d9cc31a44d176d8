"""A POST's rows as columns: PostgreSQL array literals, made once, from which rows are both checked and stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from enrich_pipeline.enrich_api.posted_rows import PostedOrder


@dataclass(frozen=True, slots=True)
class Columns:
    """An array literal for each field, and how many rows there are."""

    rows: int
    order_ids: str
    order_timestamps: str
    sales_amounts: str
    profit_amounts: str
    currencies: str


def columns_of(rows: Sequence[PostedOrder]) -> Columns:
    """The rows' columns. Amounts keep the characters they came with."""
    return Columns(
        len(rows),
        _text_array([row.order_id for row in rows]),
        _json_array(msgspec.json.encode([row.order_timestamp for row in rows])),
        "{" + b",".join([row.sales_amount for row in rows]).decode() + "}",
        "{" + b",".join([row.profit_amount for row in rows]).decode() + "}",
        "{" + ",".join([row.currency for row in rows]) + "}",
    )


def _text_array(values: list[str]) -> str:
    """A PostgreSQL array literal of texts. A JSON array without escapes is one already, up to its brackets."""
    encoded = msgspec.json.encode(values)
    if b"\\" not in encoded:
        return _json_array(encoded)
    quoted = (value.replace("\\", "\\\\").replace('"', '\\"') for value in values)
    return "{" + ",".join(f'"{value}"' for value in quoted) + "}"


def _json_array(encoded: bytes) -> str:
    return "{" + encoded[1:-1].decode() + "}"
