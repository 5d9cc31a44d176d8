"""Channel orders from files: exact amounts, times with an offset, and the line of the first fault."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from enrich_pipeline.enrich_api.channel_files import open_channel_file
from enrich_pipeline.enrich_api.channel_orders import ChannelOrder
from enrich_pipeline.enrich_api.errors import ApiError

JUNE = datetime(2025, 6, 10, 20, 19, tzinfo=UTC)
HEADER = "order_id,ordered_at,currency,sales_amount,profit_amount\n"


def read(folder: Path, name: str, content: str | bytes) -> list[ChannelOrder]:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with open_channel_file(path) as orders:
        return list(orders)


def test_a_csv_file_is_read_exactly(tmp_path: Path) -> None:
    text = HEADER + 'A,2025-06-10T22:19:00+02:00,USD,300.123456,-0.10\n"B,""2""",,,,\n'

    assert read(tmp_path, "orders.CSV", text) == [
        ChannelOrder("A", JUNE, "USD", Decimal("300.123456"), Decimal("-0.10")),
        ChannelOrder('B,"2"', None, None, None, None),
    ]


def test_columns_may_stand_in_any_order_and_be_left_out(tmp_path: Path) -> None:
    assert read(tmp_path, "orders.csv", b"\xef\xbb\xbfsales_amount,order_id\r\n1.50,A\r\n") == [
        ChannelOrder("A", None, None, Decimal("1.50"), None)
    ]


@pytest.mark.parametrize("name", ["orders.ndjson", "orders.jsonl"])
def test_a_json_object_a_line_is_read_exactly(tmp_path: Path, name: str) -> None:
    text = (
        '{"order_id":"A","ordered_at":"2025-06-10T20:19:00Z","currency":"USD","sales_amount":0.1,"profit_amount":1e2}\n'
        '\n{"order_id":"B","sales_amount":12345678901234567890.123456789}\n'
    )

    assert read(tmp_path, name, text) == [
        ChannelOrder("A", JUNE, "USD", Decimal("0.1"), Decimal("1e2")),
        ChannelOrder("B", None, None, Decimal("12345678901234567890.123456789"), None),
    ]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", HEADER + "A,,,1,1\nB,yesterday,,1,1\n", "line 3: ordered_at is no ISO 8601 time"),
        ("a.csv", HEADER + "A,2025-06-10T20:19:00,,1,1\n", "line 2: ordered_at is no ISO 8601 time with an offset"),
        ("a.csv", HEADER + "A,,,1.5.2,1\n", "line 2: sales_amount is no number"),
        ("a.csv", HEADER + "A,,,1,NaN\n", "line 2: profit_amount is no number"),
        ("a.csv", HEADER + ",,,1,1\n", "line 2: order_id is empty"),
        ("a.csv", HEADER + "A,,,1\n", "line 2: 4 fields where the header has 5"),
        ("a.csv", HEADER.encode() + b"\xff,,,1,1\n", "is not in UTF-8"),
        ("a.csv", "order_id,sales\n", "may name ordered_at"),
        ("a.csv", "", "must name order_id"),
        ("a.ndjson", '{"order_id":"A"}\n{"order_id":5}\n', "line 2: Expected `str`"),
        ("a.ndjson", '{"order_id":"A","sales_amount":"x"}\n', "line 1: "),
        ("a.ndjson", '{"order_id":"A","ordered_at":"2025-06-10T20:19:00"}\n', "line 1: "),
        ("a.ndjson", '{"order_id":"A","sales":1}\n', "unknown field `sales`"),
        ("a.ndjson", "{\n", "line 1: "),
        ("a.txt", "", "neither .csv nor .ndjson"),
    ],
)
def test_a_fault_is_named_with_its_line(tmp_path: Path, name: str, content: str | bytes, message: str) -> None:
    with pytest.raises(ApiError) as caught:
        read(tmp_path, name, content)
    assert message in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ApiError, match="cannot be read"), open_channel_file(tmp_path / "none.csv"):
        pass
