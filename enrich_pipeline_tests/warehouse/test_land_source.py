"""Orders of another database: a day is landed exactly, replaced whole, and refused where it cannot be read."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from enrich_pipeline.domain.contract import profile_named
from enrich_pipeline.domain.days import StoreDay
from enrich_pipeline.domain.errors import DayError, SettingsError, WarehouseLostError
from enrich_pipeline.domain.store import Store
from enrich_pipeline.steps.check_source import check_source_day
from enrich_pipeline.steps.context import RunContext
from enrich_pipeline.warehouse.embedded import EmbeddedPostgres
from enrich_pipeline.warehouse.engine import warehouse_engine
from enrich_pipeline.warehouse.land_source import land_day
from enrich_pipeline.warehouse.raw_tables import RAW_TABLES
from enrich_pipeline.warehouse.schema import ensure_schema
from enrich_pipeline.warehouse.source_database import source_engine
from enrich_pipeline_tests.support.databases import fresh_database
from enrich_pipeline_tests.support.own_server import PASSWORD

STORE = Store(timezone="America/New_York", currency="USD")
DAY = StoreDay(date(2026, 11, 1), STORE.zone)  # of 25 hours
NEXT = StoreDay(DAY.day + timedelta(days=1), STORE.zone)
LONG = "0.1234567890123456789"


@pytest.fixture
def warehouse(postgres: EmbeddedPostgres) -> Iterator[sa.Engine]:
    with fresh_database(postgres) as url:
        engine = warehouse_engine(url)
        ensure_schema(engine, store=STORE, profile=profile_named("full"), business_now=None)
        yield engine
        engine.dispose()


@pytest.fixture(params=["postgresql", "sqlite"])
def source(request: pytest.FixtureRequest, postgres: EmbeddedPostgres, tmp_path: Path) -> Iterator[sa.Engine]:
    """A brand's database, with orders around the edges of the day, and no table of costs."""
    tables = [table for table in RAW_TABLES if table.name not in {"unit_costs", "fee_rules", "fx_rates"}]
    if request.param == "sqlite":
        engine = source_engine(SecretStr(f"sqlite:///{tmp_path / 'brand.db'}"))
        kinds = {"NUMERIC": "text", "TIMESTAMP": "text", "DATE": "text", "BOOLEAN": "integer", "TEXT": "text"}
        fill(engine, tables, kinds)
        yield engine
        engine.dispose()
        return
    with fresh_database(postgres) as url:
        engine = source_engine(SecretStr(url.render_as_string(hide_password=False)))
        kinds = {"NUMERIC": "numeric", "TIMESTAMP": "timestamptz", "DATE": "date", "BOOLEAN": "boolean", "TEXT": "text"}
        fill(engine, tables, kinds)
        yield engine
        engine.dispose()


def fill(engine: sa.Engine, tables: list[sa.Table], kinds: dict[str, str]) -> None:
    with engine.begin() as connection:
        for table in tables:
            columns = ", ".join(
                f"{column.name} {kinds[column.type.__visit_name__.upper()]}" for column in table.columns
            )
            connection.execute(sa.text(f"CREATE TABLE {table.name} ({columns})"))
        for order_id, at in (
            ("before", "2026-11-01T03:59:59.999999Z"),
            ("first", "2026-11-01T00:00:00-04:00"),
            ("last", "2026-11-02T04:59:59.999999+00:00"),
            ("after", "2026-11-02T05:00:00Z"),
        ):
            place(connection, order_id, at)


def place(connection: sa.Connection, order_id: str, at: str, price: str = LONG) -> None:
    connection.execute(
        sa.text("INSERT INTO orders (order_id, ordered_at, document_type, currency) VALUES (:id, :at, 'sale', 'USD')"),
        {"id": order_id, "at": at},
    )
    connection.execute(
        sa.text("INSERT INTO order_lines (order_id, line_id, quantity, unit_price) VALUES (:id, '1', 3, :price)"),
        {"id": order_id, "price": price if connection.dialect.name == "sqlite" else Decimal(price)},
    )


def landed(warehouse: sa.Engine) -> list[tuple[str, Decimal]]:
    query = (
        "SELECT order_id, unit_price FROM raw.orders INNER JOIN raw.order_lines USING (order_id) ORDER BY ordered_at"
    )
    with warehouse.connect() as connection:
        return [(row.order_id, row.unit_price) for row in connection.execute(sa.text(query))]


