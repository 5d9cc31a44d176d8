"""One upload or reading of a store at a time, by an advisory lock that is held for a day and then let go.

Between its days a long backfill gives way to the daily run: the server hands the lock to who waits longest. The lock
belongs to a connection: it ends with the process, however that ends.
"""

from __future__ import annotations

import logging
from collections.abc import Generator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

_logger = logging.getLogger(__name__)

_KEY = "hashtextextended('enrich_pipeline: requests to the vendor', 0)"


@contextmanager
def vendor_lock(engine: Engine, holder: str) -> Generator[None]:
    """Hold the store's lock; wait, and say for whom, while another run holds it.

    `holder` is what those who wait are told: which run, doing what.
    """
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if not connection.execute(text(f"SELECT pg_try_advisory_lock({_KEY})")).scalar_one():
            _logger.info("waiting for %s: one upload or verification of a store at a time", _holder(connection))
            connection.execute(text(f"SELECT pg_advisory_lock({_KEY})"))
        try:
            _introduce(connection, holder)
            yield
        finally:
            _release(connection)


def _introduce(connection: Connection, holder: str) -> None:
    """Show on the server who holds the lock: in the connection's name, of which 63 bytes are kept."""
    connection.execute(text("SELECT set_config('application_name', :holder, false)"), {"holder": holder})


def _holder(connection: Connection) -> str:
    """Who holds the lock now, as it introduced itself."""
    holder = connection.execute(
        text(f"""
            SELECT activity.application_name
            FROM pg_locks AS held INNER JOIN pg_stat_activity AS activity USING (pid)
            WHERE held.locktype = 'advisory' AND held.granted
            AND held.database = (SELECT oid FROM pg_database WHERE datname = current_database())
            AND (held.classid::bigint << 32) | held.objid::bigint = {_KEY}
        """)
    ).scalar()
    return holder or "another run"


def _release(connection: Connection) -> None:
    """Let the lock go, with the connection if need be: one that broke has lost it anyway."""
    try:
        _introduce(connection, "enrich_pipeline")
        connection.execute(text(f"SELECT pg_advisory_unlock({_KEY})"))
    except DBAPIError:
        connection.invalidate()
