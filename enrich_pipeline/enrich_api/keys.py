"""API keys: made once, shown once, kept as a digest, compared in constant time, never logged."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import Any

import psycopg

from enrich_pipeline.enrich_api.config import DEFAULT_STORE_ID
from enrich_pipeline.enrich_api.database import Connection, Database

_PREFIX = "eoa_"

_REPLACE = """
WITH old AS (
    UPDATE enrich_api.api_keys SET revoked_at = now() WHERE store_id = %(store_id)s AND revoked_at IS NULL
)
INSERT INTO enrich_api.api_keys (store_id, digest, label) VALUES (%(store_id)s, %(digest)s, %(label)s)
"""

_ACTIVE = "SELECT key_id, store_id, label, digest FROM enrich_api.api_keys WHERE revoked_at IS NULL"


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key that was recognised: whose it is, and how logs may call it (its last four characters)."""

    key_id: int
    store_id: int
    label: str


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that was just made. `secret` exists nowhere else: show it once."""

    secret: str
    digest: bytes
    label: str

    def __repr__(self) -> str:
        """Tell the label only."""
        return f"NewKey({self.label})"


def new_key() -> NewKey:
    """Make a key of 256 random bits. It works once its digest is stored."""
    secret = _PREFIX + secrets.token_urlsafe(32)
    return NewKey(secret, _digest(secret), f"...{secret[-4:]}")


def replace_key(connection: psycopg.Connection[Any], *, store_id: int = DEFAULT_STORE_ID) -> str:
    """Generate the store's key anew and return it; the one before stops working when this commits."""
    key = new_key()
    connection.execute(_REPLACE, _replacement(key, store_id))
    return key.secret


async def replace_key_online(database: Database, *, store_id: int = DEFAULT_STORE_ID) -> str:
    """The same, while the service runs."""
    key = new_key()

    async def replace(connection: Connection) -> None:
        await connection.execute(_REPLACE, _replacement(key, store_id))

    await database.run(replace)
    return key.secret


def _replacement(key: NewKey, store_id: int) -> dict[str, Any]:
    return {"store_id": store_id, "digest": key.digest, "label": key.label}


class KeyRing:
    """Recognises keys. Those seen in the database are remembered; that one is still good is checked where it is used.

    Remembering saves a query for each request. The statement that serves the request checks `revoked_at` itself.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[bytes, ApiKey] = {}

    async def find(self, secret: str) -> ApiKey | None:
        """The key that `secret` is, or None."""
        digest = _digest(secret)
        return self._match(digest) or await self._reload(digest)

    async def _reload(self, digest: bytes) -> ApiKey | None:
        async def active(connection: Connection) -> list[tuple[int, int, str, bytes]]:
            return await (await connection.execute(_ACTIVE)).fetchall()

        rows = await self._database.run(active)
        self._known = {stored: ApiKey(key_id, store_id, label) for key_id, store_id, label, stored in rows}
        return self._match(digest)

    def _match(self, digest: bytes) -> ApiKey | None:
        found = None
        for stored, key in self._known.items():
            if hmac.compare_digest(stored, digest):
                found = key
        return found


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
