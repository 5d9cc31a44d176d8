"""The pipeline's own tables: made when they are missing, completed when an earlier version made them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import URL, Engine, text

from enrich_pipeline.domain.contract import profile_named
from enrich_pipeline.domain.errors import SettingsError
from enrich_pipeline.domain.store import Store
from enrich_pipeline.warehouse.engine import warehouse_engine
from enrich_pipeline.warehouse.schema import ensure_schema

STORE = Store(timezone="America/New_York", currency="USD")


@pytest.fixture
def engine(database: URL) -> Iterator[Engine]:
    opened = warehouse_engine(database)
    yield opened
    opened.dispose()


def ensure(engine: Engine, store: Store = STORE) -> None:
    ensure_schema(engine, store=store, profile=profile_named("full"), business_now=None)


def execute(engine: Engine, statement: str) -> None:
    with engine.begin() as connection:
        connection.execute(text(statement))


def test_columns_that_an_earlier_version_did_not_have_are_added_and_its_rows_kept(engine: Engine) -> None:
    ensure(engine)
    execute(engine, "INSERT INTO enrich.upload_runs (order_day, run_id, overrides) VALUES ('2026-03-10', 'r', '{}')")
    execute(engine, "ALTER TABLE enrich.upload_runs DROP COLUMN holds")
    execute(engine, "ALTER TABLE enrich.upload_ledger DROP COLUMN left_day CASCADE")
    execute(engine, "UPDATE enrich.store SET schema_version = 'an earlier one'")

    ensure(engine)

    with engine.connect() as connection:
        assert connection.execute(text("SELECT holds FROM enrich.upload_runs")).all() == [([],)]
        assert connection.execute(text("SELECT count(*) FROM enrich.order_states")).scalar_one() == 0


def test_another_zone_is_refused_once_days_were_computed(engine: Engine) -> None:
    ensure(engine)
    elsewhere = Store(timezone="Asia/Tokyo", currency="USD")
    ensure(engine, elsewhere)
    execute(
        engine,
        "INSERT INTO enrich.computed_days (mart, order_day, run_id, computed_at) "
        "VALUES ('order_costs', '2026-03-10', 'r', now())",
    )
    with pytest.raises(SettingsError, match=r"computed for Asia/Tokyo.*Set STORE_TIMEZONE=Asia/Tokyo again"):
        ensure(engine)
