"""`python -m enrich_pipeline.enrich_api`: the service on its own, configured by the environment alone.

The database's URL comes by the environment and never by the command line, where every user of the machine could
read it.
"""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import cast

import psycopg
from psycopg.conninfo import conninfo_to_dict

from enrich_pipeline.enrich_api.commands import build_api_group
from enrich_pipeline.enrich_api.config import ApiConfig, utc_now
from enrich_pipeline.enrich_api.errors import ConfigError
from enrich_pipeline.enrich_api.profiles import PROFILES, ProfileName
from enrich_pipeline.enrich_api.stores import require_currency, require_zone

DATABASE_URL = "ENRICH_API_DATABASE_URL"
PASSWORD = "ENRICH_API_PASSWORD"  # noqa: S105  # the variable's name
VAULT_FILE = "ENRICH_API_KEY_SECRET_FILE"


def config_from_environment() -> ApiConfig:
    """Read the configuration.

    Raises:
        ConfigError: when a variable is missing or wrong; the value is not repeated.
    """
    url = os.environ.get(DATABASE_URL, "")
    if not url:
        raise ConfigError(f"{DATABASE_URL} is not set.")
    _require_readable(url)
    profile = os.environ.get("CONTRACT_PROFILE") or "full"
    if profile not in PROFILES:
        raise ConfigError("CONTRACT_PROFILE must be full or minimal.")
    timezone, currency = os.environ.get("STORE_TIMEZONE") or "UTC", os.environ.get("STORE_CURRENCY") or "USD"
    require_zone(timezone, named="STORE_TIMEZONE")
    require_currency(currency, named="STORE_CURRENCY")
    secret_file = os.environ.get(VAULT_FILE)
    fixed = os.environ.get("ENRICH_NOW")
    now = _aware(fixed) if fixed else None
    return ApiConfig(
        database_url=url,
        profile=PROFILES[cast("ProfileName", profile)],
        store_timezone=timezone,
        store_currency=currency,
        now=(lambda: now) if now else utc_now,
        dashboard_password=os.environ.get(PASSWORD) or None,
        key_secret_file=Path(secret_file) if secret_file else None,
    )


def _require_readable(url: str) -> None:
    """Refuse what the driver cannot read: its own complaint would repeat it, with the password."""
    try:
        for host in str(conninfo_to_dict(url).get("host", "")).split(","):
            if not host.startswith("/"):  # which is a socket's folder
                host.encode("idna")
    except (psycopg.ProgrammingError, UnicodeError):
        raise ConfigError(
            f"{DATABASE_URL} is no URL that libpq reads; write one like postgresql://user:password@host:5432/enrich_api."
        ) from None


def _aware(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = datetime.min  # noqa: DTZ901  # naive on purpose: refused below
    if moment.tzinfo is None:
        raise ConfigError("ENRICH_NOW must be an ISO 8601 time with an offset.")
    return moment


if __name__ == "__main__":
    build_api_group(config_from_environment)(prog_name="python -m enrich_pipeline.enrich_api")
