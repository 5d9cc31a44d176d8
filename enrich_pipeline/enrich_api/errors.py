"""The root of every error the Enrich Order API service raises on purpose; the service stands alone, so does this root.

What a caller over HTTP is told is a `Problem` (see `problems`); these are for whoever starts or operates the service.
"""

from __future__ import annotations

from typing import ClassVar


class ApiError(Exception):
    """Something went wrong that the service can explain.

    Attributes:
        retryable: whether the same call may succeed later with nothing changed.
        exit_code: what the command line exits with; 2 for wrong use or settings.
    """

    retryable: ClassVar[bool] = False
    exit_code: ClassVar[int] = 1


class ConfigError(ApiError):
    """The service cannot start as it is configured; the message names the setting."""

    exit_code: ClassVar[int] = 2


class PortTakenError(ConfigError):
    """Another process listens on the port."""


class DatabaseUnavailableError(ApiError):
    """The service's database cannot be reached. Nothing was stored."""

    retryable: ClassVar[bool] = True


class ServiceStartError(ApiError):
    """A service started as a process of its own never became ready; the message ends with what it printed."""


class UnreadableOrdersError(ApiError):
    """A file of channel orders holds a line that cannot be read; nothing of it was imported."""
