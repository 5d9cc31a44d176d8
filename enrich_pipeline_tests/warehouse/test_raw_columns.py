"""Raw tables of a brand's own: what they may be, and what is refused before it would be read as something else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import URL, Engine, text

from enrich_pipeline.domain.errors import DayError
from enrich_pipeline.warehouse.embedded import API_ROLE, EmbeddedPostgres
from enrich_pipeline.warehouse.engine import warehouse_engine
from enrich_pipeline.warehouse.raw_columns import raw_problems, require_raw_tables
from enrich_pipeline.warehouse.raw_schema import create_raw_schema


@pytest.fixture
def brand(database: URL) -> Iterator[Engine]:
    """A warehouse with every raw table."""
    engine = warehouse_engine(database)
    with engine.begin() as connection:
        create_raw_schema(connection)
    yield engine
    engine.dispose()


def problems_after(brand: Engine, *statements: str) -> list[str]:
    with brand.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
        return raw_problems(connection)


def test_the_tables_as_the_pipeline_makes_them_are_well(brand: Engine) -> None:
    assert problems_after(brand) == []


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE raw.order_lines ALTER COLUMN quantity TYPE integer",
        "ALTER TABLE raw.order_lines ALTER COLUMN unit_price TYPE numeric(12, 2)",
        "ALTER TABLE raw.orders ALTER COLUMN order_id TYPE varchar(40)",
        "ALTER TABLE raw.orders ADD COLUMN note text",
        "ALTER TABLE raw.orders RENAME TO shop_orders; CREATE VIEW raw.orders AS SELECT * FROM raw.shop_orders",
        "CREATE DOMAIN raw.amount AS numeric; ALTER TABLE raw.refunds ALTER COLUMN amount TYPE raw.amount",
    ],
)
def test_another_type_that_holds_the_same_is_well(brand: Engine, statement: str) -> None:
    assert problems_after(brand, statement) == []


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("DROP TABLE raw.refunds", "raw.refunds is missing"),
        ("ALTER TABLE raw.refunds DROP COLUMN tax", "raw.refunds.tax is missing"),
        (
            "ALTER TABLE raw.order_lines ALTER COLUMN unit_price TYPE double precision",
            "raw.order_lines.unit_price is double precision, which is not exact: it must be numeric",
        ),
        (
            "ALTER TABLE raw.fx_rates ALTER COLUMN rate TYPE real",
            "raw.fx_rates.rate is real, which is not exact: it must be numeric",
        ),
        (
            "CREATE DOMAIN raw.cost AS float8; ALTER TABLE raw.unit_costs ALTER COLUMN unit_cost TYPE raw.cost",
            "raw.unit_costs.unit_cost is double precision, which is not exact: it must be numeric",
        ),
        (
            "ALTER TABLE raw.orders ALTER COLUMN ordered_at TYPE timestamp",
            "raw.orders.ordered_at is timestamp without time zone, which is no instant: it must be timestamptz",
        ),
        (
            "ALTER TABLE raw.refunds ALTER COLUMN refunded_at TYPE date",
            "raw.refunds.refunded_at is date, which is no instant: it must be timestamptz",
        ),
        (
            "ALTER TABLE raw.unit_costs ALTER COLUMN effective_to TYPE timestamptz",
            "raw.unit_costs.effective_to is timestamp with time zone, which is no day: it must be date",
        ),
    ],
)
def test_what_would_be_read_as_something_else_is_named(brand: Engine, statement: str, said: str) -> None:
    assert problems_after(brand, statement) == [said]


def test_what_the_user_may_not_read_is_told_from_what_is_missing(
    brand: Engine, database: URL, postgres: EmbeddedPostgres
) -> None:
    grants = (
        f"GRANT CONNECT ON DATABASE {database.database} TO {API_ROLE}",
        f"GRANT USAGE ON SCHEMA raw TO {API_ROLE}",
        f"GRANT SELECT ON ALL TABLES IN SCHEMA raw TO {API_ROLE}",
        f"REVOKE SELECT ON raw.refunds, raw.orders FROM {API_ROLE}",
        f"GRANT SELECT (order_id) ON raw.orders TO {API_ROLE}",
    )
    assert problems_after(brand, *grants) == []
    reader = warehouse_engine(postgres.url(database.database or "", role=API_ROLE))
    with reader.connect() as connection:
        found = raw_problems(connection)
    reader.dispose()
    assert "raw.refunds may not be read by the warehouse's user" in found
    assert "raw.orders.ordered_at may not be read by the warehouse's user" in found
    assert not [problem for problem in found if "order_id" in problem or "missing" in problem]


def test_an_error_names_the_first_problems_and_counts_the_others(brand: Engine) -> None:
    with brand.begin() as connection:
        connection.execute(text("DROP SCHEMA raw CASCADE"))
        with pytest.raises(DayError, match=r"raw\.orders is missing; .*; and 3 more\. `enrich doctor`"):
            require_raw_tables(connection)
