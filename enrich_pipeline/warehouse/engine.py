"""One way to read a database's URL, and to reach the warehouse: a pooled engine on PostgreSQL, sessions in UTC."""

from __future__ import annotations

from urllib.parse import unquote

from sqlalchemy import URL, Engine, create_engine, make_url
from sqlalchemy.exc import ArgumentError


def read_url(url: str) -> URL:
    """The URL of any database, each of whose hosts can be looked up.

    Raises:
        ValueError: when it is none. It is not repeated: it may carry a password.
    """
    try:
        parsed = make_url(url)
        for host in unquote(parsed.host or "").split(","):
            if not host.startswith("/"):  # which is a socket's folder
                host.encode("idna")  # what looks a name up refuses others with an error of its own
    except (ArgumentError, ValueError):
        raise ValueError("it is no database URL") from None
    return parsed


def warehouse_engine(url: URL | str, *, pool_size: int = 5) -> Engine:
    """Create an engine for a PostgreSQL URL. It connects when first used; dispose of it when done."""
    return create_engine(
        make_url(url).set(drivername="postgresql+psycopg"),
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_pre_ping=True,
        hide_parameters=True,
        connect_args={"options": "-c timezone=UTC", "application_name": "enrich_pipeline"},
    )
