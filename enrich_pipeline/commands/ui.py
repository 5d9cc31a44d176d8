"""`enrich ui`: the embedded databases, Dagster's home and its UI, in one go. `enrich prepare`: dbt's manifest."""

from __future__ import annotations

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
    raise SystemExit(subprocess.call(dagster_dev(port), cwd=PROJECT_ROOT))  # noqa: S603  # our own command line


def dagster_dev(port: int) -> list[str]:
    """The command line of the Dagster UI and its daemon."""
    dagster = Path(sys.executable).with_name("dagster")
    return [str(dagster), "dev", "-w", "workspace.yaml", "-h", "127.0.0.1", "-p", str(port), "--log-level", "warning"]


@click.command("prepare")
def prepare_command() -> None:
    """Prepare dbt's manifest, which Dagster reads; `make setup` does it."""
    with reported():
        path = prepare_manifest(PROJECT_ROOT / "dbt_costs")
    out.print(f"Prepared {path.relative_to(PROJECT_ROOT)}")
