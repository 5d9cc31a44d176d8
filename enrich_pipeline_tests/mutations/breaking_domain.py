"""Makes small mistakes in `enrich_pipeline/domain`, one at a time, and asks the domain's tests whether they notice.

    .venv/bin/python -m enrich_pipeline_tests.mutations.breaking_domain
    .venv/bin/python -m enrich_pipeline_tests.mutations.breaking_domain --only windows
    .venv/bin/python -m enrich_pipeline_tests.mutations.breaking_domain --sample 100 --seed 7

No file is changed: each mutant is imported in place of its module, in a forked process of its own that runs the tests
of its module first, then the others. A mutant that neither fails nor ends within its time counts as noticed. One that
no test misses has survived; the command exits with 1 when docs/mutation.md does not argue why that is no gap.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import os
import random
import re
import resource
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import click
import pytest
from _pytest.config import ExitCode
from hypothesis import HealthCheck, Phase, settings

from enrich_pipeline_tests.mutations.domain_mutants import Mutant, mutants_of

ROOT = Path(__file__).parents[2]
DOMAIN, TESTS = ROOT / "enrich_pipeline" / "domain", ROOT / "enrich_pipeline_tests" / "domain"
ARGUED_IN = ROOT / "docs" / "mutation.md"

_LIMIT_SECONDS = 10  # of CPU, which does not depend on who else uses the machine; the tests take about one
_LIMIT_BYTES = 2 * 1024**3

# The same examples for each mutant, and nobody reads the failing ones: no shrinking, nothing kept on disk.
settings.register_profile(
    "mutants",
    max_examples=40,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)

# The domain's tests need no fixture and few plugins: without conftest.py nothing but the domain is imported.
_PYTEST = ["-x", "--noconftest", "-p", "_hypothesis_pytestplugin", "-p", "pytest_timeout", "-p", "no:cacheprovider"]
_PYTEST += ["--hypothesis-profile=mutants", "-W", "ignore::pytest.PytestAssertRewriteWarning"]


class _InPlace(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports one module from the mutant's source."""

    def __init__(self, mutant: Mutant) -> None:
        self._name = f"enrich_pipeline.domain.{mutant.file.stem}"
        self._code = compile(mutant.source, mutant.file, "exec", dont_inherit=True)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        return importlib.util.spec_from_loader(fullname, self) if fullname == self._name else None

    def exec_module(self, module: ModuleType) -> None:
        exec(self._code, module.__dict__)


def is_noticed(mutant: Mutant | None) -> bool:
    """Whether the domain's tests fail, or do not end, with the mutant; without one, whether they fail at all."""
    child = os.fork()
    if child == 0:
        try:
            status = _run_tests(mutant)
        except BaseException:
            status = 1
        os._exit(status)
    return os.waitpid(child, 0)[1] != 0


def _run_tests(mutant: Mutant | None) -> int:
    """In the forked process: 0 when all tests pass. Its limits end it, whatever it does."""
    silent = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, 1)
    os.dup2(silent, 2)
    resource.setrlimit(resource.RLIMIT_CPU, (_LIMIT_SECONDS, _LIMIT_SECONDS))
    resource.setrlimit(resource.RLIMIT_DATA, (_LIMIT_BYTES, _LIMIT_BYTES))
    os.chdir(ROOT)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    files = sorted(TESTS.glob("test_*.py"))
    if mutant:
        sys.meta_path.insert(0, _InPlace(mutant))
        files.sort(key=lambda file: file.stem != f"test_{mutant.file.stem}")
    for group in (files[:1], files[1:]):
        status = pytest.main([*_PYTEST, *map(str, group)])
        if status != ExitCode.OK:
            return 1
    return 0


def argued() -> set[str]:
    """The keys of the mutants whose survival docs/mutation.md argues."""
    return set(re.findall(r"^- (`[^`]+`: `[^`]+` → `[^`]+`)", ARGUED_IN.read_text(), re.MULTILINE))


def all_mutants() -> list[Mutant]:
    """Every mutant of every module of the domain."""
    return [mutant for file in sorted(DOMAIN.glob("*.py")) for mutant in mutants_of(file)]


@click.command()
@click.option("--only", default="", metavar="MODULE", help="Break this module only.")
@click.option("--sample", type=click.IntRange(min=1), metavar="N", help="Make N of the mistakes, chosen by --seed.")
@click.option("--seed", default=1, show_default=True, help="Which sample.")
def main(only: str, sample: int | None, seed: int) -> None:
    """Make each small mistake in the domain once; exit 1 when one goes unnoticed that no document argues."""
    chosen = [mutant for mutant in all_mutants() if only in {"", mutant.file.stem}]
    if sample:
        chosen = random.Random(seed).sample(chosen, min(sample, len(chosen)))
    if not chosen:
        raise click.ClickException(f"no module of the domain is named {only!r}, or it has nothing to mistake")
    if is_noticed(None):
        raise click.ClickException("The tests fail without any mistake.")
    known, began = argued(), time.monotonic()
    survivors: list[Mutant] = []
    for mutant in chosen:
        if not is_noticed(mutant):
            survivors.append(mutant)
            verdict = "argued  " if mutant.key in known else "SURVIVED"
            click.echo(f"{verdict}  {mutant.file.name}:{mutant.line}  {mutant.key}")
    unargued = [mutant for mutant in survivors if mutant.key not in known]
    click.echo(
        f"{len(chosen)} mistakes in {time.monotonic() - began:.0f} s: {len(chosen) - len(survivors)} noticed, "
        f"{len(survivors) - len(unargued)} survived as argued, {len(unargued)} survived."
    )
    for key in sorted(known & {mutant.key for mutant in chosen} - {mutant.key for mutant in survivors}):
        click.echo(f"No longer survives, and need not be argued: {key}")
    sys.exit(1 if unargued else 0)


if __name__ == "__main__":
    main()
