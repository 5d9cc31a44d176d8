"""What the doctor looks at in the warehouse: raw tables, zone, receipts and alerts.

A check that needs what an earlier one found missing is not made: its line would say the same again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from enrich_pipeline.commands.data import open_warehouse
from enrich_pipeline.commands.doctor_findings import CheckName, Finding, guarded, told
from enrich_pipeline.domain.alerts import missing_receipt
from enrich_pipeline.domain.days import StoreDay, local_day
from enrich_pipeline.settings import Settings, business_now
from enrich_pipeline.steps.status import days_until
from enrich_pipeline.warehouse.raw_columns import raw_problems
from enrich_pipeline.warehouse.raw_tables import RAW_TABLES
from enrich_pipeline.warehouse.schema import schema_state

_STALE_AFTER = timedelta(days=2)
_POSTGRES = 160_000


def examine_warehouse(settings: Settings) -> Iterator[Finding]:
    """Make the checks that can be made, in order."""
    try:
        engine = open_warehouse(settings)
    except Exception as error:  # as in `guarded`
        yield Finding("warehouse", "fail", told(error), "Set WAREHOUSE_URL, or unset it for the embedded server.")
        return
    try:
        reached = _asked("warehouse", engine, _warehouse, "See WAREHOUSE_URL, and whether its server runs.")
        yield reached
        if reached.level == "fail":
            return
        if settings.source_url is not None and not _holds(engine, "raw.orders"):
            yield Finding("raw_tables", "ok", "are made when the first day is landed from the source")
        else:
            yield from _examine_raw_tables(engine)
        yield _asked("zone", engine, lambda connection: _zone(connection, settings), "See STORE_TIMEZONE.")
        if reached.level == "ok" and _holds(engine, "enrich.store"):
            may_read = "See whether its user may read schema enrich."
            yield _asked("yesterday", engine, lambda connection: _yesterday(connection, settings), may_read)
            yield _asked("alerts", engine, _alerts, may_read)
    finally:
        engine.dispose()


def _examine_raw_tables(engine: Engine) -> Iterator[Finding]:
    remedy = "See whether its user may read schema raw."
    tables = _asked("raw_tables", engine, _raw_tables, remedy)
    yield tables
    if tables.level == "ok":
        yield _asked("freshness", engine, _freshness, remedy)


def _holds(engine: Engine, table: str) -> bool:
    try:
        with engine.connect() as connection:
            return _has_table(connection, table)
    except DBAPIError:
        return True  # the checks themselves say what is wrong


def _warehouse(connection: Connection) -> Finding:
    version = int(connection.execute(text("SHOW server_version_num")).scalar_one())
    may_create = connection.execute(
        text("SELECT has_database_privilege(current_database(), 'CREATE')")
    ).scalar_one() or _has_table(connection, "enrich.store")
    if version < _POSTGRES:
        return Finding("warehouse", "fail", f"PostgreSQL {version // 10_000}", "Use PostgreSQL 16 or newer.")
    if not may_create:
        return Finding(
            "warehouse", "fail", "its user may not create schema enrich", "GRANT CREATE ON DATABASE ... TO that user."
        )
    if schema_state(connection) == "other":
        return Finding(
            "warehouse",
            "warn",
            f"PostgreSQL {version // 10_000}; schema enrich was made by another version",
            "Run a day, or `enrich status`: either brings it up to date.",
        )
    return Finding("warehouse", "ok", f"PostgreSQL {version // 10_000}")


def _raw_tables(connection: Connection) -> Finding:
    if problems := raw_problems(connection):
        return Finding(
            "raw_tables",
            "fail",
            "; ".join(problems),
            "Make them so, by views where tables must stay as they are (enrich_pipeline/warehouse/raw_tables.py lists "
            "every column), or `enrich load FOLDER`.",
        )
    return Finding("raw_tables", "ok", f"all {len(RAW_TABLES)} with every column")


def _freshness(connection: Connection) -> Finding:
    newest: datetime | None = connection.execute(
        text("SELECT max(ordered_at) FROM raw.orders WHERE ordered_at < now() + interval '1 day'")
    ).scalar()
    if newest is None:
        return Finding("freshness", "warn", "raw.orders holds no order", "Load orders, or start what loads them.")
    if datetime.now(UTC) - newest > _STALE_AFTER:
        return Finding(
            "freshness", "warn", f"the newest order is of {newest:%Y-%m-%d %H:%M}Z", "See what loads schema raw."
        )
    return Finding("freshness", "ok", f"the newest order is of {newest:%Y-%m-%d %H:%M}Z")


def _zone(connection: Connection, settings: Settings) -> Finding:
    """Python and the warehouse must agree on when days begin, for a year back and a year ahead."""
    today = local_day(datetime.now(UTC), settings.store.zone)
    days = [StoreDay(today + timedelta(days=offset), settings.store.zone) for offset in range(-365, 366)]
    wrong = connection.execute(
        text("""
            SELECT count(*) FROM unnest(CAST(:instants AS timestamptz[]), CAST(:days AS date[])) AS days (start, day)
            WHERE (start AT TIME ZONE :zone)::date <> day
                OR ((start - interval '1 microsecond') AT TIME ZONE :zone)::date >= day
        """),
        {"instants": [d.start for d in days], "days": [d.day for d in days], "zone": settings.store_timezone},
    ).scalar_one()
    if wrong:
        return Finding(
            "zone",
            "fail",
            f"this machine and the warehouse disagree on {wrong} days of {settings.store_timezone}",
            "Update the time zone data of the older one (tzdata).",
        )
    recorded = (
        connection.execute(text("SELECT timezone FROM enrich.store")).scalar()
        if _has_table(connection, "enrich.store")
        else None
    )
    if recorded not in {None, settings.store_timezone}:
        return Finding(
            "zone", "fail", f"the warehouse's days were computed for {recorded}", f"Set STORE_TIMEZONE={recorded}."
        )
    return Finding("zone", "ok", f"{settings.store_timezone}, the same here and in the warehouse")


def _yesterday(connection: Connection, settings: Settings) -> Finding:
    now = business_now(settings, clock=datetime.now(UTC))
    days = days_until(connection, local_day(now, settings.store.zone))
    if not any(day.receipt for day in days):
        return Finding("yesterday", "warn", "no day has a receipt yet", "Run a day: `enrich run --from DAY --to DAY`.")
    missing = missing_receipt(days, store=settings.store, now=now, due_hour=settings.receipt_due_hour)
    for condition in missing:
        return Finding(
            "yesterday",
            "warn",
            f"{condition.subject} has {condition.detail}",
            f"See the daily schedule, then `enrich run --from {condition.subject} --to {condition.subject}`.",
        )
    return Finding("yesterday", "ok", f"has its receipt, or is not due before {settings.receipt_due_hour:02}:00")


def _alerts(connection: Connection) -> Finding:
    rows = connection.execute(
        text("SELECT kind, count(*) AS alerts FROM enrich.alerts WHERE closed_at IS NULL GROUP BY kind ORDER BY kind")
    ).all()
    if not rows:
        return Finding("alerts", "ok", "none is open")
    kinds = ", ".join(f"{row.kind} ({row.alerts})" for row in rows)
    return Finding("alerts", "warn", f"open: {kinds}", "docs/runbook.md says what to do about each kind.")


def _asked(check: CheckName, engine: Engine, look: Callable[[Connection], Finding], remedy: str) -> Finding:
    """Look through a connection of the check's own: a statement that fails takes its transaction with it."""

    def ask() -> Finding:
        with engine.connect() as connection:
            return look(connection)

    return guarded(check, ask, remedy)


def _has_table(connection: Connection, name: str) -> bool:
    return connection.execute(text("SELECT to_regclass(:name)"), {"name": name}).scalar_one() is not None
