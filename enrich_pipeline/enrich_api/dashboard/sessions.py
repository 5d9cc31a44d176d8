"""Who may see the dashboard: whoever opened an address that only this machine's operator was shown, and once.

Digests alone are stored, so reading the database lets nobody in.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from typing import Any, LiteralString

import psycopg

from enrich_pipeline.enrich_api.database import Connection, Database

PATH = "/settings/store-data/enrich-order-api"

SESSION_HOURS = 12
_SIGN_IN_HOURS = 24

_OFFER: LiteralString = """
INSERT INTO enrich_api.dashboard_sign_ins (digest, expires_at) VALUES (%s, now() + make_interval(hours => %s))
"""
_SIGN_IN: LiteralString = """
WITH
used AS (
    DELETE FROM enrich_api.dashboard_sign_ins WHERE digest = %(token)s RETURNING expires_at
),
expired AS (
    DELETE FROM enrich_api.dashboard_sessions WHERE expires_at <= now()
)
INSERT INTO enrich_api.dashboard_sessions (digest, form_token, expires_at)
SELECT %(session)s, %(form_token)s, now() + make_interval(hours => %(hours)s) FROM used WHERE expires_at > now()
RETURNING 1
"""
_FIND: LiteralString = "SELECT form_token FROM enrich_api.dashboard_sessions WHERE digest = %s AND expires_at > now()"


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in browser. `form_token` must come back with every form: another site cannot know it."""

    digest: bytes = field(repr=False)
    form_token: str = field(repr=False)


def offer_sign_in(connection: psycopg.Connection[Any], base_url: str) -> str:
    """Make an address that signs one browser in, once, within a day."""
    token = secrets.token_urlsafe(24)
    connection.execute(_OFFER, (_digest(token), _SIGN_IN_HOURS))
    return f"{base_url}{PATH}/sign-in?token={token}"


async def sign_in(database: Database, token: str) -> str | None:
    """Use such an address up; return the new session's secret, or None when it was used, expired or never offered."""
    secret = secrets.token_urlsafe(32)
    parameters = {
        "token": _digest(token),
        "session": _digest(secret),
        "form_token": secrets.token_urlsafe(24),
        "hours": SESSION_HOURS,
    }

    async def run(connection: Connection) -> bool:
        return await (await connection.execute(_SIGN_IN, parameters)).fetchone() is not None

    return secret if await database.run(run) else None


async def find_session(database: Database, secret: str) -> Session | None:
    """The session of a browser's cookie, or None."""
    digest = _digest(secret)

    async def run(connection: Connection) -> tuple[str] | None:
        return await (await connection.execute(_FIND, (digest,))).fetchone()

    row = await database.run(run)
    return Session(digest, row[0]) if row else None


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
