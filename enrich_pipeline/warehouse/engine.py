"""One way to reach the warehouse: a pooled SQLAlchemy engine on PostgreSQL, sessions in UTC."""

from __future__ import annotations

from sqlalchemy import URL, Engine, create_engine, make_url

from enrich_pipeline.domain.errors import SettingsError


def warehouse_engine(url: URL | str, *, pool_size: int = 5) -> Engine:
    """Create an engine for a PostgreSQL URL. It connects when first used; dispose of it when done.

    Raises:
        SettingsError: when the URL is not PostgreSQL's. The URL itself is not repeated: it may carry a password.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() != "postgresql":
        raise SettingsError(f"WAREHOUSE_URL is a {parsed.get_backend_name()} URL; the warehouse must be PostgreSQL.")
    return create_engine(
        parsed.set(drivername="postgresql+psycopg"),
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_pre_ping=True,
        hide_parameters=True,
        connect_args={"options": "-c timezone=UTC", "application_name": "enrich_pipeline"},
    )
