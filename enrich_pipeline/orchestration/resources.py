"""What the assets work with: the warehouse and the vendor's API, as plain settings that turn into adapters when used.

No field holds a secret: URLs and the key are read from the settings at the moment they are needed, so that nothing
that Dagster stores or shows ever contains one.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
from pydantic import Field
from sqlalchemy import URL

from enrich_pipeline.domain.contract import profile_named
from enrich_pipeline.domain.days import StoreDay
from enrich_pipeline.domain.store import Store
from enrich_pipeline.enrich_client import EnrichApiError, EnrichClient, is_this_machine
from enrich_pipeline.settings import Settings, api_key, business_now, load_settings
from enrich_pipeline.steps.context import RunContext
from enrich_pipeline.steps.upload import UploadOptions
from enrich_pipeline.warehouse.embedded import database_url
from enrich_pipeline.warehouse.engine import warehouse_engine
from enrich_pipeline.warehouse.schema import ensure_schema
from enrich_pipeline.warehouse.source_database import source_engine


class WarehouseResource(dg.ConfigurableResource[None]):
    """The brand's warehouse: `raw` to read, `enrich` to write."""

    store_timezone: str = Field(description="IANA zone of the store")
    store_currency: str = Field(description="ISO 4217 code of costs that name none")
    contract_profile: str = Field(description="what the vendor's API can do: full or minimal")

    @property
    def store(self) -> Store:
        """The store whose days these are."""
        return Store(timezone=self.store_timezone, currency=self.store_currency)

    def url(self) -> URL:
        """The warehouse's URL, which may carry a password; the embedded server is started when none is set."""
        settings = load_settings()
        return database_url(settings.warehouse_url, "warehouse", data_dir=settings.enrich_data_dir)

    def log_dir(self) -> Path:
        """Where dbt keeps its log."""
        return load_settings().enrich_data_dir / "logs"

    @contextmanager
    def run_context(self, run_id: str) -> Generator[RunContext]:
        """The warehouse opened for one run, with our schema in place."""
        settings = load_settings()
        profile = profile_named(self.contract_profile)
        engine = warehouse_engine(self.url())
        source = None if settings.source_url is None else source_engine(settings.source_url)
        try:
            ensure_schema(engine, store=self.store, profile=profile, business_now=settings.enrich_now)
            yield RunContext(
                engine=engine,
                store=self.store,
                profile=profile,
                run_id=run_id,
                business_now=business_now(settings, clock=datetime.now(UTC)),
                source=source,
                sales_basis=settings.sales_basis,
                compute_processes=settings.compute_processes,
            )
        finally:
            engine.dispose()
            if source is not None:
                source.dispose()


# The local service's own page, where the vendor has its settings too.
_ORDERS_PAGE = "/settings/store-data/enrich-order-api/orders"


class EnrichApiResource(dg.ConfigurableResource[None]):
    """The Enrich Order API that orders are sent to and read back from."""

    base_url: str = Field(description="base URL; the key is read from WORKMAGIC_API_KEY")
    contract_profile: str = Field(description="what the vendor's API can do: full or minimal")
    batch_size: int = Field(description="orders a request")
    concurrency: int = Field(description="most requests in flight")
    budget_seconds: int = Field(description="longest that a day's upload may take")

    def client(self, *, warn: Callable[[str], object]) -> EnrichClient:
        """A client; `warn` is told of each retry.

        Raises:
            SettingsError: when no key is set.
        """
        key = api_key(load_settings())

        def on_retry(attempt: int, error: EnrichApiError, wait_seconds: float) -> None:
            warn(f"attempt {attempt} failed: {error} Trying again in {wait_seconds:.1f} s.")

        return EnrichClient(
            self.base_url,
            key,
            profile_named(self.contract_profile),
            max_connections=self.concurrency,
            on_retry=on_retry,
        )

    def page_of(self, day: StoreDay) -> str | None:
        """The address of the vendor's orders of a day, for a person; only the local service's is known."""
        if not is_this_machine(self.base_url):
            return None
        return f"{self.base_url.rstrip('/')}{_ORDERS_PAGE}?from={day.day}T00:00&to={day.day + timedelta(days=1)}T00:00"

    def upload_options(
        self,
        *,
        full: bool = False,
        allow_outside_window: bool = False,
        dry_run: bool = False,
        override_guards: str = "",
    ) -> UploadOptions:
        """How this API is uploaded to, with the guards' limits of the settings."""
        return UploadOptions(
            batch_size=self.batch_size,
            concurrency=self.concurrency,
            budget_seconds=self.budget_seconds,
            full=full,
            allow_outside_window=allow_outside_window,
            dry_run=dry_run,
            override_guards=override_guards.strip(),
            guard_limits=load_settings().guard_limits,
        )


def warehouse_resource(settings: Settings) -> WarehouseResource:
    """The warehouse that the settings describe."""
    return WarehouseResource(
        store_timezone=settings.store_timezone,
        store_currency=settings.store_currency,
        contract_profile=settings.contract_profile,
    )


def enrich_api_resource(settings: Settings) -> EnrichApiResource:
    """The vendor's API that the settings describe; a batch is never larger than its contract allows."""
    largest = profile_named(settings.contract_profile).max_batch_orders
    return EnrichApiResource(
        base_url=settings.workmagic_api_url,
        contract_profile=settings.contract_profile,
        batch_size=min(settings.upload_batch_size or largest, largest),
        concurrency=settings.upload_concurrency,
        budget_seconds=settings.upload_budget_seconds,
    )
