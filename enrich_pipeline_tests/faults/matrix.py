"""Prints the fault table: each fault x each place x both contract profiles, over the real service and a real warehouse.

A cell disturbs one day's run, ends the fault, runs the day again, and compares with the undisturbed day.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from enrich_pipeline_tests.faults.laboratory import Laboratory, Outcome, laboratory
from enrich_pipeline_tests.faults.trials import Trial, all_trials
from enrich_pipeline_tests.support.databases import temporary_server

PROFILES = ("full", "minimal")


@dataclass(frozen=True, slots=True)
class Cell:
    """One trial under one profile: how the day ended, or why the trial itself is worth nothing."""

    trial: Trial
    profile: str
    outcome: Outcome | None
    problem: str | None
    seconds: float

    @property
    def is_good(self) -> bool:
        """Whether the day was disturbed, nothing was wrongly called verified, and it ended like the undisturbed one."""
        return self.problem is None and self.outcome is not None and self.outcome.is_good


def play(opened: Laboratory, trial: Trial, profile: str) -> Cell:
    """Disturb the day, and let it settle."""
    began = time.monotonic()
    opened.put_back()
    outcome, problem = None, None
    try:
        trial.disturb(opened)
        if wrongly := opened.wrongly_verified():
            problem = f"{len(wrongly)} orders wrongly verified"
        outcome = opened.compare(opened.settle())
    except (Exception, BaseExceptionGroup) as error:  # one cell must not keep the others from the table
        problem = f"{type(error).__name__}: {error}"
    except BaseException as error:
        # pytest.raises fails with an exception of pytest's own, which is no Exception.
        if type(error).__name__ != "Failed":
            raise
        problem = f"not disturbed: {error}"
    return Cell(trial, profile, outcome, problem, time.monotonic() - began)


def print_matrix(cells: Iterable[Cell], console: Console) -> bool:
    """Print a row a trial and a column a profile; return whether every cell is good."""
    by_trial: dict[tuple[str, str], dict[str, Cell]] = {}
    for cell in cells:
        by_trial.setdefault((cell.trial.place, cell.trial.fault), {})[cell.profile] = cell
    profiles = [profile for profile in PROFILES if any(profile in row for row in by_trial.values())]
    table = Table("place", "fault", *profiles, title="lost / doubled / wrongly stated, after the day was run again")
    for (place, fault), row in by_trial.items():
        table.add_row(place, fault, *(_words(row.get(profile)) for profile in profiles))
    console.print(table)
    every = [cell for row in by_trial.values() for cell in row.values()]
    bad = [cell for cell in every if not cell.is_good]
    console.print(f"{len(every)} cells, {len(bad)} bad, {sum(cell.seconds for cell in every):.0f} s")
    for cell in bad:
        console.print(f"{cell.trial.place}, {cell.trial.fault}, {cell.profile}: {cell.problem or cell.outcome}")
    return not bad


def _words(cell: Cell | None) -> str:
    if cell is None:
        return ""
    if cell.outcome is None:
        return "[red]no result[/]"
    found = cell.outcome
    counts = f"{found.lost} / {found.doubled} / {found.wrong}"
    if cell.problem:
        return f"[red]{counts}, {cell.problem}[/]"
    return f"{counts}, receipt equal" if found.receipts_equal else f"[red]{counts}, receipt differs[/]"


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(
        prog="python -m enrich_pipeline_tests.faults.matrix",
        description=__doc__,
        epilog="example: python -m enrich_pipeline_tests.faults.matrix --only 'kill -9' --profile minimal",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--only", default="", help="only rows whose place or fault contains this")
    parser.add_argument("--profile", choices=PROFILES, help="only this contract profile")
    arguments = parser.parse_args()
    console, progress = Console(width=140, highlight=False), Console(stderr=True, highlight=False)
    trials = [trial for trial in all_trials() if arguments.only in f"{trial.place} {trial.fault}"]
    cells: list[Cell] = []
    postgres = temporary_server()
    for profile in [arguments.profile] if arguments.profile else PROFILES:
        with laboratory(postgres, profile) as opened:
            for trial in trials:
                cells.append(cell := play(opened, trial, profile))
                mark = "ok" if cell.is_good else "BAD"
                progress.print(f"{mark:3} {cell.seconds:5.1f} s  {profile:7} {trial.place}: {trial.fault}")
    raise SystemExit(0 if print_matrix(cells, console) else 1)


if __name__ == "__main__":
    main()
