"""What the doctor looks at. Each check reads, changes nothing, and ends in a finding whatever happens."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import dagster as dg

from enrich_pipeline.commands.doctor_findings import DOCTOR_CHECKS, Finding, guarded
from enrich_pipeline.commands.doctor_warehouse import examine_warehouse
from enrich_pipeline.domain.contract import profile_named
from enrich_pipeline.domain.errors import EnrichError
from enrich_pipeline.enrich_client import NO_RETRIES, EnrichClient
from enrich_pipeline.orchestration.instance import enter_dagster_home
from enrich_pipeline.settings import PROJECT_ROOT, Settings, api_key
from enrich_pipeline.warehouse.source_database import SourceDatabase, connected_source, source_engine

_SKEW_WARNED = timedelta(seconds=30)


def examine(settings: Settings) -> list[Finding]:
    """Make every check, in the order of `DOCTOR_CHECKS`, leaving out those that depend on what is missing."""
    findings = [Finding("settings", "ok", f"store in {settings.store_timezone}, {settings.store_currency}")]
    findings.append(guarded("source", lambda: _source(settings), "See SOURCE_URL, and what its user may read."))
    findings += examine_warehouse(settings)
    findings += [
        guarded("api", lambda: _api(settings), "See WORKMAGIC_API_URL and WORKMAGIC_API_KEY."),
        guarded("clock", lambda: _clock(settings), "See WORKMAGIC_API_URL."),
        guarded("dbt", _dbt, "Run `enrich prepare`."),
        *_of_dagster(settings),
    ]
    return sorted(findings, key=lambda finding: DOCTOR_CHECKS.index(finding.check))


def _source(settings: Settings) -> Finding:
    if settings.source_url is None:
        return Finding("source", "ok", "none is set: schema raw is read as it is")
    engine = source_engine(settings.source_url)
    try:
        with connected_source(engine) as connection:
            landed = SourceDatabase(connection).tables
    finally:
        engine.dispose()
    return Finding("source", "ok", f"{engine.dialect.name}, with {', '.join(table.name for table in landed)}")


def _api(settings: Settings) -> Finding:
    """One GET of one instant: reads nothing of weight, changes nothing, and needs a key that is right."""
    profile = profile_named(settings.contract_profile)
    now = datetime.now(UTC).replace(microsecond=0)
    with EnrichClient(settings.workmagic_api_url, api_key(settings), profile, retry=NO_RETRIES) as client:
        client.get_orders(now - timedelta(seconds=1), now, 1)
    return Finding("api", "ok", f"{settings.workmagic_api_url} answers, and takes the key")


def _clock(settings: Settings) -> Finding:
    """Compare this machine's clock with the `Date` of any answer of the API's host; no key is sent."""
    request = Request(settings.workmagic_api_url, method="HEAD")  # noqa: S310  # the settings let http(s) through alone
    try:
        with urlopen(request, timeout=10) as answer:  # noqa: S310  # as above
            said = answer.headers.get("Date")
    except HTTPError as error:
        said = error.headers.get("Date")
        error.close()
    except OSError as error:
        return Finding("clock", "warn", f"not compared: {type(error).__name__}", "See WORKMAGIC_API_URL.")
    if said is None:
        return Finding("clock", "ok", "the API tells no time to compare with")
    skew = abs(datetime.now(UTC) - parsedate_to_datetime(said))
    if skew > _SKEW_WARNED:
        return Finding(
            "clock", "warn", f"{skew.total_seconds():.0f} s from the API's", "Let this machine set its clock (NTP)."
        )
    return Finding("clock", "ok", "within half a minute of the API's")


def _dbt() -> Finding:
    project = PROJECT_ROOT / "dbt_costs"
    target = project / "target"
    prepared = [target / "manifest.json", target / "partial_parse.msgpack"]
    if not all(path.exists() for path in prepared):
        return Finding("dbt", "fail", "the project is not prepared", "Run `enrich prepare`.")
    written = min(path.stat().st_mtime for path in prepared)
    sources = (
        path
        for folder in ("models", "macros")
        for path in (project / folder).rglob("*")
        if path.suffix in {".sql", ".yml"}
    )
    newer = sorted(path.name for path in sources if path.stat().st_mtime > written)
    if newer:
        return Finding("dbt", "warn", f"changed since it was prepared: {', '.join(newer)}", "Run `enrich prepare`.")
    return Finding("dbt", "ok", "prepared")


def _of_dagster(settings: Settings) -> Iterator[Finding]:
    before = os.environ.get("DAGSTER_HOME")
    try:
        enter_dagster_home(settings)
        with dg.DagsterInstance.get() as instance:
            instance.get_runs(limit=1)
            yield Finding("dagster_storage", "ok", "reached")
            yield _daemons(instance)
    except EnrichError as error:
        yield Finding("dagster_storage", "fail", str(error), "See DAGSTER_STORAGE_URL.")
    except Exception as error:  # whatever Dagster's storage says, without its URL
        yield Finding(
            "dagster_storage", "fail", f"cannot be reached ({type(error).__name__})", "See DAGSTER_STORAGE_URL."
        )
    finally:
        if before is None:
            os.environ.pop("DAGSTER_HOME", None)
        else:
            os.environ["DAGSTER_HOME"] = before


def _daemons(instance: dg.DagsterInstance) -> Finding:
    silent = sorted(name for name, status in instance.get_daemon_statuses().items() if not status.healthy)
    if silent:
        return Finding(
            "dagster_daemons",
            "warn",
            f"no heartbeat of late: {', '.join(silent).lower()}",
            "Start `enrich ui` (or keep `dagster-daemon run` running): without it no schedule or sensor ticks.",
        )
    return Finding("dagster_daemons", "ok", "every daemon gives signs of life")
