"""What a secret of the tests looks like, and where one shows.

Keys are known by their form: tests make hundreds, in processes of their own, and none may show anywhere. Passwords and
the webhook's address are planted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import psycopg
from psycopg import sql

from enrich_pipeline_tests.support.own_server import PASSWORD

WEBHOOK = "webhook-canary-93fe"
PLANTED = (PASSWORD, WEBHOOK)

# As the service generates them: 43 characters behind the prefix. Shorter ones are the tests' own and open nothing.
_KEY = re.compile(rb"eoa_[A-Za-z0-9_-]{43}")
_CHUNK_BYTES = 1 << 20
_OVERLAP = 64


def spellings(canaries: Iterable[str]) -> list[bytes]:
    """Each as it is, and as the hex of a bytea column."""
    return [spelling.encode() for canary in canaries for spelling in (canary, canary.encode().hex())]


def shown_in(content: bytes, canaries: Iterable[bytes]) -> list[bytes]:
    """The secrets that show in `content`: those planted, and whatever has the form of a key, plain or in hex."""
    found = [canary for canary in canaries if canary in content]
    found += _KEY.findall(content)
    if b"656f615f" in content:
        found += [b"656f615f: a key in hex"]
    return found


def shown_in_file(path: Path, canaries: list[bytes]) -> list[bytes]:
    """The same of a file of any size."""
    found: set[bytes] = set()
    before = b""
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            found.update(shown_in(before + chunk, canaries))
            before = chunk[-_OVERLAP:]
    return sorted(found)


def every_row(url: str) -> Iterator[str]:
    """Every row of every table of a database, as text behind its table's name."""
    with psycopg.connect(url) as connection:
        tables = connection.execute("""
            SELECT schemaname, tablename FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')
        """).fetchall()
        for schema, table in tables:
            query = sql.SQL("SELECT to_jsonb(t)::text FROM {} AS t").format(sql.Identifier(schema, table))
            with connection.cursor(name="rows") as rows:
                for (line,) in rows.execute(query):
                    yield f"{schema}.{table}: {line}"
