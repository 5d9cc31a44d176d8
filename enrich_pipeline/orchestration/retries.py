"""Tries a step again when the warehouse was lost: what passes by itself, and what nothing beneath a step tries again.

The API's client has retries of its own, and whatever else fails would fail again.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import dagster as dg

from enrich_pipeline.domain.errors import WarehouseLostError
from enrich_pipeline.warehouse.driver import without_rows

MOST_RETRIES = 2

# A server that is started anew is back within seconds.
_WAIT_SECONDS = 15


@contextmanager
def again_when_the_warehouse_is_lost(context: dg.AssetExecutionContext) -> Generator[None]:
    """Around the work of a step that may be repeated.

    Raises:
        RetryRequested: in place of an error that says that the warehouse was lost, the first times.
    """
    try:
        yield
    except Exception as error:
        if isinstance(without_rows(error), WarehouseLostError):
            try_again(context, error)
        raise


def try_again(context: dg.AssetExecutionContext, error: Exception) -> None:
    """Ask for another try of the step; return when it had its tries."""
    if context.retry_number < MOST_RETRIES:
        context.log.warning(
            "The warehouse or its source was lost. Trying again in %d s; what was done stands.", _WAIT_SECONDS
        )
        raise dg.RetryRequested(max_retries=MOST_RETRIES, seconds_to_wait=_WAIT_SECONDS) from error
