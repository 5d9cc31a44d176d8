"""What the doctor looks at. Each check reads, changes nothing, and ends in a finding whatever happens.

A check that needs what an earlier one found missing is not made: its line would say the same again.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Literal, get_args
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import dagster as dg
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from enrich_pipeline.commands.boundary import database_says
from enrich_pipeline.commands.data import open_warehouse
from enrich_pipeline.domain.alerts import missing_receipt
from enrich_pipeline.domain.contract import profile_named
from enrich_pipeline.domain.days import StoreDay, local_day
from enrich_pipeline.domain.errors import EnrichError
from enrich_pipeline.enrich_client import NO_RETRIES, EnrichClient
from enrich_pipeline.orchestration.instance import enter_dagster_home
from enrich_pipeline.settings import PROJECT_ROOT, Settings, api_key, business_now
from enrich_pipeline.steps.status import days_until
from enrich_pipeline.warehouse.raw_tables import RAW_TABLES
from enrich_pipeline.warehouse.schema import schema_state

Level = Literal["ok", "warn", "fail"]

CheckName = Literal[
    "settings",
    "warehouse",
    "raw_tables",
    "freshness",
    "zone",
    "api",
    "clock",
    "dbt",
    "dagster_storage",
    "dagster_daemons",
    "yesterday",
    "alerts",
]

DOCTOR_CHECKS: tuple[CheckName, ...] = get_args(CheckName)

_STALE_AFTER = timedelta(days=2)
_SKEW_WARNED = timedelta(seconds=30)
_POSTGRES = 160_000


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found; `remedy` says how to mend it, and is empty when all is well."""

    check: CheckName
    level: Level
    says: str
    remedy: str = ""


def examine(settings: Settings) -> list[Finding]:
    """Make every check, in the order of `DOCTOR_CHECKS`, leaving out those that depend on what is missing."""
    findings = [Finding("settings", "ok", f"store in {settings.store_timezone}, {settings.store_currency}")]
    findings += _of_warehouse(settings)
    findings += [
        _guarded("api", lambda: _api(settings), "See WORKMAGIC_API_URL and WORKMAGIC_API_KEY."),
        _guarded("clock", lambda: _clock(settings), "See WORKMAGIC_API_URL."),
        _guarded("dbt", _dbt, "Run `enrich prepare`."),
        *_of_dagster(settings),
    ]
    return sorted(findings, key=lambda finding: DOCTOR_CHECKS.index(finding.check))


def _guarded(check: CheckName, look: Callable[[], Finding], remedy: str) -> Finding:
    try:
        return look()
    except Exception as error:  # a doctor owes a line for each thing, whatever became of looking at it
        return Finding(check, "fail", _told(error), remedy)


def _told(error: Exception) -> str:
    if isinstance(error, EnrichError):
        return str(error)
    if isinstance(error, DBAPIError):
        return database_says(error).strip()
    return f"cannot be examined ({type(error).__name__})"


def _asked(check: CheckName, engine: Engine, look: Callable[[Connection], Finding], remedy: str) -> Finding:
    """Look through a connection of the check's own: a statement that fails takes its transaction with it."""

    def ask() -> Finding:
        with engine.connect() as connection:
            return look(connection)

    return _guarded(check, ask, remedy)


def _of_warehouse(settings: Settings) -> Iterator[Finding]:
    try:
        engine = open_warehouse(settings)
    except Exception as error:  # as in `_guarded`
        yield Finding("warehouse", "fail", _told(error), "Set WAREHOUSE_URL, or unset it for the embedded server.")
        return
    try:
        reached = _asked("warehouse", engine, _warehouse, "See WAREHOUSE_URL, and whether its server runs.")
        yield reached
        if reached.level == "fail":
            return
        tables = _asked("raw_tables", engine, _raw_tables, "See whether its user may read schema raw.")
        yield tables
        if tables.level == "ok":
            yield _asked("freshness", engine, _freshness, "See whether its user may read schema raw.")
        yield _asked("zone", engine, lambda connection: _zone(connection, settings), "See STORE_TIMEZONE.")
        if reached.level == "ok" and _is_in_use(engine):
            may_read = "See whether its user may read schema enrich."
            yield _asked("yesterday", engine, lambda connection: _yesterday(connection, settings), may_read)
            yield _asked("alerts", engine, _alerts, may_read)
    finally:
        engine.dispose()


