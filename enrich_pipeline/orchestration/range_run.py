"""Materialises the five assets for a range of days in one run of this process, recorded like any other run."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date

import dagster as dg
from dagster._core.errors import DagsterExecutionInterruptedError
from dagster._core.storage.tags import (
    ASSET_PARTITION_RANGE_END_TAG,
    ASSET_PARTITION_RANGE_START_TAG,
)

from enrich_pipeline.orchestration.flow import DAILY_JOB, DELIVERY_STEP
from enrich_pipeline.orchestration.repository import build_definitions
from enrich_pipeline.settings import Settings

_STORAGE_TIMEOUT_MS = 60_000
_CONNECTION_AGE_SECONDS = 3600
_MORE_CONNECTIONS = 4

# An error of ours says all of it; one of a library's is told by its name too.
_OUR_ERROR = re.compile(r"^enrich_pipeline\.[\w.]+: ")

_STEPS_LOGGER = "enrich_pipeline.steps"


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeRun:
    """How a range run ended: its id, whether every step succeeded, the names of error checks that failed, and why.

    `interrupted`: it was asked to end, by Ctrl-C or a signal, and did so.
    """

    run_id: str
    success: bool
    interrupted: bool
    failed_checks: tuple[str, ...]
    error: str | None


def run_days(
    settings: Settings,
    first: date,
    last: date,
    *,
    upload_config: Mapping[str, bool | str],
    on_step_log: Callable[[logging.LogRecord], object] | None = None,
) -> RangeRun:
    """Run the daily job for every day from `first` to `last`, both included, as one run.

    Args:
        settings: of the store; `DAGSTER_HOME` must be entered.
        first: the first day; it must be a partition.
        last: the last day.
        upload_config: how `enriched_upload` sends, as its launchpad takes it; what is left out has its default.
        on_step_log: given each log record of the steps, for showing progress.
    """
    job = build_definitions(settings).resolve_job_def(DAILY_JOB)
    with dg.DagsterInstance.get() as instance, _forwarded(on_step_log):
        _keep_connections(instance)
        result = job.execute_in_process(
            instance=instance,
            run_config={
                "ops": {DELIVERY_STEP: {"config": dict(upload_config)}},
                "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
            },
            tags={
                ASSET_PARTITION_RANGE_START_TAG: first.isoformat(),
                ASSET_PARTITION_RANGE_END_TAG: last.isoformat(),
            },
            raise_on_error=False,
        )
    failed = tuple(
        sorted(
            evaluation.check_name
            for evaluation in result.get_asset_check_evaluations()
            if not evaluation.passed and evaluation.severity == dg.AssetCheckSeverity.ERROR
        )
    )
    return RangeRun(
        run_id=result.run_id,
        success=result.success,
        interrupted=_is_interrupted(result),
        failed_checks=failed,
        error=_first_error(result),
    )


def _keep_connections(instance: dg.DagsterInstance) -> None:
    """Let the instance reuse its connections, as the webserver does.

    By default it opens one for each of the some sixty statements that a day's events take, which is most of their time.
    """
    instance.optimize_for_webserver(
        statement_timeout=_STORAGE_TIMEOUT_MS, pool_recycle=_CONNECTION_AGE_SECONDS, max_overflow=_MORE_CONNECTIONS
    )


def _is_interrupted(result: dg.ExecuteInProcessResult) -> bool:
    errors = [event.step_failure_data.error for event in result.all_events if event.is_step_failure]
    return any(error and error.cls_name == DagsterExecutionInterruptedError.__name__ for error in errors)


def _first_error(result: dg.ExecuteInProcessResult) -> str | None:
    for event in result.all_events:
        if event.is_step_failure:
            said = event.step_failure_data.user_failure_data
            if said is not None and said.description:
                return said.description
            error = event.step_failure_data.error
            while error is not None and error.cause is not None:
                error = error.cause
            return None if error is None else _OUR_ERROR.sub("", error.message.strip())
    return None


class _CallbackHandler(logging.Handler):
    """A log handler that is a callback."""

    def __init__(self, on_record: Callable[[logging.LogRecord], object]) -> None:
        super().__init__(logging.INFO)
        self._on_record = on_record

    def emit(self, record: logging.LogRecord) -> None:
        """Hand the record on."""
        self._on_record(record)


@contextmanager
def _forwarded(on_record: Callable[[logging.LogRecord], object] | None) -> Generator[None]:
    """Hand the steps' log records to a callback, and to nobody else, for the time of a run."""
    logger = logging.getLogger(_STEPS_LOGGER)
    if on_record is None:
        yield
        return
    handler = _CallbackHandler(on_record)
    before = logger.level, logger.propagate
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.level, logger.propagate = before
        logger.removeHandler(handler)