def test_the_days_orders_land_exactly_and_no_others(warehouse: sa.Engine, source: sa.Engine) -> None:
    land_day(warehouse, source, DAY)
    assert landed(warehouse) == [("first", Decimal(LONG)), ("last", Decimal(LONG))]


def test_the_control_totals_are_the_sources_own(warehouse: sa.Engine, source: sa.Engine) -> None:
    run = RunContext(
        engine=warehouse,
        store=STORE,
        profile=profile_named("full"),
        run_id="run",
        business_now=NEXT.end,
        source=source,
    )
    (total,) = check_source_day(run, DAY).totals
    assert (total.currency, total.orders, total.control_total) == ("USD", 2, 6 * Decimal(LONG))


def test_landing_again_replaces_the_day_and_leaves_others_alone(warehouse: sa.Engine, source: sa.Engine) -> None:
    land_day(warehouse, source, DAY)
    land_day(warehouse, source, NEXT)
    with source.begin() as connection:
        connection.execute(sa.text("DELETE FROM orders WHERE order_id = 'first'"))
        connection.execute(sa.text("UPDATE orders SET ordered_at = '2026-11-01T12:00:00Z' WHERE order_id = 'after'"))
    land_day(warehouse, source, DAY)
    land_day(warehouse, source, DAY)
    assert [order_id for order_id, _ in landed(warehouse)] == ["after", "last"]


def test_a_copy_of_an_order_on_another_day_lands_too(warehouse: sa.Engine, source: sa.Engine) -> None:
    with source.begin() as connection:
        connection.execute(
            sa.text(
                "INSERT INTO orders (order_id, ordered_at, currency) VALUES ('first', '2026-11-09T12:00:00Z', 'USD')"
            )
        )
    land_day(warehouse, source, DAY)
    with warehouse.connect() as connection:
        copies = connection.execute(sa.text("SELECT count(*) FROM raw.orders WHERE order_id = 'first'")).scalar_one()
    assert copies == 2


def test_a_table_that_the_source_lacks_stays_as_the_warehouse_has_it(warehouse: sa.Engine, source: sa.Engine) -> None:
    land_day(warehouse, source, DAY)
    with warehouse.begin() as connection:
        connection.execute(sa.text("INSERT INTO raw.unit_costs (sku, unit_cost) VALUES ('A', 4)"))
    land_day(warehouse, source, DAY)
    with warehouse.connect() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM raw.unit_costs")).scalar_one() == 1


def test_a_row_that_cannot_be_read_leaves_the_warehouse_as_it_was(warehouse: sa.Engine, tmp_path: Path) -> None:
    engine = source_engine(SecretStr(f"sqlite:///{tmp_path / 'brand.db'}"))
    kinds = dict.fromkeys(("NUMERIC", "TIMESTAMP", "DATE", "BOOLEAN", "TEXT"), "text")
    fill(engine, list(RAW_TABLES), kinds)
    land_day(warehouse, engine, DAY)
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE order_lines SET unit_price = 'a lot' WHERE order_id = 'last'"))
        connection.execute(sa.text("UPDATE order_lines SET updated_at = '2026-11-01 10:00:00'"))
    with pytest.raises(DayError, match="order_lines") as raised:
        land_day(warehouse, engine, DAY)
    engine.dispose()
    assert "unit_price" in str(raised.value)
    assert "updated_at" in str(raised.value)
    assert len(landed(warehouse)) == 2


def test_a_source_that_is_not_there_yet_is_told_from_one_that_never_will_be(warehouse: sa.Engine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    down = source_engine(SecretStr(f"postgresql://brand:{PASSWORD}@127.0.0.1:{port}/orders"))
    with pytest.raises(WarehouseLostError, match=f"SOURCE_URL.*{port}.*Nothing was landed") as lost:
        land_day(warehouse, down, DAY)
    assert PASSWORD not in str(lost.value)
    never = source_engine(SecretStr("sqlite:////no/such/folder/brand.db"))
    with pytest.raises(DayError, match=r"SOURCE_URL.*unable to open database file") as raised:
        land_day(warehouse, never, DAY)
    assert not isinstance(raised.value, WarehouseLostError)


def test_a_source_of_another_kind_is_refused_without_its_password() -> None:
    with pytest.raises(SettingsError, match="mssql") as raised:
        source_engine(SecretStr(f"mssql+pyodbc://brand:{PASSWORD}@host/orders"))
    assert PASSWORD not in str(raised.value)
