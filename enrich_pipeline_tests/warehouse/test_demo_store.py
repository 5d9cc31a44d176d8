"""What the generated store promises: the same rows for the same seed, whole days, and every exclusion reason."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from enrich_pipeline.domain.errors import SettingsError
from enrich_pipeline.domain.states import Exclusion
from enrich_pipeline.domain.store import Store
from enrich_pipeline.warehouse.demo_store import SeedSummary, seed_store
from enrich_pipeline.warehouse.demo_store.exclusions import REASONS
from enrich_pipeline.warehouse.driver import driver_connection
from enrich_pipeline.warehouse.embedded import EmbeddedPostgres
from enrich_pipeline.warehouse.engine import warehouse_engine
from enrich_pipeline.warehouse.load import load_folder
from enrich_pipeline.warehouse.raw_schema import ForeignRawSchemaError
from enrich_pipeline.warehouse.raw_tables import RAW_TABLES
from enrich_pipeline_tests.support.databases import fresh_database

NEW_YORK = Store(timezone="America/New_York", currency="USD")
SUNDAY = date(2026, 11, 22)

_WRONG: dict[Exclusion, str] = {
    "duplicate_order": "order_id IN (SELECT order_id FROM raw.orders GROUP BY order_id HAVING count(*) > 1)",
    "invalid_id": "order_id !~ '^[0-9]{13}$'",
    "test_order": "is_test",
    "not_a_sale": "document_type <> 'sale'",
    "invalid_currency": "currency IS DISTINCT FROM 'USD'",
    "no_lines": "order_id NOT IN (SELECT order_id FROM raw.order_lines)",
    "incomplete_line": """order_discount IS NULL OR order_id IN (SELECT order_id FROM raw.order_lines
        WHERE quantity IS NULL OR unit_price IS NULL OR unit_price = 'NaN' OR discount IS NULL)""",
    "incomplete_shipping": "shipping_charged IS NULL OR shipping_charged = 'NaN'",
    "incomplete_refund": """order_id IN (SELECT r.order_id FROM raw.refunds r LEFT JOIN raw.refund_lines l
        USING (refund_id) LEFT JOIN raw.order_lines o ON o.order_id = r.order_id AND o.line_id = l.line_id
        WHERE r.amount IS NULL OR l.restocked AND (l.quantity IS NULL OR o.line_id IS NULL))""",
    "incomplete_fee": "order_id IN (SELECT order_id FROM raw.order_transactions WHERE amount IS NULL)",
    "missing_cost": "(SELECT min(costs) FROM line_costs WHERE line_costs.order_id = o.order_id) = 0",
    "ambiguous_cost": "(SELECT max(costs) FROM line_costs WHERE line_costs.order_id = o.order_id) > 1",
    "ambiguous_fee": "channel = 'wholesale_portal'",
    "missing_fx": "(SELECT bool_or(unrated) FROM line_costs WHERE line_costs.order_id = o.order_id)",
}
_LINE_COSTS = """
    WITH line_costs AS MATERIALIZED (
        SELECT l.order_id,
               CASE WHEN l.unit_cost IS NOT NULL OR l.is_gift_card THEN 1 ELSE count(c.sku) END AS costs,
               coalesce(bool_or(c.currency <> 'USD' AND NOT EXISTS (
                   SELECT FROM raw.fx_rates f WHERE f.from_currency = c.currency AND f.to_currency = 'USD'
                   AND f.rate_date BETWEEN day - 7 AND day)), false) AS unrated
        FROM raw.order_lines l
        JOIN (SELECT DISTINCT ON (order_id) order_id, (ordered_at AT TIME ZONE 'America/New_York')::date AS day
              FROM raw.orders) o USING (order_id)
        LEFT JOIN raw.unit_costs c ON c.sku = l.sku AND day >= coalesce(effective_from, '-infinity')
            AND day <= coalesce(effective_to, 'infinity')
        GROUP BY l.order_id, l.line_id, l.unit_cost, l.is_gift_card)
