"""API keys: made of random bits, kept as a digest, and sealed so that they can be copied later; never logged.

A store has one key. Generating it anew stops the one before, at once or after an overlap in which both work.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, LiteralString

import psycopg
from psycopg.rows import class_row

from enrich_pipeline.enrich_api.config import DEFAULT_STORE_ID
from enrich_pipeline.enrich_api.database import Connection, Database
from enrich_pipeline.enrich_api.key_vault import KeyVault

_PREFIX = "eoa_"
LONGEST_LABEL = 60
LONGEST_OVERLAP = timedelta(days=7)

# A replaced key need not be copied any more. One that already runs out is not given more time.
_REPLACE: LiteralString = """
WITH old AS (
    UPDATE enrich_api.api_keys
    SET revoked_at = least(revoked_at, now() + %(overlap)s), sealed = NULL
    WHERE store_id = %(store_id)s AND (revoked_at IS NULL OR revoked_at > now())
)
INSERT INTO enrich_api.api_keys (store_id, digest, label, name, sealed)
VALUES (%(store_id)s, %(digest)s, %(ending)s, %(label)s, %(sealed)s)
"""
_LIST: LiteralString = """
SELECT
    key_id, name AS label, label AS ending, created_at, last_used_at, revoked_at AS works_until,
    sealed IS NOT NULL AS is_sealed
FROM enrich_api.api_keys
WHERE store_id = %s AND (revoked_at IS NULL OR revoked_at > now())
ORDER BY key_id DESC
"""
_SEALED: LiteralString = """
SELECT sealed, digest
FROM enrich_api.api_keys
WHERE store_id = %s AND key_id = %s AND (revoked_at IS NULL OR revoked_at > now())
"""

_CURRENT: LiteralString = """
SELECT sealed, digest FROM enrich_api.api_keys WHERE store_id = %s AND revoked_at IS NULL ORDER BY key_id DESC LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A key that works, as an operator may see it.

    Attributes:
        key_id: its number.
        label: what its maker called it; may be empty.
        ending: three dots and its last four characters: what logs call it.
        created_at: when it was generated (UTC).
        last_used_at: when a request last bore it (UTC, a second or so late); None for never.
        works_until: when it stops working, where another has replaced it; else None.
        is_sealed: whether it was kept for copying; whether it can be opened depends on the secret.
    """

    key_id: int
    label: str
    ending: str
    created_at: datetime
    last_used_at: datetime | None
    works_until: datetime | None
    is_sealed: bool


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that was just made; it works once its digest is stored."""

    secret: str = field(repr=False)
    digest: bytes = field(repr=False)
    ending: str


def new_key() -> NewKey:
    """Make a key of 256 random bits."""
    secret = _PREFIX + secrets.token_urlsafe(32)
    return NewKey(secret, digest_of(secret), f"...{secret[-4:]}")


def digest_of(secret: str) -> bytes:
    """What is stored of a key and compared: it cannot be turned back."""
    return hashlib.sha256(secret.encode()).digest()


def replace_key(
    connection: psycopg.Connection[Any],
    *,
    store_id: int = DEFAULT_STORE_ID,
    vault: KeyVault | None = None,
    label: str = "",
    overlap: timedelta = timedelta(0),
) -> str:
    """Generate the store's key anew and return it; the one before stops working `overlap` after this commits."""
    key = new_key()
    connection.execute(_REPLACE, _replacement(key, store_id, vault, label, overlap))
    return key.secret


def current_key(
    connection: psycopg.Connection[Any], vault: KeyVault, *, store_id: int = DEFAULT_STORE_ID
) -> str | None:
    """The store's newest key; None when there is none, or it cannot be opened."""
    row = connection.execute(_CURRENT, (store_id,)).fetchone()
    return vault.open(*row) if row else None


async def replace_key_online(
    database: Database,
    *,
    store_id: int = DEFAULT_STORE_ID,
    vault: KeyVault | None = None,
    label: str = "",
    overlap: timedelta = timedelta(0),
) -> str:
    """The same, while the service runs."""
    key = new_key()

    async def replace(connection: Connection) -> None:
        await connection.execute(_REPLACE, _replacement(key, store_id, vault, label, overlap))

    await database.run(replace)
    return key.secret


async def stored_keys(database: Database, *, store_id: int = DEFAULT_STORE_ID) -> list[StoredKey]:
    """The store's keys that work, the newest first: one, and during an overlap those that it replaced."""

    async def read(connection: Connection) -> list[StoredKey]:
        async with connection.cursor(row_factory=class_row(StoredKey)) as cursor:
            return await (await cursor.execute(_LIST, (store_id,))).fetchall()

    return await database.run(read)


async def copy_key(database: Database, vault: KeyVault, key_id: int, *, store_id: int = DEFAULT_STORE_ID) -> str | None:
    """The key itself; None when it no longer works, was not sealed, or was sealed with another secret."""

    async def read(connection: Connection) -> tuple[bytes | None, bytes] | None:
        return await (await connection.execute(_SEALED, (store_id, key_id))).fetchone()

    row = await database.run(read)
    return vault.open(*row) if row else None


def _replacement(key: NewKey, store_id: int, vault: KeyVault | None, label: str, overlap: timedelta) -> dict[str, Any]:
    if not timedelta(0) <= overlap <= LONGEST_OVERLAP:
        raise ValueError(f"an overlap is at most {LONGEST_OVERLAP}")
    return {
        "store_id": store_id,
        "digest": key.digest,
        "ending": key.ending,
        "label": " ".join(label.split())[:LONGEST_LABEL],
        "sealed": vault.seal(key.secret, key.digest) if vault else None,
        "overlap": overlap,
    }
