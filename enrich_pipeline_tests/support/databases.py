"""A throw-away PostgreSQL server for the test session, and a fresh database for each test that asks for one."""

from __future__ import annotations

import atexit
import itertools
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy import URL

from enrich_pipeline.warehouse.embedded import PIPELINE_ROLE, EmbeddedPostgres, create_database, libpq_url

_numbers = itertools.count(1)

before_dropping: list[Callable[[URL], None]] = []
"""Told of each fresh database before it is dropped."""


def temporary_server() -> EmbeddedPostgres:
    """A server of this process's own, for a command; it and its folder are gone when the process ends."""
    folder = Path(tempfile.mkdtemp(prefix="enrich-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)  # before the server's own, which therefore runs first
    return EmbeddedPostgres.start(folder / "data")


@contextmanager
def fresh_database(
    postgres: EmbeddedPostgres, *, owner: str = PIPELINE_ROLE, template: str = "template1"
) -> Iterator[URL]:
    """Create a database of its own, yield its URL, drop it afterwards whatever is still connected."""
    name = f"test_{os.getpid()}_{next(_numbers)}"
    with psycopg.connect(libpq_url(postgres.admin_url()), autocommit=True) as admin:
        create_database(admin, name, owner=owner, template=template)
    try:
        yield postgres.url(name, role=owner)
        for look in before_dropping:
            look(postgres.url(name, role="postgres"))
    finally:
        with psycopg.connect(libpq_url(postgres.admin_url()), autocommit=True) as admin:
            admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