"""


@pytest.fixture
def engine(database: Any) -> Iterator[Engine]:
    engine = warehouse_engine(database)
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def store_of_600(postgres: EmbeddedPostgres) -> Iterator[tuple[Engine, SeedSummary]]:
    """Twelve days around the end of daylight saving time, 50 orders a day."""
    with fresh_database(postgres) as url:
        engine = warehouse_engine(url)
        yield engine, _seed(engine, days=12, orders_per_day=50, last_day=date(2026, 11, 4))
        engine.dispose()


def _seed(engine: Engine, **changes: Any) -> SeedSummary:
    arguments = {"store": NEW_YORK, "days": 1, "orders_per_day": 5, "seed": 7, "last_day": SUNDAY}
    return seed_store(engine, **{**arguments, **changes})


def _rows(engine: Engine, query: str) -> list[tuple[Any, ...]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def _content(engine: Engine) -> dict[str, list[Any]]:
    return {table.name: _rows(engine, f"SELECT t::text FROM {table.fullname} t ORDER BY 1") for table in RAW_TABLES}


def test_the_same_seed_gives_the_same_rows_byte_for_byte(engine: Engine) -> None:
    _seed(engine, days=3, orders_per_day=80)
    first = _content(engine)
    _seed(engine, days=3, orders_per_day=80)
    assert _content(engine) == first


def test_another_seed_gives_other_orders(engine: Engine) -> None:
    _seed(engine)
    first = _content(engine)
    _seed(engine, seed=8)
    assert _content(engine)["orders"] != first["orders"]


def test_a_store_has_as_many_orders_as_asked_for_and_more_on_sunday_than_on_monday(
    store_of_600: tuple[Engine, SeedSummary],
) -> None:
    engine, summary = store_of_600
    by_day = dict(
        _rows(engine, "SELECT (ordered_at AT TIME ZONE 'America/New_York')::date, count(*) FROM raw.orders GROUP BY 1")
    )
    assert sum(by_day.values()) == summary.rows["orders"] == 600
    assert (
        (min(by_day), max(by_day)) == (summary.first_day, summary.last_day) == (date(2026, 10, 24), date(2026, 11, 4))
    )
    assert by_day[date(2026, 10, 25)] > by_day[date(2026, 10, 26)]


@pytest.mark.parametrize(
    ("timezone", "day", "hours"),
    [
        ("America/New_York", date(2026, 3, 8), 23),
        ("America/New_York", date(2026, 11, 1), 25),
        ("America/Santiago", date(2026, 9, 6), 23),  # midnight itself does not exist
        ("Australia/Lord_Howe", date(2026, 4, 5), 24.5),
    ],
)
def test_no_order_lies_outside_a_day_whatever_its_length(
    engine: Engine, timezone: str, day: date, hours: float
) -> None:
    _seed(engine, store=Store(timezone=timezone, currency="USD"), orders_per_day=4000, last_day=day)
    [(days, spread)] = _rows(
        engine,
        f"SELECT array_agg(DISTINCT (ordered_at AT TIME ZONE '{timezone}')::date),"
        " extract(epoch FROM max(ordered_at) - min(ordered_at)) / 3600 FROM raw.orders",
    )
    assert days == [day]
    assert hours - 0.5 < spread < hours


def test_nothing_lies_in_the_future(store_of_600: tuple[Engine, SeedSummary]) -> None:
    engine, _ = store_of_600
    end = "'2026-11-05T00:00:00-05:00'"
    for table, column in [
        ("orders", "cancelled_at"),
        ("refunds", "refunded_at"),
        ("order_transactions", "processed_at"),
    ]:
        late = f"SELECT count(*) FROM raw.{table} WHERE updated_at >= {end} OR {column} >= {end}"
        assert _rows(engine, late) == [(0,)]


@pytest.mark.parametrize("reason", REASONS)
def test_a_store_of_500_orders_has_every_reason_for_exclusion_and_no_order_has_two(
    store_of_600: tuple[Engine, SeedSummary], reason: Exclusion
) -> None:
    engine, summary = store_of_600
    others = " OR ".join(f"({wrong})" for other, wrong in _WRONG.items() if other != reason)
    [(wrong, doubly_wrong)] = _rows(
        engine,
        f"{_LINE_COSTS} SELECT count(*), count(*) FILTER (WHERE {others}) FROM raw.orders o WHERE {_WRONG[reason]}",
    )
    copies = 2 if reason == "duplicate_order" else 1
    assert summary.planted[reason] == 3
    assert (wrong, doubly_wrong) == (3 * copies, 0)


def test_a_tiny_store_has_orders_with_lines(engine: Engine) -> None:
    summary = _seed(engine, days=1, orders_per_day=5)
    assert summary.rows["orders"] == 5
    assert _rows(engine, "SELECT count(DISTINCT order_id) FROM raw.order_lines") == [(5,)]
    assert sum(summary.planted.values()) == 0


def test_a_store_without_orders_is_empty_but_knows_its_costs(engine: Engine) -> None:
    summary = _seed(engine, days=2, orders_per_day=0)
    assert summary.rows["orders"] == 0
    assert summary.rows["unit_costs"] > 0


@pytest.mark.parametrize(("currency", "decimals"), [("JPY", 0), ("USD", 2), ("KWD", 3)])
def test_amounts_have_the_decimals_of_the_stores_currency(engine: Engine, currency: str, decimals: int) -> None:
    _seed(engine, store=Store(timezone="Asia/Tokyo", currency=currency), orders_per_day=300)
    amounts = f"""
        SELECT array_agg(DISTINCT scale(amount)) FROM (
            SELECT unit_price FROM raw.order_lines UNION ALL SELECT discount FROM raw.order_lines
            UNION ALL SELECT order_discount FROM raw.orders UNION ALL SELECT shipping_charged FROM raw.orders
            UNION ALL SELECT tax_total FROM raw.orders UNION ALL SELECT amount FROM raw.refunds
            UNION ALL SELECT fixed FROM raw.fee_rules
            UNION ALL SELECT amount FROM raw.order_transactions WHERE currency = '{currency}'
            UNION ALL SELECT unit_cost FROM raw.unit_costs WHERE coalesce(currency, '{currency}') = '{currency}'
        ) AS every(amount) WHERE amount <> 'NaN'
    """
    assert _rows(engine, amounts) == [([decimals],)]


def test_a_plausible_store_has_bestsellers_channels_refunds_restocking_and_actual_fees(engine: Engine) -> None:
    _seed(engine, days=20, orders_per_day=100)
    assert _rows(engine, "SELECT count(DISTINCT channel) > 3, count(DISTINCT payment_gateway) > 5 FROM raw.orders") == [
        (True, True)
    ]
    [(bestseller, lines)] = _rows(
        engine, "SELECT max(n), sum(n) FROM (SELECT count(*) n FROM raw.order_lines GROUP BY sku) AS skus"
    )
    assert bestseller > lines / 50
    present = """
        SELECT bool_or(is_gift_card), bool_or(unit_cost IS NOT NULL), bool_or(discount > 0),
               (SELECT bool_or(restocked) AND NOT bool_and(restocked) FROM raw.refund_lines),
               (SELECT count(cancelled_at) BETWEEN 10 AND 60 FROM raw.orders),
               (SELECT count(DISTINCT currency) = 2 FROM raw.order_transactions),
               (SELECT count(DISTINCT kind) > 3 FROM raw.order_transactions),
               (SELECT bool_or(effective_to IS NULL) AND count(effective_from) > 100 FROM raw.unit_costs)
        FROM raw.order_lines
    """
    assert _rows(engine, present) == [(True,) * 8]


def test_seeding_again_replaces_the_store(engine: Engine) -> None:
    _seed(engine, days=2, orders_per_day=30)
    _seed(engine, days=1, orders_per_day=10)
    assert _rows(engine, "SELECT count(*) FROM raw.orders") == [(10,)]


def test_progress_is_told_by_the_day(engine: Engine) -> None:
    told: list[tuple[int, int, str]] = []
    _seed(engine, days=2, on_progress=lambda done, total, what: told.append((done, total, what)))
    assert told == [(1, 2, "2026-11-21"), (2, 2, "2026-11-22")]


def test_a_raw_schema_that_somebody_else_made_is_refused_and_left_alone(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("CREATE SCHEMA raw; CREATE TABLE raw.orders AS SELECT 'theirs' AS order_id"))
    with pytest.raises(ForeignRawSchemaError, match=r"did not create.*WAREHOUSE_URL") as refused:
        _seed(engine)
    assert refused.value.exit_code == 2
    assert _rows(engine, "SELECT order_id FROM raw.orders") == [("theirs",)]


def test_a_currency_without_a_minor_unit_is_refused(engine: Engine) -> None:
    with pytest.raises(SettingsError, match="XAU"):
        _seed(engine, store=Store(timezone="UTC", currency="XAU"))


def test_a_generated_store_written_to_files_loads_again_as_it_was(engine: Engine, tmp_path: Path) -> None:
    """So no two of its rows are the same, not even the two copies of an order."""
    summary = _seed(engine, days=1, orders_per_day=6000)
    before = _content(engine)
    with engine.connect() as connection, driver_connection(connection).cursor() as cursor:
        for table in RAW_TABLES:
            with cursor.copy(f"COPY {table.fullname} TO STDOUT (FORMAT csv, HEADER)") as copy:
                (tmp_path / f"{table.name}.csv").write_bytes(b"".join(bytes(part) for part in copy))
    assert load_folder(engine, tmp_path) == summary.rows
    assert _content(engine) == before
