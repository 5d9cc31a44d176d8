"""The pipeline on PostgreSQL servers of the user's own: every URL points elsewhere, and nothing embedded starts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from enrich_pipeline.enrich_api.process import ServiceProcess, ServiceSpec
from enrich_pipeline_tests.support.command_line import enrich, environment
from enrich_pipeline_tests.support.own_server import PASSWORD, own_server


@pytest.mark.timeout(240)
@pytest.mark.usefixtures("postgres")
def test_a_day_runs_on_servers_of_the_users_own_and_no_password_is_shown(tmp_path: Path) -> None:
    yesterday = (datetime.now(UTC).date() - timedelta(days=1)).isoformat()
    with own_server(tmp_path, "warehouse", "dagster", "vendor") as url:
        env = environment(
            tmp_path / "data",
            WAREHOUSE_URL=f"{url}/warehouse",
            DAGSTER_STORAGE_URL=f"{url}/dagster",
            ENRICH_API_DATABASE_URL=f"{url}/vendor",
        )
        seeded = enrich("seed", "--days", "1", "--orders-per-day", "50", env=env)
        imported = enrich("api", "import", env=env)
        key = enrich("api", "key", env=env).stdout.strip()
        with ServiceProcess(ServiceSpec(database_url=f"{url}/vendor")) as service:
            env |= {"WORKMAGIC_API_URL": service.base_url, "WORKMAGIC_API_KEY": key}
            run = enrich("run", "--from", yesterday, "--to", yesterday, env=env)
        receipt = enrich("receipt", "--json", env=env)
    assert run.returncode == 0, run.stderr
    assert '"accounted_for": true' in receipt.stdout
    assert not (tmp_path / "data" / "postgres").exists()
    for done in (seeded, imported, run, receipt):
        assert PASSWORD not in done.stdout + done.stderr
