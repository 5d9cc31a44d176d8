"""The root of every error this package raises on purpose.

A message says what happened, to which day, batch or order, and what to do next. It never carries a key, a
password or a payload. Errors are caught at three boundaries only: the asset, the command line, the service.
"""

from __future__ import annotations

from typing import ClassVar


class EnrichError(Exception):
    """Something went wrong that we can explain.

    Attributes:
        retryable: whether the same call may succeed later with nothing changed.
        exit_code: what the command line exits with; 1 for the data, 2 for wrong use or settings.
    """

    retryable: ClassVar[bool] = False
    exit_code: ClassVar[int] = 1


class SettingsError(EnrichError):
    """A setting is missing or wrong; the message names it and says where to set it."""

    exit_code: ClassVar[int] = 2


class LoadError(EnrichError):
    """A file cannot be loaded; the message names the file, the line and the column. Nothing was loaded."""


class DayError(EnrichError):
    """A day cannot be computed, uploaded or verified as it stands; the message says why and what to do."""


class WarehouseLostError(DayError):
    """The warehouse could not be reached, or hung up in the middle: it was started anew, or the network failed.

    So is the database that its orders are landed from.
    """

    retryable: ClassVar[bool] = True
