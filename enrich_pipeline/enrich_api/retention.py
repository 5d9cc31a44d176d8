"""How long the request log is kept: bodies for days and up to a size, requests for longer."""

from __future__ import annotations

import asyncio
import logging
from typing import LiteralString

from enrich_pipeline.enrich_api.config import ApiConfig
from enrich_pipeline.enrich_api.database import Connection, Database
from enrich_pipeline.enrich_api.errors import DatabaseUnavailableError

_log = logging.getLogger(__name__)

_PAUSE_SECONDS = 60.0

_FORGET_BODIES: LiteralString = """
DELETE FROM enrich_api.request_bodies
WHERE
    received_at < now() - make_interval(days => %(body_days)s)
    OR request_id <= (
        SELECT max(sized.request_id)
        FROM (
            SELECT request_id, sum(length(body) + length(answer)) OVER (ORDER BY request_id DESC) AS kept_bytes
            FROM enrich_api.request_bodies
        ) AS sized
        WHERE sized.kept_bytes > %(body_bytes)s
    )
"""
_FORGET_REQUESTS: LiteralString = """
WITH old AS (
    DELETE FROM enrich_api.requests WHERE received_at < now() - make_interval(days => %(request_days)s)
    RETURNING request_id
)
DELETE FROM enrich_api.rejected_rows AS r USING old WHERE r.request_id = old.request_id
"""


async def forget_old_requests(database: Database, config: ApiConfig) -> int:
    """Delete what is older or larger than the configuration keeps; return how many bodies that were."""
    parameters = {
        "body_days": config.body_days,
        "body_bytes": config.body_bytes,
        "request_days": config.request_days,
    }

    async def delete(connection: Connection) -> int:
        forgotten = (await connection.execute(_FORGET_BODIES, parameters)).rowcount
        await connection.execute(_FORGET_REQUESTS, parameters)
        if forgotten:
            # Give the space to the next bodies now: the server's own clean-up comes too late for so many so large.
            await connection.execute("VACUUM enrich_api.request_bodies")
        return forgotten

    return await database.run(delete)


async def forget_until_cancelled(database: Database, config: ApiConfig) -> None:
    """Look every minute."""
    while True:
        try:
            await forget_old_requests(database, config)
        except DatabaseUnavailableError:
            _log.warning("The request log's clean-up waits for the database.")
        await asyncio.sleep(_PAUSE_SECONDS)
