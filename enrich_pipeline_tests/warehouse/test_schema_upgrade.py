"""Tables of an earlier version get what they lack: also indexes, and also when all that comes is a reader."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import URL, Engine, inspect, text

from enrich_pipeline.domain.contract import profile_named
from enrich_pipeline.domain.store import Store
from enrich_pipeline.warehouse.engine import warehouse_engine
from enrich_pipeline.warehouse.schema import complete_schema, ensure_schema, schema_state

STORE = Store(timezone="America/New_York", currency="USD")


@pytest.fixture
def engine(database: URL) -> Iterator[Engine]:
    opened = warehouse_engine(database)
    yield opened
    opened.dispose()


@pytest.fixture
def earlier(engine: Engine) -> Engine:
    """A warehouse of an earlier version: without some indexes and a column, and with another fingerprint."""
    ensure(engine)
    with engine.begin() as connection:
        for lacking in (
            "DROP INDEX enrich.upload_ledger_day",
            "DROP INDEX enrich.order_profit_order_id",
            "DROP INDEX enrich.order_profit_exclusion",
            "ALTER TABLE enrich.receipts DROP COLUMN holds",
            "UPDATE enrich.store SET schema_version = 'an earlier one'",
        ):
            connection.execute(text(lacking))
    return engine


def ensure(engine: Engine) -> None:
    ensure_schema(engine, store=STORE, profile=profile_named("full"), business_now=None)


def assert_complete(engine: Engine) -> None:
    inspector = inspect(engine)
    ledger = {index["name"]: index["dialect_options"] for index in inspector.get_indexes("upload_ledger", "enrich")}
    assert ledger["upload_ledger_day"]["postgresql_using"] == "brin"
    marts = {index["name"] for index in inspector.get_indexes("order_profit", "enrich")}
    assert marts == {"order_profit_order_day", "order_profit_order_id", "order_profit_exclusion"}
    assert "holds" in {column["name"] for column in inspector.get_columns("receipts", "enrich")}
    with engine.connect() as connection:
        assert schema_state(connection) == "current"


def test_indexes_and_columns_that_an_earlier_version_did_not_have_are_added(earlier: Engine) -> None:
    ensure(earlier)
    assert_complete(earlier)


def test_a_reader_brings_the_tables_up_to_date_and_leaves_the_store_as_it_was(earlier: Engine) -> None:
    with earlier.begin() as connection:
        connection.execute(text("UPDATE enrich.store SET timezone = 'Asia/Tokyo'"))
    complete_schema(earlier)
    assert_complete(earlier)
    with earlier.connect() as connection:
        assert connection.execute(text("SELECT timezone FROM enrich.store")).scalar_one() == "Asia/Tokyo"


def test_a_reader_makes_nothing_where_no_run_has_been(engine: Engine) -> None:
    complete_schema(engine)
    assert "enrich" not in inspect(engine).get_schema_names()
