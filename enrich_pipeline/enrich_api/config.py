"""What the service is told when it starts. It reads no environment: every value is a constructor's argument."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from enrich_pipeline.enrich_api.errors import ConfigError
from enrich_pipeline.enrich_api.faults import Fault
from enrich_pipeline.enrich_api.profiles import FULL, ServiceProfile

DEFAULT_STORE_ID = 1
"""The store that keys, imports and refreshes belong to when none is named."""


LEAST_PASSWORD = 12
"""Characters of the dashboard's password."""


def utc_now() -> datetime:
    """The machine's clock, zone-aware."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiConfig:
    """The service's configuration.

    Attributes:
        database_url: libpq URL of a PostgreSQL database of the service's own; it may carry a password, so it is
            in no repr, log or error.
        profile: the contract profile it serves.
        store_timezone: IANA zone of the default store; its wall clock says what "today" is and when the refresh comes.
        store_currency: ISO 4217 code of the default store, for channel orders that name none. Further stores have a
            zone and a currency of their own, in the database.
        allow_outside_window: whether a refresh applies orders of any age.
        window_days: how many store-local days before today are still applied.
        now: the business clock (zone-aware), from which only "today" is taken; schedules and logs use real time.
        pool_size: connections to the database at most.
        request_seconds: how long a client may take for a request's head, and again for its body.
        body_days: how many days the request log keeps bodies.
        body_bytes: how many bytes of bodies it keeps at most, compressed.
        request_days: how many days it keeps requests.
        faults: what goes wrong on purpose; nothing by default.
        key_secret_file: the file with the secret that keys are encrypted with, so that they can be copied later; made
            when it is missing. None keeps digests only, and a key is shown once.
        allowed_hosts: names the service answers to, besides localhost and addresses in figures.
        dashboard_password: lets a browser into the dashboard; None for one-time addresses alone.
        fault_control: whether whoever has the key may change the faults while the service runs.
    """

    database_url: str = field(repr=False)
    profile: ServiceProfile = FULL
    store_timezone: str = "UTC"
    store_currency: str = "USD"
    allow_outside_window: bool = False
    window_days: int = 28
    now: Callable[[], datetime] = utc_now
    pool_size: int = 8
    request_seconds: float = 30.0
    body_days: int = 14
    body_bytes: int = 1024**3
    request_days: int = 400
    faults: tuple[Fault, ...] = ()
    fault_control: bool = False
    key_secret_file: Path | None = None
    allowed_hosts: frozenset[str] = frozenset()
    dashboard_password: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Refuse a password that would be guessed.

        Raises:
            ConfigError: when it is shorter than 12 characters.
        """
        if self.dashboard_password is not None and len(self.dashboard_password) < LEAST_PASSWORD:
            raise ConfigError(f"ENRICH_API_PASSWORD must have at least {LEAST_PASSWORD} characters.")

    @property
    def zone(self) -> ZoneInfo:
        """The zone of the default store's wall clock."""
        return ZoneInfo(self.store_timezone)

    def today(self, zone: ZoneInfo | None = None) -> date:
        """Today on the wall clock of `zone` (default: the default store's), by the business clock."""
        return self.now().astimezone(zone or self.zone).date()

    def applied_from(self, zone: ZoneInfo) -> datetime | None:
        """The first instant of the oldest day in `zone` that a refresh now applies; None when it applies all."""
        if self.allow_outside_window:
            return None
        oldest = self.today(zone) - timedelta(days=self.window_days)
        return datetime(oldest.year, oldest.month, oldest.day, tzinfo=zone)
