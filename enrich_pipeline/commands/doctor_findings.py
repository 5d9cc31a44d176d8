"""What the doctor's checks have in common: their names, their findings, and that each ends in one whatever happens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

from sqlalchemy.exc import DBAPIError

from enrich_pipeline.commands.boundary import database_says
from enrich_pipeline.domain.errors import EnrichError

Level = Literal["ok", "warn", "fail"]

CheckName = Literal[
    "settings",
    "source",
    "warehouse",
    "raw_tables",
    "freshness",
    "zone",
    "api",
    "clock",
    "dbt",
    "dagster_storage",
    "dagster_daemons",
    "yesterday",
    "alerts",
]

DOCTOR_CHECKS: tuple[CheckName, ...] = get_args(CheckName)


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found; `remedy` says how to mend it, and is empty when all is well."""

    check: CheckName
    level: Level
    says: str
    remedy: str = ""


def guarded(check: CheckName, look: Callable[[], Finding], remedy: str) -> Finding:
    """Look, and make a finding of whatever goes wrong with that."""
    try:
        return look()
    except Exception as error:  # a doctor owes a line for each thing, whatever became of looking at it
        return Finding(check, "fail", told(error), remedy)


def told(error: Exception) -> str:
    """What may be said of an error: nothing that could hold a secret."""
    if isinstance(error, EnrichError):
        return str(error)
    if isinstance(error, DBAPIError):
        return database_says(error).strip()
    return f"cannot be examined ({type(error).__name__})"
