"""A day's work touches that day: it goes by indexes however much the warehouse holds, and knows where a day begins."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from enrich_pipeline.domain.days import StoreDay
from enrich_pipeline.domain.store import Store
from enrich_pipeline_tests.dbt_costs.small_store import DAY, SmallStore

YEARS_OF_ORDERS = """
    INSERT INTO raw.orders (order_id, ordered_at, document_type, currency, order_discount, shipping_charged)
    SELECT 'ORDER' || number, '2021-01-01T00:00:00Z'::timestamptz + number * interval '30 minutes', 'sale', 'USD', 0, 0
    FROM generate_series(1, 100000) AS number;
    INSERT INTO raw.order_lines (order_id, line_id, sku, quantity, unit_price, discount, unit_cost)
    SELECT order_id, line_id, 'S', 1, 100, 0, 40 FROM raw.orders CROSS JOIN unnest(ARRAY['1', '2', '3']) AS line_id;
    ANALYZE raw.orders, raw.order_lines
"""


def scans(plan: dict[str, Any]) -> list[tuple[str, str]]:
    """Every scan of a raw table in a plan: the table and how it is read."""
    own = [(plan["Relation Name"], plan["Node Type"])] if plan.get("Schema") == "raw" else []
    return own + [scan for child in plan.get("Plans", []) for scan in scans(child)]


def test_a_days_work_reads_its_orders_and_lines_by_index(store: SmallStore) -> None:
    store.execute(YEARS_OF_ORDERS)
    statements = store.compiler.statements(store.store, DAY, DAY)

    (row,) = store.query(f"EXPLAIN (FORMAT json, VERBOSE) {statements.order_costs}")

    (explained,) = row["QUERY PLAN"]
    found = scans(explained["Plan"])
    assert {kind for table, kind in found if table == "order_lines"} <= {"Index Scan", "Bitmap Heap Scan"}
    # The one sequential scan counts orders without id, and runs only when the day has one.
    assert [kind for table, kind in found if table == "orders"].count("Seq Scan") == 1


def test_a_day_begins_in_sql_when_it_begins_in_python(store: SmallStore) -> None:
    """Every zone, on the days on which its clock changes from 2024 to 2029.

    Left out are zones whose rules PostgreSQL and Python know in different versions, and the few names that PostgreSQL
    takes for abbreviations of fixed offsets (CET, EET, MET, WET).
    """
    compiled = store.compiler.statements(Store(timezone="ZONE", currency="USD"), date(2000, 1, 1), date(2000, 1, 1))
    condition = compiled.order_costs.split("ordered_at >= ")[1].split("and ordered_at <")[0].strip()
    start = condition.replace("'ZONE'", "zone").replace("'2000-01-01'::date", "day")
    changes = [StoreDay(day, ZoneInfo(zone)) for zone in sorted(available_timezones()) for day in days_of_change(zone)]

    with store.connect() as connection:
        zones = {row["name"] for row in connection.execute("SELECT name FROM pg_timezone_names")}
        known = [change for change in changes if change.zone.key in zones]
        rows = connection.execute(
            f"SELECT {start} AS start, expected AT TIME ZONE zone AS wall, expected - interval '3 hours' AS before,"  # type: ignore[arg-type]  # ours
            " (expected - interval '3 hours') AT TIME ZONE zone AS wall_before"
            " FROM unnest(%s::text[], %s::date[], %s::timestamptz[]) AS days (zone, day, expected)",
            [[c.zone.key for c in known], [c.day for c in known], [c.start for c in known]],
        ).fetchall()

    compared = [
        (change, row["start"])
        for change, row in zip(known, rows, strict=True)
        if row["wall"] == wall(change.start, change.zone) and row["wall_before"] == wall(row["before"], change.zone)
    ]
    assert len(compared) > 1000
    assert [(change, found) for change, found in compared if found != change.start] == []


def wall(instant: datetime, zone: ZoneInfo) -> datetime:
    return instant.astimezone(zone).replace(tzinfo=None)


def days_of_change(zone: str) -> list[date]:
    """The days near which the zone's offset differs from the day before, 2024 to 2029."""
    offsets = ZoneInfo(zone)
    days = [date(2024, 1, 1) + timedelta(days=number) for number in range(4000)]
    noons = [datetime(day.year, day.month, day.day, 12, tzinfo=UTC).astimezone(offsets).utcoffset() for day in days]
    changed = [day for day, before, after in zip(days[1:], noons, noons[1:], strict=False) if before != after]
    return [day + timedelta(days=shift) for day in changed for shift in (-1, 0, 1)]
