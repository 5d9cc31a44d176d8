"""Who may see the dashboard: whoever opened a one-time address, or knew the password; and the store that they look at.

Digests alone are stored, so reading the database lets nobody in.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from typing import Any, LiteralString

import psycopg

from enrich_pipeline.enrich_api.database import Connection, Database
from enrich_pipeline.enrich_api.key_vault import KeyVault
from enrich_pipeline.enrich_api.stores import Store

PATH = "/settings/store-data/enrich-order-api"

SESSION_HOURS = 12
_SIGN_IN_HOURS = 24

_OFFER: LiteralString = """
INSERT INTO enrich_api.dashboard_sign_ins (digest, expires_at) VALUES (%s, now() + make_interval(hours => %s))
"""
_USE_UP: LiteralString = """
DELETE FROM enrich_api.dashboard_sign_ins WHERE digest = %s RETURNING expires_at > now()
"""
_OPEN: LiteralString = """
WITH expired AS (
    DELETE FROM enrich_api.dashboard_sessions WHERE expires_at <= now()
)
INSERT INTO enrich_api.dashboard_sessions (digest, form_token, expires_at)
VALUES (%s, %s, now() + make_interval(hours => %s))
"""
_FIND: LiteralString = """
SELECT d.form_token, s.store_id, s.name, s.timezone, s.currency
FROM enrich_api.dashboard_sessions AS d
INNER JOIN enrich_api.stores AS s ON s.store_id = d.store_id
WHERE d.digest = %s AND d.expires_at > now()
"""
_CHOOSE: LiteralString = """
UPDATE enrich_api.dashboard_sessions AS d
SET store_id = s.store_id
FROM enrich_api.stores AS s
WHERE d.digest = %s AND s.name = %s
"""
_LEAVE: LiteralString = "UPDATE enrich_api.dashboard_sessions SET shown_key = %s WHERE digest = %s"
_TAKE: LiteralString = """
UPDATE enrich_api.dashboard_sessions AS d
SET shown_key = NULL
FROM (SELECT digest, shown_key FROM enrich_api.dashboard_sessions WHERE digest = %s FOR UPDATE) AS old
WHERE d.digest = old.digest AND old.shown_key IS NOT NULL
RETURNING old.shown_key
"""


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in browser.

    Attributes:
        secret: the cookie's value; it is stored nowhere.
        form_token: must come back with every form: another site cannot know it.
        store: the store that it looks at.
    """

    secret: str = field(repr=False)
    form_token: str = field(repr=False)
    store: Store

    @property
    def digest(self) -> bytes:
        """What is stored of it."""
        return _digest(self.secret)


def offer_sign_in(connection: psycopg.Connection[Any], base_url: str) -> str:
    """Make an address that signs one browser in, once, within a day."""
    token = secrets.token_urlsafe(24)
    connection.execute(_OFFER, (_digest(token), _SIGN_IN_HOURS))
    return f"{base_url}{PATH}/sign-in?token={token}"


async def use_sign_in(database: Database, token: str) -> bool:
    """Use such an address up; whether it was good: not used before, not expired."""

    async def run(connection: Connection) -> bool:
        return await (await connection.execute(_USE_UP, (_digest(token),))).fetchone() == (True,)

    return await database.run(run)


async def open_session(database: Database) -> str:
    """Begin a session and return its secret."""
    secret = secrets.token_urlsafe(32)

    async def run(connection: Connection) -> None:
        await connection.execute(_OPEN, (_digest(secret), secrets.token_urlsafe(24), SESSION_HOURS))

    await database.run(run)
    return secret


async def find_session(database: Database, secret: str) -> Session | None:
    """The session of a browser's cookie, or None."""

    async def run(connection: Connection) -> tuple[Any, ...] | None:
        return await (await connection.execute(_FIND, (_digest(secret),))).fetchone()

    row = await database.run(run)
    return Session(secret, row[0], Store(*row[1:])) if row else None


async def choose_store(database: Database, session: Session, name: str) -> None:
    """Look at the store of that name from now on; one that there is not changes nothing."""

    async def run(connection: Connection) -> None:
        await connection.execute(_CHOOSE, (session.digest, name))

    await database.run(run)


async def leave_key(database: Database, session: Session, key: str) -> None:
    """Leave a key for the session's next page, whichever process serves it. Only the browser's cookie opens it."""
    sealed = _vault(session).seal(key, session.digest)

    async def run(connection: Connection) -> None:
        await connection.execute(_LEAVE, (sealed, session.digest))

    await database.run(run)


async def take_key(database: Database, session: Session) -> str | None:
    """The key that was left, once; or None."""

    async def run(connection: Connection) -> tuple[bytes] | None:
        return await (await connection.execute(_TAKE, (session.digest,))).fetchone()

    row = await database.run(run)
    return _vault(session).open(row[0], session.digest) if row else None


def _vault(session: Session) -> KeyVault:
    return KeyVault(hashlib.sha256(b"shown key\0" + session.secret.encode()).digest())


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
