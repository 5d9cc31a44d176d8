"""The data refresh: what was posted before it is shown, and applied where the order is within the window.

It happens daily at a wall-clock time of the store, and on demand. It is one row in `refreshes`, so it takes the same
moment for ten orders and for ten million, and readers see all of it or nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import psycopg

from enrich_pipeline.enrich_api.config import ApiConfig, utc_now
from enrich_pipeline.enrich_api.database import Connection, Database
from enrich_pipeline.enrich_api.errors import DatabaseUnavailableError
from enrich_pipeline.enrich_api.stores import DEFAULT_STORE, Store, all_stores_online, find_store

_log = logging.getLogger(__name__)

_LONGEST_SLEEP_SECONDS = 30.0

# `due` is null on demand; on schedule it makes sure that several processes refresh once. A refresh that a fault
# withholds passes as if it had come, and changes nothing.
_REFRESH = """
WITH
store AS (
    SELECT store_id, generation, refreshes_withheld
    FROM enrich_api.stores
    WHERE store_id = %(store_id)s AND (%(due)s::timestamptz IS NULL OR refreshed_at < %(due)s::timestamptz)
    FOR UPDATE
),
closed AS (
    UPDATE enrich_api.stores AS s
    SET
        generation = s.generation + CASE WHEN store.refreshes_withheld = 0 THEN 1 ELSE 0 END,
        refreshes_withheld = greatest(s.refreshes_withheld - 1, 0),
        refreshed_at = now()
    FROM store
    WHERE s.store_id = store.store_id
    RETURNING s.store_id, store.generation, s.refreshed_at, store.refreshes_withheld
)
INSERT INTO enrich_api.refreshes (store_id, generation, refreshed_at, applied_from)
SELECT store_id, generation, refreshed_at, coalesce(%(applied_from)s::timestamptz, '-infinity')
FROM closed
WHERE refreshes_withheld = 0
RETURNING generation
"""

_WITHHOLD = "UPDATE enrich_api.stores SET refreshes_withheld = %s WHERE refreshes_withheld <> %s"

_COUNT = """
SELECT
    count(*) FILTER (WHERE coalesce(o.ordered_at, o.order_timestamp) >= r.applied_from),
    count(*) FILTER (WHERE coalesce(o.ordered_at, o.order_timestamp) < r.applied_from)
FROM enrich_api.orders AS o
INNER JOIN enrich_api.refreshes AS r ON r.store_id = o.store_id AND r.generation = o.generation
WHERE o.store_id = %s AND o.generation = %s
"""


@dataclass(frozen=True, slots=True)
class RefreshResult:
    """What a refresh took up: enrichments pending before it, by whether their order is within the window."""

    applied: int
    outside_window: int


def refresh(connection: psycopg.Connection[Any], config: ApiConfig, *, store: str = DEFAULT_STORE) -> RefreshResult:
    """Refresh the store now. May be repeated: a second one finds nothing pending.

    Raises:
        ConfigError: when there is no store of that name.
    """
    found = find_store(connection, store)
    row = connection.execute(_REFRESH, _parameters(config, found, due=None)).fetchone()
    generation = row[0] if row else None
    counts = connection.execute(_COUNT, (found.store_id, generation)).fetchone()
    return RefreshResult(*(counts or (0, 0)))


async def withhold_refreshes(database: Database, count: int) -> None:
    """Let the next `count` refreshes not come: a fault on demand. 0 ends it."""

    async def withhold(connection: Connection) -> None:
        await connection.execute(_WITHHOLD, (count, count))

    await database.run(withhold)


def latest_due(moment: datetime, *, at: time, zone: ZoneInfo) -> datetime:
    """The latest instant up to `moment` at which the store's wall clock showed `at`."""
    local = moment.astimezone(zone)
    due = datetime.combine(local.date(), at, tzinfo=zone)
    if due > local:
        due = datetime.combine(local.date() - timedelta(days=1), at, tzinfo=zone)
    return due.astimezone(UTC)


async def refresh_if_due(database: Database, config: ApiConfig, store: Store, *, moment: datetime) -> bool:
    """Refresh when none has come since the latest one due; so one that the service slept through is made up for."""
    due = latest_due(moment, at=config.profile.refresh_at, zone=store.zone)

    async def run(connection: Connection) -> bool:
        cursor = await connection.execute(_REFRESH, _parameters(config, store, due=due))
        return await cursor.fetchone() is not None

    return await database.run(run)


async def refresh_daily(database: Database, config: ApiConfig, *, clock: Callable[[], datetime] = utc_now) -> None:
    """Refresh each store whenever it is due, until cancelled. It looks often, as machines sleep and clocks jump."""
    while True:
        pause = _LONGEST_SLEEP_SECONDS
        try:
            for store in await all_stores_online(database):
                moment = clock()
                if await refresh_if_due(database, config, store, moment=moment):
                    _log.info("Daily data refresh of store %d done.", store.store_id)
                following = latest_due(moment, at=config.profile.refresh_at, zone=store.zone) + timedelta(days=1)
                pause = min(pause, max(1.0, (following - moment).total_seconds()))
        except DatabaseUnavailableError:
            _log.warning("The daily data refresh waits for the database.")
        await asyncio.sleep(pause)


def _parameters(config: ApiConfig, store: Store, *, due: datetime | None) -> dict[str, Any]:
    return {"store_id": store.store_id, "due": due, "applied_from": config.applied_from(store.zone)}
