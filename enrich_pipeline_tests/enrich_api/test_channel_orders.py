"""Importing what the sales channels reported."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

import psycopg
import pytest
from sqlalchemy import URL

from enrich_pipeline.enrich_api.channel_orders import ChannelOrder, ImportResult, import_channel_orders
from enrich_pipeline.enrich_api.config import ApiConfig
from enrich_pipeline.enrich_api.database import connect
from enrich_pipeline.warehouse.embedded import libpq_url

JUNE = datetime(2025, 6, 1, tzinfo=UTC)


@pytest.fixture
def connection(api_database: URL) -> Iterator[psycopg.Connection]:
    with connect(ApiConfig(database_url=libpq_url(api_database), store_currency="EUR")) as connection:
        yield connection


def stored(connection: psycopg.Connection) -> list[tuple[object, ...]]:
    return connection.execute(
        "SELECT order_id, ordered_at, original_currency, original_sales_amount, original_profit_amount "
        "FROM enrich_api.orders ORDER BY order_id"
    ).fetchall()


def test_orders_are_stored_exactly(connection: psycopg.Connection) -> None:
    orders = [ChannelOrder("A", JUNE, "USD", Decimal("10.123456"), Decimal("-0.5")), ("B", None, "USD", None, None)]

    assert import_channel_orders(connection, iter(orders)) == ImportResult(rows=2, orders=2, added=2, changed=0)
    assert stored(connection) == [
        ("A", JUNE, "USD", Decimal("10.123456"), Decimal("-0.5")),
        ("B", None, "USD", None, None),
    ]


def test_importing_again_changes_only_what_differs(connection: psycopg.Connection) -> None:
    orders = [ChannelOrder(name, JUNE, "USD", Decimal(1), Decimal(1)) for name in ("A", "B")]
    import_channel_orders(connection, orders)

    again = import_channel_orders(connection, [orders[0], orders[1]._replace(sales_amount=Decimal(2))])

    assert again == ImportResult(rows=2, orders=2, added=0, changed=1)


def test_an_order_reported_twice_counts_once_by_its_latest_time(connection: psycopg.Connection) -> None:
    orders = [("A", JUNE, "USD", 1, 1), ("A", JUNE.replace(day=2), "USD", 2, 2), ("A", None, "USD", 3, 3)]

    assert import_channel_orders(connection, orders).orders == 1
    assert stored(connection)[0][3] == 2


def test_what_cannot_be_an_original_is_left_out(connection: psycopg.Connection) -> None:
    orders = [
        ("", JUNE, "USD", 1, 1),
        (None, JUNE, "USD", 1, 1),
        ("A", JUNE, None, Decimal("NaN"), Decimal("Infinity")),
    ]

    import_channel_orders(connection, orders)

    assert stored(connection) == [("A", JUNE, "EUR", None, None)]


def test_an_import_that_fails_imports_nothing(connection: psycopg.Connection) -> None:
    def failing() -> Iterator[ChannelOrder]:
        yield ChannelOrder("A", JUNE, "USD", Decimal(1), Decimal(1))
        raise RuntimeError("the source went away")

    with pytest.raises(RuntimeError):
        import_channel_orders(connection, failing())
    assert stored(connection) == []
