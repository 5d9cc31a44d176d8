"""One way to reach the warehouse: a pooled SQLAlchemy engine on PostgreSQL, sessions in UTC."""

from __future__ import annotations

from sqlalchemy import URL, Engine, create_engine, make_url


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
