"""The Enrich Order API for tests: the real service, in a process, on a free port, with a database of the test's."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import URL

from enrich_pipeline.enrich_api.channel_orders import ChannelOrder, ImportResult, import_channel_orders
from enrich_pipeline.enrich_api.config import ApiConfig, utc_now
from enrich_pipeline.enrich_api.database import connect
from enrich_pipeline.enrich_api.key_vault import open_vault
from enrich_pipeline.enrich_api.keys import replace_key
from enrich_pipeline.enrich_api.process import ServiceProcess, ServiceSpec
from enrich_pipeline.enrich_api.profiles import PROFILES, ProfileName
from enrich_pipeline.enrich_api.refresh import RefreshResult, refresh
from enrich_pipeline.enrich_api.stores import DEFAULT_STORE
from enrich_pipeline.warehouse.embedded import libpq_url


@dataclass
class RunningApi:
    """A service that answers at `base_url` to `key`, and what an operator can do to it."""

    config: ApiConfig = field(repr=False)
    spec: ServiceSpec
    key: str = field(repr=False)
    process: ServiceProcess

    @property
    def base_url(self) -> str:
        return self.process.base_url

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}

    def import_orders(self, rows: Iterable[ChannelOrder | tuple[Any, ...]]) -> ImportResult:
        """Make orders known, as the sales channel would."""
        with connect(self.config) as connection:
            return import_channel_orders(connection, rows)

    def refresh(self, *, store: str = DEFAULT_STORE) -> RefreshResult:
        """Run the data refresh now."""
        with connect(self.config) as connection:
            return refresh(connection, self.config, store=store)

    def replace_key(self, **options: Any) -> str:
        """Generate the key anew; `key` stays the old one."""
        with connect(self.config) as connection:
            return replace_key(connection, **options)

    def stop(self) -> int:
        return self.process.stop()

    def kill(self) -> int:
        return self.process.kill()

    def restart(self, **changes: Any) -> None:
        """Start it again on the same port; `changes` are fields of its ServiceSpec."""
        port = self.process.port
        self.process.__exit__()
        self.process = ServiceProcess(replace(self.spec, port=port, **changes))


@contextmanager
def running_api(
    database: URL | str,
    *,
    profile: ProfileName = "full",
    store_timezone: str = "UTC",
    store_currency: str = "USD",
    allow_outside_window: bool = False,
    now: datetime | None = None,
    arguments: Sequence[str] = (),
    key_secret_file: Path | None = None,
    dashboard_password: str = "",
    orders: Iterable[ChannelOrder | tuple[Any, ...]] = (),
) -> Generator[RunningApi]:
    """Start the service with a new key and `orders` imported; stop it afterwards."""
    url = libpq_url(database)
    config = ApiConfig(
        database_url=url,
        profile=PROFILES[profile],
        store_timezone=store_timezone,
        store_currency=store_currency,
        allow_outside_window=allow_outside_window,
        now=(lambda: now) if now else utc_now,
    )
    spec = ServiceSpec(
        database_url=url,
        profile=profile,
        store_timezone=store_timezone,
        store_currency=store_currency,
        allow_outside_window=allow_outside_window,
        now=now,
        arguments=arguments,
        key_secret_file=key_secret_file,
        dashboard_password=dashboard_password,
    )
    with connect(config) as connection:
        key = replace_key(connection, vault=open_vault(key_secret_file))
        import_channel_orders(connection, orders)
    api = RunningApi(config, spec, key, ServiceProcess(spec))
    try:
        yield api
    finally:
        api.process.__exit__()
