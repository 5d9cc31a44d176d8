"""Every hostile request is refused as it must be, stores nothing, and leaves the service as it was."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import groupby

import httpx
import psycopg
import pytest

from enrich_pipeline.warehouse.embedded import API_ROLE, EmbeddedPostgres
from enrich_pipeline_tests.enrich_api.wire import get, post, row
from enrich_pipeline_tests.hostile.attempt import attempt, orders_stored
from enrich_pipeline_tests.hostile.cases import CSV, HTML, KNOWN, OTHER, SQL, Case, all_cases
from enrich_pipeline_tests.support.api_server import RunningApi, running_api
from enrich_pipeline_tests.support.databases import fresh_database

_AT = datetime(2025, 6, 10, 20, 19, tzinfo=UTC)
_TEXTS = (*SQL, *HTML, *CSV, *OTHER)


@pytest.fixture(scope="module")
def service(postgres: EmbeddedPostgres) -> Iterator[RunningApi]:
    """A service that knows one order, and in another store's stead those whose ids are hostile."""
    with (
        fresh_database(postgres, owner=API_ROLE) as url,
        running_api(url, orders=[(KNOWN, _AT, "USD", 300, 120)]) as api,
    ):
        yield api


@pytest.mark.parametrize(
    "cases", [pytest.param(list(cases), id=kind) for kind, cases in groupby(all_cases(), key=lambda case: case.kind)]
)
def test_hostile_input_is_refused_and_nothing_is_stored(service: RunningApi, cases: list[Case]) -> None:
    pid = service.process.pid
    with psycopg.connect(service.config.database_url, autocommit=True) as connection:
        for case in cases:
            answer = attempt(service, case)
            assert answer.fits(case), f"{case.name}: expected {case.expected}, got {answer}"
            assert orders_stored(connection) == 0, case.name
    assert httpx.get(f"{service.base_url}/readyz").status_code == 200
    assert service.process.pid == pid
    assert "Traceback" not in service.process.output()


def test_a_refusal_never_repeats_the_key(service: RunningApi) -> None:
    for case in all_cases():
        if case.kind in {"no good key", "paths"}:
            assert service.key.encode() not in attempt(service, case).body


def test_every_case_has_a_name_of_its_own() -> None:
    names = [(case.kind, case.name) for case in all_cases()]

    assert len(names) == len(set(names)) > 400


def test_ids_that_a_language_would_take_for_its_own_are_kept_to_the_letter(postgres: EmbeddedPostgres) -> None:
    with (
        fresh_database(postgres, owner=API_ROLE) as url,
        running_api(url, orders=[(text, _AT, "USD", 300, 120) for text in _TEXTS]) as api,
    ):
        answer = post(api, *(row(text) for text in _TEXTS))

        assert (answer["accepted"], answer["errors"]) == (len(_TEXTS), [])
        assert {held["order_id"] for held in get(api, limit=1000)} == set(_TEXTS)
