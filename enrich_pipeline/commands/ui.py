"""`enrich ui`: the embedded databases, Dagster's home and its UI, in one go. `enrich prepare`: dbt's manifest."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import click

from enrich_pipeline.commands.boundary import out, reported
from enrich_pipeline.domain.errors import SettingsError
from enrich_pipeline.orchestration.instance import enter_dagster_home
from enrich_pipeline.settings import PROJECT_ROOT, load_settings
from enrich_pipeline.warehouse.marts import prepare_manifest


@click.command("ui")
@click.option("--port", default=3000, show_default=True, type=click.IntRange(1, 65535), help="Port of the Dagster UI.")
def ui_command(port: int) -> None:
    """Open the Dagster UI on this checkout, with its databases running, until stopped.

    \b
    Example:
      enrich ui --port 3000
    """
    with reported():
        settings = load_settings()
        require_free_port(port)
        enter_dagster_home(settings)
    out.print(f"Dagster UI: http://127.0.0.1:{port}  (Ctrl-C stops it and the embedded databases)")
    raise SystemExit(run_dagster_dev(port))


def require_free_port(port: int) -> None:
    """Say so before the work and not after it, should the UI's port be somebody else's.

    Raises:
        SettingsError: when it is.
    """
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError as error:
        raise SettingsError(
            f"port {port} cannot be had ({os.strerror(error.errno or 0)}): choose another with --port."
        ) from None


def run_dagster_dev(port: int) -> int:
    """Run the Dagster UI and its daemon until they are stopped; `DAGSTER_HOME` must be entered. Returns how they ended.

    They are in a session of their own: Ctrl-C and a supervisor's signal reach this process alone, which passes on one.
    """
    dagster = Path(sys.executable).with_name("dagster")
    command = [
        str(dagster),
        "dev",
        "-w",
        "workspace.yaml",
        "-h",
        "127.0.0.1",
        "-p",
        str(port),
        "--log-level",
        "warning",
    ]
    # `dagster dev` advises its successor, `dg dev`, which wants another project layout: no news to whoever runs this.
    environment = {**os.environ, "PYTHONWARNINGS": "ignore:Function `dev_command` is superseded"}
    with subprocess.Popen(command, cwd=PROJECT_ROOT, env=environment, start_new_session=True) as process:  # noqa: S603  # our own command line
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:
                process.send_signal(signal.SIGINT)


@click.command("prepare")
def prepare_command() -> None:
    """Prepare dbt's manifest, which Dagster reads; `make setup` does it."""
    with reported():
        path = prepare_manifest(PROJECT_ROOT / "dbt_costs")
    out.print(f"Prepared {path.relative_to(PROJECT_ROOT)}")
