"""Stores: each with its zone, its currency, its key and its orders, strictly apart.

The default store takes its zone and currency from the configuration; further ones are added, and keep their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, LiteralString
from zoneinfo import ZoneInfo, available_timezones

import psycopg
from psycopg.rows import class_row

from enrich_pipeline.enrich_api.database import Connection, Database
from enrich_pipeline.enrich_api.errors import ConfigError
from enrich_pipeline.enrich_api.posted_rows import CURRENCIES

DEFAULT_STORE = "default"
_LONGEST_NAME = 60

_ADD: LiteralString = """
INSERT INTO enrich_api.stores (store_id, name, timezone, currency)
SELECT max(store_id) + 1, %(name)s, %(timezone)s, %(currency)s FROM enrich_api.stores
ON CONFLICT (name) DO NOTHING
RETURNING store_id, name, timezone, currency
"""
_ALL: LiteralString = "SELECT store_id, name, timezone, currency FROM enrich_api.stores ORDER BY store_id"


@dataclass(frozen=True, slots=True)
class Store:
    """A brand's account: the zone of its wall clock (IANA), and the currency (ISO 4217) of orders that name none."""

    store_id: int
    name: str
    timezone: str
    currency: str

    @property
    def zone(self) -> ZoneInfo:
        """The zone of the store's wall clock."""
        return ZoneInfo(self.timezone)


def require_zone(timezone: str, *, named: str) -> None:
    """Refuse what is no IANA zone.

    Raises:
        ConfigError: it calls the value as it was `named`: an option or a variable.
    """
    if timezone not in available_timezones():
        raise ConfigError(f"{named} is no IANA time zone; write one like America/New_York.")


def require_currency(currency: str, *, named: str) -> None:
    """Refuse what is not in ISO 4217.

    Raises:
        ConfigError: it calls the value as it was `named`.
    """
    if currency not in CURRENCIES:
        raise ConfigError(f"{named} is no ISO 4217 code; write one like USD.")


def add_store(connection: psycopg.Connection[Any], name: str, *, timezone: str, currency: str) -> Store:
    """Add a store. It has no key and no orders yet.

    Raises:
        ConfigError: when the name is taken or unusable, the zone is no IANA zone or the currency not in ISO 4217.
    """
    if not name.strip() or name != name.strip() or len(name) > _LONGEST_NAME or not name.isprintable():
        raise ConfigError(f"A store's name has 1 to {_LONGEST_NAME} characters, and no space at either end.")
    require_zone(timezone, named="--timezone")
    require_currency(currency, named="--currency")
    connection.execute("LOCK TABLE enrich_api.stores IN SHARE ROW EXCLUSIVE MODE")  # two at once take two numbers
    values = {"name": name, "timezone": timezone, "currency": currency}
    with connection.cursor(row_factory=class_row(Store)) as cursor:
        added = cursor.execute(_ADD, values).fetchone()
    if added is None:
        raise ConfigError(f"There is a store {name!r} already.")
    return added


def all_stores(connection: psycopg.Connection[Any]) -> list[Store]:
    """Every store, the default one first."""
    with connection.cursor(row_factory=class_row(Store)) as cursor:
        return cursor.execute(_ALL).fetchall()


async def all_stores_online(database: Database) -> list[Store]:
    """The same, while the service runs."""

    async def read(connection: Connection) -> list[Store]:
        async with connection.cursor(row_factory=class_row(Store)) as cursor:
            return await (await cursor.execute(_ALL)).fetchall()

    return await database.run(read)


def find_store(connection: psycopg.Connection[Any], name: str) -> Store:
    """The store of that name.

    Raises:
        ConfigError: when there is none; the message names those that there are.
    """
    stores = {store.name: store for store in all_stores(connection)}
    if name not in stores:
        raise ConfigError(f"There is no store {name!r}. There are: {', '.join(stores)}.")
    return stores[name]
