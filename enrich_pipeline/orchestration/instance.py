"""Dagster's home: its settings and where its runs and events are stored, for every process of the checkout."""

from __future__ import annotations

import os
from pathlib import Path

import psycopg

from enrich_pipeline.domain.errors import SettingsError
from enrich_pipeline.settings import Settings
from enrich_pipeline.warehouse.embedded import database_url, libpq_url

_STORAGE_URL = "ENRICH_DAGSTER_STORAGE_URL"
_CONNECT_SECONDS = 5

# One backfill run at a time, so that there is always room for the daily run, whose priority puts it first in the queue.
# A run that failed is not started again by itself: its page says what to mend first.
# The storage URL may carry a password, so the file names the variable and not the value.
_DAGSTER_YAML = f"""\
storage:
  postgres:
    postgres_url:
      env: {_STORAGE_URL}
telemetry:
  enabled: false
nux:
  enabled: false
run_monitoring:
  enabled: true
run_retries:
  enabled: false
concurrency:
  runs:
    max_concurrent_runs: 4
    tag_concurrency_limits:
      - key: dagster/backfill
        limit: 1
"""


def enter_dagster_home(settings: Settings) -> Path:
    """Make this process and its children use the checkout's Dagster home and storage; return the home. May be repeated.

    The embedded server is started when no storage is configured.

    Raises:
        SettingsError: when the storage cannot be reached. Dagster itself would try for long, and end in a traceback.
    """
    home = settings.enrich_data_dir.resolve() / "dagster_home"
    home.mkdir(parents=True, exist_ok=True)
    (home / "dagster.yaml").write_text(_DAGSTER_YAML)
    url = database_url(settings.dagster_storage_url, "dagster", data_dir=settings.enrich_data_dir)
    _require_reachable(libpq_url(url))
    os.environ["DAGSTER_HOME"] = str(home)
    os.environ[_STORAGE_URL] = libpq_url(url)
    return home


def _require_reachable(url: str) -> None:
    try:
        psycopg.connect(url, connect_timeout=_CONNECT_SECONDS).close()
    except psycopg.OperationalError as error:
        # The driver's own words name host and database, never the password.
        raise SettingsError(f"Dagster's storage cannot be reached, see DAGSTER_STORAGE_URL: {error}") from None
