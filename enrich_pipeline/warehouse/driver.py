"""COPY and streaming cursors go past SQLAlchemy: the psycopg connection beneath one of its own, same transaction."""

from __future__ import annotations

from typing import Any, cast

import psycopg
from sqlalchemy import Connection


def driver_connection(connection: Connection) -> psycopg.Connection[tuple[Any, ...]]:
    """The psycopg connection that `connection` speaks through; commit and roll back through `connection` alone.

    Raises:
        TypeError: when the engine was not made by `warehouse_engine` and speaks through another driver.
    """
    driver: object = connection.connection.driver_connection
    if not isinstance(driver, psycopg.Connection):
        raise TypeError(f"a psycopg connection is needed, not {type(driver).__name__}")
    return cast("psycopg.Connection[tuple[Any, ...]]", driver)
