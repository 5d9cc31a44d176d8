"""The way to the service's PostgreSQL: a pool for the server, a plain connection for commands, and the schema."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from importlib.resources import files
from typing import Any, LiteralString, TypeVar, cast

import psycopg
from psycopg import sql
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from enrich_pipeline.enrich_api.config import DEFAULT_STORE_ID, ApiConfig
from enrich_pipeline.enrich_api.errors import DatabaseUnavailableError

_CONNECT_SECONDS = 5
_CHECKOUT_SECONDS = 3
_RECONNECT_SECONDS = 2
# Statements are short and prepared: compiling one costs more than running it.
_SESSION = "-c timezone=UTC -c jit=off -c application_name=enrich_api"
_FINGERPRINT = "SELECT obj_description(oid, 'pg_namespace') FROM pg_namespace WHERE nspname = 'enrich_api'"

_SCHEMA_LOCK = "SELECT pg_advisory_xact_lock(hashtext('enrich_api schema'))"

_UPSERT_STORE = """
INSERT INTO enrich_api.stores (store_id, name, timezone, currency) VALUES (%s, 'default', %s, %s)
ON CONFLICT (store_id) DO UPDATE SET timezone = excluded.timezone, currency = excluded.currency
WHERE (stores.timezone, stores.currency) IS DISTINCT FROM (excluded.timezone, excluded.currency)
"""

Connection = psycopg.AsyncConnection[TupleRow]
Result = TypeVar("Result")


class Database:
    """The server's pool of connections, each in autocommit and in UTC."""

    def __init__(self, config: ApiConfig) -> None:
        self._pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
            config.database_url,
            min_size=min(2, config.pool_size),
            max_size=config.pool_size,
            timeout=_CHECKOUT_SECONDS,
            # Give up early, so that the next request tries anew: the pool's own pauses between attempts only grow.
            reconnect_timeout=_RECONNECT_SECONDS,
            open=False,
            kwargs={"autocommit": True, "prepare_threshold": 0, "options": _SESSION},
        )

    async def open(self) -> None:
        """Connect.

        Raises:
            DatabaseUnavailableError: when no connection comes about within five seconds.
        """
        try:
            await self._pool.open(wait=True, timeout=_CONNECT_SECONDS)
        except PoolTimeout:
            await self._pool.close()
            raise DatabaseUnavailableError("The service's database cannot be reached.") from None

    async def close(self) -> None:
        """Give every connection back to the server."""
        await self._pool.close()

    async def run(self, work: Callable[[Connection], Awaitable[Result]]) -> Result:
        """Do `work` on a connection; once more on a fresh one when the first turns out to be dead.

        So `work` must be one transaction that may be repeated; all of the service's statements are.

        Raises:
            DatabaseUnavailableError: when the database cannot be reached. Whatever was answered before is stored.
        """
        try:
            try:
                async with self._pool.connection() as connection:
                    return await work(connection)
            except psycopg.OperationalError:
                await self._pool.check()
                async with self._pool.connection() as connection:
                    return await work(connection)
        except (psycopg.OperationalError, PoolTimeout):
            raise DatabaseUnavailableError("The service's database cannot be reached.") from None


@contextmanager
def connect(config: ApiConfig) -> Generator[psycopg.Connection]:
    """One connection for a command, its schema made sure of; what is done in it commits together at the end.

    Raises:
        DatabaseUnavailableError: when the database cannot be reached.
    """
    try:
        connection = psycopg.connect(config.database_url, connect_timeout=_CONNECT_SECONDS, options=_SESSION)
    except psycopg.OperationalError:
        raise DatabaseUnavailableError("The service's database cannot be reached.") from None
    with connection:
        ensure_schema(connection, config)
        yield connection


def ensure_schema(connection: psycopg.Connection[Any], config: ApiConfig) -> None:
    """Create what is missing of the schema and the default store. May be repeated, by many processes at once.

    The schema's comment is the fingerprint of what created it: where that is the present one nothing is run, since
    even a statement that finds nothing to do would take locks that a serving process waits for.
    """
    schema = files(__package__ or "").joinpath("schema.sql").read_text(encoding="utf-8")
    fingerprint = hashlib.sha256(schema.encode()).hexdigest()
    with connection.transaction():
        connection.execute(_SCHEMA_LOCK)
        if connection.execute(_FINGERPRINT).fetchone() != (fingerprint,):
            connection.execute(cast("LiteralString", schema))
            connection.execute(sql.SQL("COMMENT ON SCHEMA enrich_api IS {}").format(sql.Literal(fingerprint)))
        connection.execute(_UPSERT_STORE, (DEFAULT_STORE_ID, config.store_timezone, config.store_currency))
