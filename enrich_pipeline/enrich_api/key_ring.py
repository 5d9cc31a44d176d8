"""Recognising the key that a request bears: without a query, in constant time."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import LiteralString

from enrich_pipeline.enrich_api.database import Connection, Database
from enrich_pipeline.enrich_api.keys import digest_of

_WORKING: LiteralString = """
SELECT key_id, store_id, label, digest FROM enrich_api.api_keys WHERE revoked_at IS NULL OR revoked_at > now()
"""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key that was recognised: whose it is, and how logs may call it (its last four characters)."""

    key_id: int
    store_id: int
    label: str


class KeyRing:
    """Recognises keys. Those seen in the database are remembered; that one is still good is checked where it is used.

    Remembering saves a query for each request. The statement that serves the request checks `revoked_at` itself.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[bytes, ApiKey] = {}

    async def find(self, secret: str) -> ApiKey | None:
        """The key that `secret` is, or None."""
        digest = digest_of(secret)
        return self._match(digest) or await self._reload(digest)

    async def _reload(self, digest: bytes) -> ApiKey | None:
        async def working(connection: Connection) -> list[tuple[int, int, str, bytes]]:
            return await (await connection.execute(_WORKING)).fetchall()

        rows = await self._database.run(working)
        self._known = {stored: ApiKey(key_id, store_id, label) for key_id, store_id, label, stored in rows}
        return self._match(digest)

    def _match(self, digest: bytes) -> ApiKey | None:
        found = None
        for stored, key in self._known.items():
            if hmac.compare_digest(stored, digest):
                found = key
        return found
