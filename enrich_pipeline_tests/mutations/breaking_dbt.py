"""Breaks each rule of `dbt_costs` once and asks the tests whether they notice.

    .venv/bin/python -m enrich_pipeline_tests.mutations.breaking_dbt
    .venv/bin/python -m enrich_pipeline_tests.mutations.breaking_dbt --only refund

Each rule is broken in a copy of the checkout, and the tests of the marts run there until the first fails. A rule that
no test misses has survived: it is named at the end, and the command exits with 1.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click

from enrich_pipeline.settings import PROJECT_ROOT
from enrich_pipeline_tests.mutations.dbt_rules import BROKEN_RULES, EXCLUSIONS, Broken

TESTS = ("test_money.py", "test_exclusions.py", "test_generated_stores.py", "test_unit_tests.py", "test_plans.py")


def copy_checkout(folder: Path) -> Path:
    """The project's own files, without its environment and data."""
    copy = folder / "checkout"
    ignored = shutil.ignore_patterns(".*", "target", "logs", "__pycache__", "*.egg-info")
    shutil.copytree(PROJECT_ROOT, copy, ignore=ignored)
    return copy


def broken_text(broken: Broken, project: Path) -> str:
    """The file with its rule broken."""
    text = (project / broken.file).read_text()
    if text.count(broken.before) != 1:
        raise click.ClickException(f"{broken.file} has {text.count(broken.before)} times: {broken.before!r}")
    return text.replace(broken.before, broken.after)


def is_noticed(broken: Broken, checkout: Path) -> bool:
    """Whether a test fails while the rule is broken; those that are about it run first, to save time."""
    file = checkout / "dbt_costs" / broken.file
    whole = file.read_text()
    file.write_text(broken_text(broken, checkout / "dbt_costs"))
    try:
        return not passes(checkout, first="test_exclusions.py" if broken in EXCLUSIONS else "test_money.py")
    finally:
        file.write_text(whole)


def passes(checkout: Path, *, first: str = TESTS[0]) -> bool:
    """Whether the marts' tests pass in the copy."""
    tests = [f"enrich_pipeline_tests/dbt_costs/{name}" for name in sorted(TESTS, key=lambda name: name != first)]
    # `-m` puts the copy's folder first on the path: the copy is what is imported.
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests]
    done = subprocess.run(command, check=False, cwd=checkout, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return done.returncode == 0


@click.command()
@click.option("--only", default="", metavar="TEXT", help="Break only the rules whose name has this text.")
def main(only: str) -> None:
    """Break each rule of money once; exit 1 when a broken one goes unnoticed."""
    chosen = [broken for broken in BROKEN_RULES if only in broken.rule]
    for broken in chosen:
        broken_text(broken, PROJECT_ROOT / "dbt_costs")
    survivors: list[Broken] = []
    with tempfile.TemporaryDirectory() as folder:
        checkout = copy_checkout(Path(folder))
        if not passes(checkout):
            raise click.ClickException("The tests fail without any rule broken.")
        for place, broken in enumerate(chosen, 1):
            began = time.monotonic()
            noticed = is_noticed(broken, checkout)
            survivors += [] if noticed else [broken]
            verdict = "noticed" if noticed else "SURVIVED"
            click.echo(f"{place:3}/{len(chosen)}  {verdict:8}  {time.monotonic() - began:5.1f} s  {broken.rule}")
    click.echo(f"{len(chosen)} rules broken, {len(survivors)} survived.")
    for broken in survivors:
        click.echo(f"  {broken.rule} ({broken.file})")
    sys.exit(1 if survivors else 0)


if __name__ == "__main__":
    main()
