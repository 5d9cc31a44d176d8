"""The orders as a sales channel knows them: every sale with a usable id, once, before any cost."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import URL, Engine

from enrich_pipeline.warehouse.channel_orders import ChannelOrder, channel_orders
from enrich_pipeline.warehouse.engine import warehouse_engine
from enrich_pipeline.warehouse.load import load_folder
from enrich_pipeline_tests.support.raw_folder import LINE, ORDER, write_folder

TEN = datetime(2026, 11, 22, 10, tzinfo=UTC)


@pytest.fixture
def engine(database: URL) -> Iterator[Engine]:
    engine = warehouse_engine(database)
    yield engine
    engine.dispose()


def _known(engine: Engine) -> list[ChannelOrder]:
    with engine.connect() as connection:
        return sorted(tuple(row) for row in channel_orders(connection))


def test_sales_are_lines_less_discounts_plus_shipping_and_profit_is_sales(engine: Engine, tmp_path: Path) -> None:
    order = {**ORDER, "order_discount": "1.005", "shipping_charged": "4.95", "tax_total": "9.99"}
    lines = [{**LINE, "quantity": "3", "discount": "0.5"}, {**LINE, "line_id": "2", "unit_price": "0.0005"}]
    load_folder(engine, write_folder(tmp_path, orders=[order], order_lines=lines))
    sales = Decimal("63.4155")
    assert _known(engine) == [("1001", TEN, "USD", sales, sales)]


@pytest.mark.parametrize("number", ["", "NaN", "Infinity"])
def test_what_is_no_number_counts_for_nothing(engine: Engine, tmp_path: Path, number: str) -> None:
    order = {**ORDER, "order_discount": number, "shipping_charged": number}
    lines = [
        LINE,
        {**LINE, "line_id": "2", "quantity": number},
        {**LINE, "line_id": "3", "unit_price": number},
        {**LINE, "line_id": "4", "discount": number},
    ]
    load_folder(engine, write_folder(tmp_path, orders=[order], order_lines=lines))
    assert [sales for _, _, _, sales, _ in _known(engine)] == [Decimal("39.98")]


def test_an_order_without_lines_is_known_with_nothing_sold(engine: Engine, tmp_path: Path) -> None:
    load_folder(engine, write_folder(tmp_path, orders=[ORDER]))
    assert _known(engine) == [("1001", TEN, "USD", Decimal(0), Decimal(0))]


@pytest.mark.parametrize("order_id", ["", " 1", "1 ", "1\t", "a\x1fb", "9" * 256])
def test_an_unusable_id_is_not_known(engine: Engine, tmp_path: Path, order_id: str) -> None:
    load_folder(engine, write_folder(tmp_path, orders=[{**ORDER, "order_id": order_id}]))
    assert _known(engine) == []


def test_only_sales_are_known(engine: Engine, tmp_path: Path) -> None:
    load_folder(engine, write_folder(tmp_path, orders=[{**ORDER, "document_type": "credit"}]))
    assert _known(engine) == []


def test_an_id_that_stands_twice_is_known_once_by_its_latest_row(engine: Engine, tmp_path: Path) -> None:
    earlier = {**ORDER, "ordered_at": "2026-11-22T09:00:00Z"}
    load_folder(engine, write_folder(tmp_path, orders=[ORDER, earlier]))
    assert [(order_id, at) for order_id, at, *_ in _known(engine)] == [("1001", TEN)]


def test_more_orders_than_one_batch_of_the_cursor_are_all_streamed(engine: Engine, tmp_path: Path) -> None:
    orders = [{**ORDER, "order_id": str(number)} for number in range(10_050)]
    load_folder(engine, write_folder(tmp_path, orders=orders))
    assert len(_known(engine)) == 10_050
