"""One upload or reading of a store at a time, by an advisory lock that is held for a day and then let go.

Between its days a long backfill gives way to the daily run. The lock belongs to a connection: it ends with the
process, however that ends.
"""

from __future__ import annotations

import logging
from collections.abc import Generator
from contextlib import contextmanager

from sqlalchemy import Engine, text

_logger = logging.getLogger(__name__)

_LOCK_NAME = "enrich_pipeline: requests to the vendor"


@contextmanager
def vendor_lock(engine: Engine) -> Generator[None]:
    """Hold the store's lock; wait, and say so, while another run holds it."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        key = {"name": _LOCK_NAME}
        if not connection.execute(text("SELECT pg_try_advisory_lock(hashtextextended(:name, 0))"), key).scalar_one():
            _logger.info("another run is uploading or verifying; waiting for it to finish its day")
            connection.execute(text("SELECT pg_advisory_lock(hashtextextended(:name, 0))"), key)
        try:
            yield
        finally:
            connection.execute(text("SELECT pg_advisory_unlock(hashtextextended(:name, 0))"), key)
