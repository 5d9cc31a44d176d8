"""The embedded server's life: started by the first process, shared, stopped with the last, also after a kill -9."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg
import pytest

from enrich_pipeline.warehouse.embedded import PIPELINE_ROLE, EmbeddedPostgres, libpq_url
from enrich_pipeline_tests.support.command_line import enrich, environment

_JOIN = """
import sys
from pathlib import Path
from enrich_pipeline.warehouse.embedded import EmbeddedPostgres
EmbeddedPostgres.start(Path(sys.argv[1]))
print("joined", flush=True)
sys.stdin.read()
"""


def _runs(server: psutil.Process) -> bool:
    # In a container nobody may reap what has ended.
    return server.is_running() and server.status() != psutil.STATUS_ZOMBIE


@contextmanager
def _member(data_dir: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that has joined the server and stays until its input is closed."""
    command = [sys.executable, "-c", _JOIN, str(data_dir)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "joined\n"
        yield process
        process.kill()


def _leave(process: subprocess.Popen[str]) -> None:
    process.communicate(timeout=30)


def _server(data_dir: Path) -> psutil.Process:
    return psutil.Process(int((data_dir / "postgres" / "postmaster.pid").read_text().splitlines()[0]))


def test_the_server_is_shared_and_stops_with_its_last_process(tmp_path: Path) -> None:
    with _member(tmp_path) as first, _member(tmp_path) as second:
        server = _server(tmp_path)
        _leave(first)
        assert _runs(server)
        _leave(second)
        assert not _runs(server)


def test_a_killed_process_does_not_keep_the_server_alive(tmp_path: Path) -> None:
    with _member(tmp_path) as killed, _member(tmp_path) as last:
        server = _server(tmp_path)
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        _leave(last)
        assert not _runs(server)


def test_a_stopped_server_starts_again_with_what_it_held(tmp_path: Path) -> None:
    with _member(tmp_path) as first:
        _leave(first)
    with _member(tmp_path) as again:
        assert _runs(_server(tmp_path))
        _leave(again)


def test_a_folder_in_which_the_server_does_not_start_is_said_with_a_way_out() -> None:
    # A path so long that the server's socket lies elsewhere would do: this one is short.
    with tempfile.TemporaryDirectory(prefix="a folder") as folder:
        done = enrich("status", env=environment(Path(folder)))
    assert done.returncode == 2
    assert "The embedded PostgreSQL did not start" in done.stderr
    assert "Its path has a space" in done.stderr
    assert "ENRICH_DATA_DIR" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_pipelines_role_may_not_connect_to_the_services_database(postgres: EmbeddedPostgres) -> None:
    url = libpq_url(postgres.url("enrich_api", role=PIPELINE_ROLE))
    with pytest.raises(psycopg.OperationalError, match="permission denied"):
        psycopg.connect(url)
