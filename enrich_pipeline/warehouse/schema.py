"""Creates what the pipeline keeps in the warehouse, and holds the warehouse to one store.

Idempotent and safe from many processes at once: the work is done under an advisory lock, and only when a
fingerprint says that tables or views differ from the code's.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import Connection, Engine, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateColumn, CreateIndex, CreateTable

from enrich_pipeline.domain.contract import ContractProfile
from enrich_pipeline.domain.errors import SettingsError
from enrich_pipeline.domain.store import Store
from enrich_pipeline.warehouse.audit_tables import ENRICH_SCHEMA, audit_metadata
from enrich_pipeline.warehouse.mart_tables import create_mart_tables, mart_metadata
from enrich_pipeline.warehouse.order_states import ORDER_STATES_VIEW

# How long after the vendor's refresh a posted row may still not show before it counts as missing.
REFRESH_GRACE = timedelta(hours=6)

_TABLES = (*audit_metadata.sorted_tables, *mart_metadata.sorted_tables)

SchemaState = Literal["missing", "other", "current"]


def ensure_schema(engine: Engine, *, store: Store, profile: ContractProfile, business_now: datetime | None) -> None:
    """Create schema `enrich` and record for which store, contract and business clock it is used. May be repeated.

    Raises:
        SettingsError: when the warehouse already holds computed days of a store in another zone: days would move.
    """
    with engine.begin() as connection:
        _lock(connection)
        version = _fingerprint()
        if _recorded_version(connection) != version:
            _complete(connection)
        _refuse_another_zone(connection, store)
        connection.execute(
            text("""
                INSERT INTO enrich.store AS present (timezone, currency, contract_profile, timestamp_precision,
                    shows_rows_at_once, refresh_at, refresh_grace, business_now, schema_version)
                VALUES (:timezone, :currency, :contract_profile, :timestamp_precision,
                    :shows_rows_at_once, :refresh_at, :grace, :business_now, :version)
                ON CONFLICT (only_row) DO UPDATE SET timezone = excluded.timezone, currency = excluded.currency,
                    contract_profile = excluded.contract_profile,
                    timestamp_precision = excluded.timestamp_precision,
                    shows_rows_at_once = excluded.shows_rows_at_once, refresh_at = excluded.refresh_at,
                    refresh_grace = excluded.refresh_grace, business_now = excluded.business_now,
                    schema_version = excluded.schema_version
            """),
            {
                "timezone": store.timezone,
                "currency": store.currency,
                "contract_profile": profile.name,
                "timestamp_precision": profile.timestamp_precision,
                "shows_rows_at_once": profile.shows_rows == "at_once",
                "refresh_at": profile.refresh_time,
                "grace": REFRESH_GRACE,
                "business_now": business_now,
                "version": version,
            },
        )


def schema_state(connection: Connection) -> SchemaState:
    """Whether schema `enrich` is this version's, another version's, or was never made."""
    recorded = _recorded_version(connection)
    if recorded is None:
        return "missing"
    return "current" if recorded == _fingerprint() else "other"


def complete_schema(engine: Engine) -> None:
    """Bring what another version made up to date, for those who only read; where no run has been, nothing is made."""
    with engine.begin() as connection:
        if schema_state(connection) != "other":
            return
        _lock(connection)
        _complete(connection)
        connection.execute(text("UPDATE enrich.store SET schema_version = :version"), {"version": _fingerprint()})


def _lock(connection: Connection) -> None:
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('enrich_pipeline: schema', 0))"))


def _complete(connection: Connection) -> None:
    connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {ENRICH_SCHEMA}"))
    create_mart_tables(connection)
    audit_metadata.create_all(connection)
    _add_what_tables_lack(connection)
    connection.execute(text("DROP VIEW IF EXISTS enrich.order_states"))
    connection.exec_driver_sql(ORDER_STATES_VIEW)


def _add_what_tables_lack(connection: Connection) -> None:
    """Give tables of an earlier version their new columns and indexes, which `create_all` gives to new tables alone.

    Each new column may be empty or has a default for old rows.
    """
    for table in _TABLES:
        for column in table.columns:
            definition = CreateColumn(column).compile(dialect=connection.dialect)
            connection.exec_driver_sql(f"ALTER TABLE {table.fullname} ADD COLUMN IF NOT EXISTS {definition}")
        for index in table.indexes:
            index.create(connection, checkfirst=True)


def _fingerprint() -> str:
    dialect = postgresql.dialect()
    tables = [str(CreateTable(table).compile(dialect=dialect)) for table in _TABLES]
    indexes = sorted(str(CreateIndex(index).compile(dialect=dialect)) for table in _TABLES for index in table.indexes)
    return hashlib.sha256("\n".join([*tables, *indexes, ORDER_STATES_VIEW]).encode()).hexdigest()[:16]


def _recorded_version(connection: Connection) -> str | None:
    if connection.execute(text("SELECT to_regclass('enrich.store')")).scalar_one() is None:
        return None
    return connection.execute(text("SELECT schema_version FROM enrich.store")).scalar()


def _refuse_another_zone(connection: Connection, store: Store) -> None:
    recorded = connection.execute(text("SELECT timezone FROM enrich.store")).scalar()
    if recorded in {None, store.timezone}:
        return
    if connection.execute(text("SELECT EXISTS (SELECT FROM enrich.computed_days)")).scalar_one():
        raise SettingsError(
            f"STORE_TIMEZONE is {store.timezone}, but this warehouse's days were computed for {recorded}. In another "
            "zone every day would begin and end elsewhere, and orders already sent would move between days. Set "
            f"STORE_TIMEZONE={recorded} again, or use another warehouse (WAREHOUSE_URL) for a store in "
            f"{store.timezone}."
        )
