"""Secrets planted as canaries, looked for after runs with faults in everything that was written or printed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from enrich_pipeline.domain.contract import profile_named
from enrich_pipeline.enrich_api.process import ServiceProcess, ServiceSpec
from enrich_pipeline.enrich_client import EnrichClient
from enrich_pipeline.settings import load_settings
from enrich_pipeline.warehouse.engine import warehouse_engine
from enrich_pipeline_tests.canaries.secrets import WEBHOOK, every_row, shown_in, spellings
from enrich_pipeline_tests.support.command_line import enrich, environment
from enrich_pipeline_tests.support.own_server import PASSWORD, own_server

_DATABASES = ("warehouse", "dagster", "vendor")
_FAULTS = ("503,rate=0.2,seed=3", "reset-after-commit,rate=0.2,seed=4", "not-json,rate=0.2,seed=5", "duplicates")


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.usefixtures("postgres")
def test_no_secret_is_in_any_table_file_or_output_after_runs_with_faults(tmp_path: Path) -> None:
    yesterday = (datetime.now(UTC).date() - timedelta(days=1)).isoformat()
    days = ("--from", yesterday, "--to", yesterday)
    with own_server(tmp_path, *_DATABASES) as url:
        env = environment(
            tmp_path / "data",
            WAREHOUSE_URL=f"{url}/warehouse",
            DAGSTER_STORAGE_URL=f"{url}/dagster",
            ENRICH_API_DATABASE_URL=f"{url}/vendor",
            ALERTWEBHOOK_URL=f"https://127.0.0.1:9/{WEBHOOK}",
            UPLOAD_BATCH_SIZE="10",
        )
        outputs = [enrich("seed", "--days", "1", "--orders-per-day", "60", env=env)]
        outputs.append(enrich("api", "import", env=env))
        key = enrich("api", "key", env=env).stdout.strip()
        assert len(key) > 20
        arguments = [part for fault in _FAULTS for part in ("--fault", fault)]
        with ServiceProcess(ServiceSpec(database_url=f"{url}/vendor", arguments=arguments)) as service:
            env |= {"WORKMAGIC_API_URL": service.base_url, "WORKMAGIC_API_KEY": key}
            faulty = enrich("run", *days, env=env)
            outputs += [faulty, enrich("upload", *days, "--full", env=env), enrich("verify", *days, env=env)]
            # The key is generated anew while we still hold the old one: refused, and told where to set it.
            new_key = enrich("api", "key", env=env).stdout.strip()
            refused = enrich("run", *days, env=env)
            outputs += [refused, enrich("receipt", "--json", env=env)]
            outputs.append(enrich("run", *days, env=env | {"WAREHOUSE_URL": f"{url}/no_such_database"}))
            served = service.output()
        assert faulty.returncode == 1, "the faults changed nothing"
        assert "WORKMAGIC_API_KEY" in refused.stderr
        canaries = [PASSWORD, WEBHOOK, key, new_key]
        printed = [text for done in outputs for text in (done.stdout, done.stderr)]
        assert _hits(canaries, [*printed, served]) == []
        for database in _DATABASES:
            assert _hits(canaries, every_row(f"{url}/{database}")) == []
    files = [path for path in (tmp_path / "data").rglob("*") if path.is_file()]
    assert files
    assert _hits(canaries, (path.read_bytes().decode(errors="replace") for path in files)) == []


def _hits(canaries: list[str], texts: Iterable[str]) -> list[str]:
    return [text[:200] for text in texts if shown_in(text.encode(), spellings(canaries))]


def test_no_secret_is_in_the_repr_of_whatever_holds_it(monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"postgresql://brand:{PASSWORD}@127.0.0.1/x"
    for name in ("WAREHOUSE_URL", "DAGSTER_STORAGE_URL", "ENRICH_API_DATABASE_URL"):
        monkeypatch.setenv(name, url)
    monkeypatch.setenv("WORKMAGIC_API_KEY", "key-canary-71aa")
    monkeypatch.setenv("ALERTWEBHOOK_URL", f"https://127.0.0.1/{WEBHOOK}")
    settings = load_settings()
    client = EnrichClient("http://127.0.0.1:9", SecretStr("key-canary-71aa"), profile_named("full"))
    with client:
        shown = [repr(holder) for holder in (settings, client, vars(client), warehouse_engine(url))]
    shown += [str(settings), repr(ServiceSpec(database_url=url))]
    assert _hits([PASSWORD, WEBHOOK, "key-canary-71aa"], shown) == []