def _is_in_use(engine: Engine) -> bool:
    try:
        with engine.connect() as connection:
            return _has_table(connection, "enrich.store")
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
    present: dict[str, set[str]] = {}
    for row in connection.execute(
        text("SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'raw'")
    ):
        present.setdefault(row.table_name, set()).add(row.column_name)
    missing = [
        f"raw.{table.name}" if table.name not in present else f"raw.{table.name}.{column.name}"
        for table in RAW_TABLES
        for column in (table.columns if table.name in present else list(table.columns)[:1])
        if column.name not in present.get(table.name, set())
    ]
    if missing:
        return Finding(
            "raw_tables",
            "fail",
            f"missing: {', '.join(missing)}",
            "Create them (enrich_pipeline/warehouse/raw_tables.py lists every column), or `enrich load FOLDER`.",
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


def _api(settings: Settings) -> Finding:
    """One GET of one instant: reads nothing of weight, changes nothing, and needs a key that is right."""
    profile = profile_named(settings.contract_profile)
    now = datetime.now(UTC).replace(microsecond=0)
    with EnrichClient(settings.workmagic_api_url, api_key(settings), profile, retry=NO_RETRIES) as client:
        client.get_orders(now - timedelta(seconds=1), now, 1)
    return Finding("api", "ok", f"{settings.workmagic_api_url} answers, and takes the key")


def _clock(settings: Settings) -> Finding:
    """Compare this machine's clock with the `Date` of any answer of the API's host; no key is sent."""
    request = Request(settings.workmagic_api_url, method="HEAD")  # noqa: S310  # the settings let http(s) through alone
    try:
        with urlopen(request, timeout=10) as answer:  # noqa: S310  # as above
            said = answer.headers.get("Date")
    except HTTPError as error:
        said = error.headers.get("Date")
        error.close()
    except OSError as error:
        return Finding("clock", "warn", f"not compared: {type(error).__name__}", "See WORKMAGIC_API_URL.")
    if said is None:
        return Finding("clock", "ok", "the API tells no time to compare with")
    skew = abs(datetime.now(UTC) - parsedate_to_datetime(said))
    if skew > _SKEW_WARNED:
        return Finding(
            "clock", "warn", f"{skew.total_seconds():.0f} s from the API's", "Let this machine set its clock (NTP)."
        )
    return Finding("clock", "ok", "within half a minute of the API's")


def _dbt() -> Finding:
    project = PROJECT_ROOT / "dbt_costs"
    target = project / "target"
    prepared = [target / "manifest.json", target / "partial_parse.msgpack"]
    if not all(path.exists() for path in prepared):
        return Finding("dbt", "fail", "the project is not prepared", "Run `enrich prepare`.")
    written = min(path.stat().st_mtime for path in prepared)
    sources = (
        path
        for folder in ("models", "macros")
        for path in (project / folder).rglob("*")
        if path.suffix in {".sql", ".yml"}
    )
    newer = sorted(path.name for path in sources if path.stat().st_mtime > written)
    if newer:
        return Finding("dbt", "warn", f"changed since it was prepared: {', '.join(newer)}", "Run `enrich prepare`.")
    return Finding("dbt", "ok", "prepared")


def _of_dagster(settings: Settings) -> Iterator[Finding]:
    before = os.environ.get("DAGSTER_HOME")
    try:
        enter_dagster_home(settings)
        with dg.DagsterInstance.get() as instance:
            instance.get_runs(limit=1)
            yield Finding("dagster_storage", "ok", "reached")
            yield _daemons(instance)
    except EnrichError as error:
        yield Finding("dagster_storage", "fail", str(error), "See DAGSTER_STORAGE_URL.")
    except Exception as error:  # whatever Dagster's storage says, without its URL
        yield Finding(
            "dagster_storage", "fail", f"cannot be reached ({type(error).__name__})", "See DAGSTER_STORAGE_URL."
        )
    finally:
        if before is None:
            os.environ.pop("DAGSTER_HOME", None)
        else:
            os.environ["DAGSTER_HOME"] = before


def _daemons(instance: dg.DagsterInstance) -> Finding:
    silent = sorted(name for name, status in instance.get_daemon_statuses().items() if not status.healthy)
    if silent:
        return Finding(
            "dagster_daemons",
            "warn",
            f"no heartbeat of late: {', '.join(silent).lower()}",
            "Start `enrich ui` (or keep `dagster-daemon run` running): without it no schedule or sensor ticks.",
        )
    return Finding("dagster_daemons", "ok", "every daemon gives signs of life")


def _has_table(connection: Connection, name: str) -> bool:
    return connection.execute(text("SELECT to_regclass(:name)"), {"name": name}).scalar_one() is not None
