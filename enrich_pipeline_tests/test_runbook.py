"""The runbook names every alert, check, guard, doctor line, schedule and sensor there is, and commands that exist."""

from __future__ import annotations

import re
import shlex

import pytest

from enrich_pipeline.cli import main
from enrich_pipeline.commands.doctor_findings import DOCTOR_CHECKS
from enrich_pipeline.domain.alerts import ALERT_KINDS
from enrich_pipeline.domain.guards import GUARDS
from enrich_pipeline.orchestration.repository import build_definitions
from enrich_pipeline.settings import PROJECT_ROOT, Settings

RUNBOOK = (PROJECT_ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")


def named_in(heading: str) -> list[str]:
    """The first cell of each row of the table under a heading."""
    section = RUNBOOK.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    return re.findall(r"^\| `([^`]+)`", section, flags=re.MULTILINE)


def test_every_alert_stands_in_the_runbook() -> None:
    assert sorted(named_in("Alerts")) == sorted(ALERT_KINDS)


def test_every_check_stands_in_the_runbook() -> None:
    graph = build_definitions(Settings()).resolve_asset_graph()
    assert sorted(named_in("Checks on the assets")) == sorted({key.name for key in graph.asset_check_keys})


def test_every_guard_stands_in_the_runbook() -> None:
    assert named_in("A day is held") == list(GUARDS)


def test_every_line_of_the_doctor_stands_in_the_runbook() -> None:
    assert named_in("What the doctor looks at") == list(DOCTOR_CHECKS)


def test_every_schedule_and_sensor_stands_in_the_runbook_with_whether_it_is_on() -> None:
    repository = build_definitions(Settings()).get_repository_def()
    automations = [*repository.schedule_defs, *repository.sensor_defs]
    states = {each.name: "yes" if each.default_status.value == "RUNNING" else "no" for each in automations}
    section = RUNBOOK.split("## Schedules and sensors\n", 1)[1].split("\n## ", 1)[0]
    assert dict(re.findall(r"^\| `([^`]+)` \| (yes|no) \|", section, flags=re.MULTILINE)) == states


def commands() -> list[str]:
    """Every `enrich ...` of the runbook, in code blocks and in the text."""
    blocks = re.findall(r"^ *(enrich [a-z].*?)(?: +#.*)?$", RUNBOOK, flags=re.MULTILINE)
    return sorted({*blocks, *re.findall(r"`(enrich [^`]+)`", RUNBOOK)})


@pytest.mark.parametrize("command", commands())
def test_every_command_of_the_runbook_is_one(command: str) -> None:
    name, *arguments = shlex.split(command.replace("DAY", "2026-11-24").replace("FOLDER", "docs"))[1:]
    found = main.commands[name]
    # Parsed and not run; where the text names a command alone, its options may be left out.
    found.make_context(name, arguments, resilient_parsing=not arguments)
