"""The OpenAPI document against the service: schemathesis sends what it allows and what it forbids, all checks on.

`pytest -m slow enrich_pipeline_tests/enrich_api/test_openapi.py` runs the campaign of more than ten thousand cases a
profile (add `-s` for the counts); the default suite runs a part of it.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from sqlalchemy import URL

from enrich_pipeline.enrich_api.profiles import ProfileName
from enrich_pipeline_tests.enrich_api.conftest import NOW, channel_orders
from enrich_pipeline_tests.support.api_server import RunningApi, running_api

PROFILES: list[ProfileName] = ["full", "minimal"]


def run_schemathesis(api: RunningApi, folder: Path, *, examples: int, seed: int) -> tuple[int, str]:
    """Run every phase and check; return the number of cases and what was printed."""
    command = [
        *(
            Path(sys.executable).with_name("schemathesis"),
            "--config-file",
            Path(__file__).with_name("schemathesis.toml"),
        ),
        *("run", f"{api.base_url}/openapi.json", "--checks", "all", "--max-examples", str(examples)),
        *("--header", f"Authorization: Bearer {api.key}", "--seed", str(seed), "--continue-on-failure"),
    ]
    environment = os.environ | {"SCHEMATHESIS_HOOKS": f"{__package__}.schemathesis_hooks"}
    root = Path(__file__).parents[2]
    done = subprocess.run(
        command, env=environment | {"PYTHONPATH": str(root)}, cwd=folder, capture_output=True, text=True, check=False
    )
    found = re.search(r"^\s*([\d,]+) generated, ([\d,]+) passed", done.stdout, flags=re.MULTILINE)
    assert done.returncode == 0, done.stdout + done.stderr
    assert found, done.stdout
    return int(found.group(1).replace(",", "")), done.stdout


def run_campaign(database: URL, profile: ProfileName, folder: Path, *, examples: int, seed: int = 1) -> int:
    # The rate limit has tests of its own; here it would refuse everything after the first six hundred.
    unlimited = ["--set", "requests_per_minute=none"]
    with running_api(database, profile=profile, now=NOW, arguments=unlimited, orders=channel_orders(10)) as api:
        cases, _ = run_schemathesis(api, folder, examples=examples, seed=seed)
        assert httpx.get(f"{api.base_url}/readyz").status_code == 200
        assert "Traceback" not in api.process.output()
    return cases


@pytest.mark.parametrize("profile", PROFILES)
def test_what_is_served_is_what_the_document_says(api_database: URL, profile: ProfileName, tmp_path: Path) -> None:
    assert run_campaign(api_database, profile, tmp_path, examples=40) > 150


@pytest.mark.slow
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("profile", PROFILES)
def test_more_than_ten_thousand_cases_find_nothing(api_database: URL, profile: ProfileName, tmp_path: Path) -> None:
    cases = sum(run_campaign(api_database, profile, tmp_path, examples=1300, seed=seed) for seed in range(1, 5))
    sys.stdout.write(f"{profile}: {cases} cases, 0 failures\n")
    assert cases >= 10_000


def test_the_document_needs_no_key_and_is_the_profiles(full: RunningApi, minimal: RunningApi) -> None:
    documents = [httpx.get(f"{api.base_url}/openapi.json").json() for api in (full, minimal)]

    batches = [
        document["paths"]["/enrich/orders"]["post"]["requestBody"]["content"]["application/json"]["schema"][
            "properties"
        ]["orders"]["maxItems"]
        for document in documents
    ]
    assert batches == [1000, 500]
    assert ["429" in document["paths"]["/enrich/orders"]["post"]["responses"] for document in documents] == [
        False,
        True,
    ]
