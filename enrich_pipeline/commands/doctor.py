"""`enrich doctor`: looks at everything a run depends on, and says of each thing that it is well, or how to mend it."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from enrich_pipeline.commands.boundary import out, reported
from enrich_pipeline.commands.doctor_checks import examine
from enrich_pipeline.commands.doctor_findings import Finding, Level
from enrich_pipeline.settings import load_settings

_EXIT_CODES: dict[Level, int] = {"ok": 0, "warn": 1, "fail": 2}
_SIGNS: dict[Level, str] = {"ok": "[green]ok[/]  ", "warn": "[yellow]warn[/]", "fail": "[red]FAIL[/]"}


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, an object a check.")
def doctor_command(*, as_json: bool) -> None:
    """Check settings, databases, raw tables, key, clocks, dbt and Dagster; read only, safe at any time.

    Exits 0 when all is well, 1 when something should be looked at, 2 when no run can succeed. Let cron run it: it
    notices a missing receipt also when Dagster itself is down.

    \b
    Examples:
      enrich doctor
      enrich doctor --json
    """
    with reported():
        findings = examine(load_settings())
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        for finding in findings:
            _print(finding)
    raise SystemExit(max(_EXIT_CODES[finding.level] for finding in findings))


def _print(finding: Finding) -> None:
    out.print(f"{_SIGNS[finding.level]} {finding.check:<16} ", end="")
    out.print(finding.says, markup=False)
    if finding.remedy:
        out.print(f"{'':21} -> {finding.remedy}", markup=False)
