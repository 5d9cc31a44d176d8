"""The README's tables name what there is: every setting and every command, and nothing else."""

from __future__ import annotations

import re
from importlib.util import find_spec

from enrich_pipeline.cli import main
from enrich_pipeline.settings import PROJECT_ROOT, Settings

README = (PROJECT_ROOT / "README.md").read_text(encoding="utf-8")


def _first_cells(heading: str) -> list[str]:
    section = README.split(f"### {heading}\n", 1)[1].split("\n#", 1)[0]
    return re.findall(r"^\| `([^`]+)`", section, flags=re.MULTILINE)


def test_the_settings_table_is_the_settings() -> None:
    assert sorted(_first_cells("Settings")) == sorted(name.upper() for name in Settings.model_fields)


def test_every_setting_describes_itself() -> None:
    assert all(field.description for field in Settings.model_fields.values())


def test_the_commands_table_is_the_command_line() -> None:
    named = {cell.split()[1] for cell in _first_cells("Commands")}
    assert named == set(main.commands)


def test_the_readme_leads_with_the_two_commands() -> None:
    first_block = README.split("```bash\n", 1)[1].split("```", 1)[0]
    assert [line.split("#")[0].strip() for line in first_block.strip().splitlines()] == ["make demo", "make test"]


def test_what_proves_it_is_there() -> None:
    section = README.split("## Prove it yourself\n", 1)[1].split("\n## ", 1)[0]
    modules = re.findall(r"python -m (enrich_pipeline_tests[\w.]+)", section)
    paths = re.findall(r"`[^`]*?(enrich_pipeline_tests/[\w/.]+)", section)
    assert modules
    assert paths
    assert [module for module in modules if find_spec(module) is None] == []
    assert [path for path in paths if not (PROJECT_ROOT / path).exists()] == []
