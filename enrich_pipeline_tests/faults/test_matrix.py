"""The fault table as tests: a few telling cells always, all of them in `make test-full`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from enrich_pipeline.warehouse.embedded import EmbeddedPostgres
from enrich_pipeline_tests.faults.laboratory import Laboratory, laboratory
from enrich_pipeline_tests.faults.matrix import PROFILES, play
from enrich_pipeline_tests.faults.trials import Trial, all_trials

_TELLING = {
    "POST: reset after commit",
    "POST: 503, once",
    "POST: JSON of another shape",
    "POST: 200 that stored half",
    "POST: clock skew, a zone",
    "POST: key revoked in the middle",
    "GET: silent truncation",
    "GET: duplicates",
    "GET: answer cut short",
    "warehouse: connection lost: answered, not recorded",
    "warehouse: disk full: reading back",
    "process: kill -9: answered, not recorded",
    "process: two runs at once: the first answered, not recorded",
}


def _name(trial: Trial) -> str:
    return f"{trial.place}: {trial.fault}"


@pytest.fixture(scope="module", params=PROFILES)
def opened(request: pytest.FixtureRequest, postgres: EmbeddedPostgres) -> Iterator[Laboratory]:
    with laboratory(postgres, request.param) as lab:
        yield lab


@pytest.mark.timeout(240)
def test_a_day_run_again_after_a_fault_ends_like_an_undisturbed_one(opened: Laboratory) -> None:
    # One test for all of them: the store that they share costs more than they do.
    trials = [trial for trial in all_trials() if _name(trial) in _TELLING]
    assert len(trials) == len(_TELLING)
    cells = [play(opened, trial, opened.store.profile.name) for trial in trials]
    assert {_name(cell.trial): cell.problem or cell.outcome for cell in cells if not cell.is_good} == {}


@pytest.mark.slow
@pytest.mark.parametrize("trial", all_trials(), ids=_name)
def test_a_day_survives_every_fault_of_the_table(opened: Laboratory, trial: Trial) -> None:
    cell = play(opened, trial, opened.store.profile.name)
    assert cell.is_good, cell.problem or cell.outcome


def test_the_table_has_at_least_sixty_cells_and_no_row_twice() -> None:
    names = [_name(trial) for trial in all_trials()]
    assert len(names) * len(PROFILES) >= 60
    assert len(names) == len(set(names))


def test_a_trial_that_disturbs_nothing_proves_nothing(opened: Laboratory) -> None:
    def let_nothing_fail(lab: Laboratory) -> None:
        with lab.faults("503,method=GET"):
            lab.upload()

    cell = play(opened, Trial("POST", "no fault", let_nothing_fail), opened.store.profile.name)
    assert not cell.is_good
    assert "no fault struck" in (cell.problem or "")
