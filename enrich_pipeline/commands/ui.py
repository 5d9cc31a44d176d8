"""`enrich ui`: the embedded databases, Dagster's home and its UI, in one go. `enrich prepare`: dbt's manifest."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click

from enrich_pipeline.commands.boundary import out, reported
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
        enter_dagster_home(settings)
    out.print(f"Dagster UI: http://127.0.0.1:{port}  (Ctrl-C stops it and the embedded databases)")
    with dagster_dev(port) as process:
        raise SystemExit(wait_for(process))


def dagster_dev(port: int) -> subprocess.Popen[bytes]:
    """Start the Dagster UI and its daemon; `DAGSTER_HOME` must be entered."""
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
    return subprocess.Popen(command, cwd=PROJECT_ROOT, env=environment)  # noqa: S603  # our own command line


def wait_for(process: subprocess.Popen[bytes]) -> int:
    """Wait until the process ends, also after Ctrl-C, which it gets too and needs a moment to obey."""
    try:
        return process.wait()
    except KeyboardInterrupt:
        return process.wait()


@click.command("prepare")
def prepare_command() -> None:
    """Prepare dbt's manifest, which Dagster reads; `make setup` does it."""
    with reported():
        path = prepare_manifest(PROJECT_ROOT / "dbt_costs")
    out.print(f"Prepared {path.relative_to(PROJECT_ROOT)}")
