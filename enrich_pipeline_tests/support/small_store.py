"""A small store for tests: a warehouse with a few orders, the real service beside it, and the steps to run a day."""

from __future__ import annotations

import itertools
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
from psycopg import sql
from pydantic import SecretStr
from sqlalchemy import URL, Engine, insert, text

from enrich_pipeline.domain.contract import ContractProfile, profile_named
from enrich_pipeline.domain.days import StoreDay, local_day
from enrich_pipeline.domain.receipts import Receipt
from enrich_pipeline.domain.store import Store
from enrich_pipeline.enrich_client import NO_RETRIES, EnrichClient
from enrich_pipeline.settings import PROJECT_ROOT
from enrich_pipeline.steps.check_source import check_source_day
from enrich_pipeline.steps.compute import compute_profit
from enrich_pipeline.steps.context import RunContext
from enrich_pipeline.steps.upload import UploadOptions, upload_day
from enrich_pipeline.steps.upload_progress import UploadSummary
from enrich_pipeline.steps.verify import Verification, verify_day
from enrich_pipeline.warehouse import raw_tables
from enrich_pipeline.warehouse.embedded import API_ROLE, EmbeddedPostgres, libpq_url
from enrich_pipeline.warehouse.engine import warehouse_engine
from enrich_pipeline.warehouse.raw_schema import create_raw_schema
from enrich_pipeline.warehouse.schema import ensure_schema
from enrich_pipeline_tests.support.api_server import RunningApi, running_api
from enrich_pipeline_tests.support.databases import fresh_database

PROJECT_DIR = PROJECT_ROOT / "dbt_costs"

_runs = itertools.count(1)


@dataclass
class SmallStore:
    """A warehouse, a vendor, and the flow's steps on them; each `run` is a run of its own."""

    url: URL
    engine: Engine
    store: Store
    profile: ContractProfile
    api: RunningApi
    business_now: datetime
    day: StoreDay
    """Yesterday: whole, and inside the four weeks."""

    def variables(self) -> dict[str, str]:
        """The environment of a pipeline for this store."""
        return {
            "WAREHOUSE_URL": self.url.render_as_string(hide_password=False),
            "STORE_TIMEZONE": self.store.timezone,
            "CONTRACT_PROFILE": self.profile.name,
            "WORKMAGIC_API_URL": self.api.base_url,
            "WORKMAGIC_API_KEY": self.api.key,
        }

    def place(
        self,
        order_id: str,
        *,
        at: datetime | None = None,
        lines: tuple[tuple[str, str, str], ...] = (("A", "1", "10.00"),),
        known: bool = True,
        **columns: Any,
    ) -> None:
        """Place an order of `(sku, quantity, unit price)` lines; by default at noon of `day`.

        `known`: whether the sales channel reported it to the vendor.
        """
        at = at or self.day.start + timedelta(hours=12)
        order: dict[str, Any] = {
            "document_type": "sale",
            "channel": "web",
            "currency": "USD",
            "order_discount": Decimal(0),
            "shipping_charged": Decimal(0),
            "is_test": False,
            **columns,
        }
        with self.engine.begin() as connection:
            connection.execute(insert(raw_tables.orders), [{"order_id": order_id, "ordered_at": at, **order}])
            for number, (sku, quantity, price) in enumerate(lines, 1):
                connection.execute(
                    insert(raw_tables.order_lines),
                    [
                        {
                            "order_id": order_id,
                            "line_id": str(number),
                            "sku": sku,
                            "quantity": Decimal(quantity),
                            "unit_price": Decimal(price),
                            "discount": Decimal(0),
                            "is_gift_card": False,
                        }
                    ],
                )
        if known:
            self.api.import_orders([(order_id, at, order["currency"], Decimal(0), Decimal(0))])

    def cost(self, sku: str, amount: str) -> None:
        """Give a sku a unit cost that holds for all time."""
        with self.engine.begin() as connection:
            connection.execute(insert(raw_tables.unit_costs), [{"sku": sku, "unit_cost": Decimal(amount)}])

    def execute(self, statement: str, **values: Any) -> None:
        """Change the warehouse by SQL."""
        with self.engine.begin() as connection:
            connection.execute(text(statement), values)

    def fetch(self, query: str, **values: Any) -> list[tuple[Any, ...]]:
        """Ask the warehouse."""
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(query), values)]

    def tamper(self, column: str, value: Any, order_id: str) -> None:
        """Change what the vendor holds of an order, behind everybody's back."""
        statement = sql.SQL("UPDATE enrich_api.orders SET {} = %s WHERE order_id = %s").format(sql.Identifier(column))
        with psycopg.connect(self.api.config.database_url) as connection:
            connection.execute(statement, (value, order_id))

    def states(self) -> dict[str, tuple[str, str | None]]:
        """State and reason of every order of `day`."""
        rows = self.fetch(
            "SELECT order_id, state, reason FROM enrich.order_states WHERE order_day = :day", day=self.day.day
        )
        return {order_id: (state, reason) for order_id, state, reason in rows}

    def context(self, run_id: str | None = None) -> RunContext:
        """A run of its own."""
        return RunContext(
            engine=self.engine,
            store=self.store,
            profile=self.profile,
            run_id=run_id or f"run-{next(_runs)}",
            business_now=self.business_now,
        )

    @contextmanager
    def client(self, *, base_url: str | None = None) -> Generator[EnrichClient]:
        """A client of the vendor that gives up at once, so that a test sees each failure."""
        with EnrichClient(
            base_url or self.api.base_url, SecretStr(self.api.key), self.profile, retry=NO_RETRIES
        ) as client:
            yield client

    def compute(self, run: RunContext) -> None:
        """Check the source and compute the marts of `day`."""
        check_source_day(run, self.day)
        compute_profit(run, self.day, self.day, url=self.url, project_dir=PROJECT_DIR, log_dir=None)

    def upload(self, run: RunContext, *, base_url: str | None = None, **options: Any) -> UploadSummary:
        """Upload `day`."""
        with self.client(base_url=base_url) as client:
            return upload_day(run, client, self.day, UploadOptions(**{"batch_size": 100, **options}))

    def verify(self, run: RunContext) -> Verification:
        """Verify `day`."""
        with self.client() as client:
            return verify_day(run, client, self.day)

    def run_day(self, **options: Any) -> Receipt:
        """Run `day` from its raw orders to its receipt."""
        run = self.context()
        self.compute(run)
        self.upload(run, **options)
        return self.verify(run).receipt


@contextmanager
def small_store(
    postgres: EmbeddedPostgres,
    *,
    timezone: str = "America/New_York",
    profile: str = "full",
    allow_outside_window: bool = False,
    day: date | None = None,
    api_arguments: Sequence[str] = (),
) -> Generator[SmallStore]:
    """Open an empty store, whose `day` is yesterday unless told otherwise."""
    store = Store(timezone=timezone, currency="USD")
    contract = profile_named(profile)
    now = datetime.now(UTC)
    yesterday = local_day(now, store.zone) - timedelta(days=1)
    with (
        fresh_database(postgres) as url,
        fresh_database(postgres, owner=API_ROLE) as api_url,
        running_api(
            libpq_url(api_url),
            profile=contract.name,  # type: ignore[arg-type]  # the profiles have the same names on both sides
            store_timezone=timezone,
            allow_outside_window=allow_outside_window,
            arguments=api_arguments,
        ) as api,
    ):
        engine = warehouse_engine(url, pool_size=8)
        with engine.begin() as connection:
            create_raw_schema(connection)
        ensure_schema(engine, store=store, profile=contract, business_now=None)
        yield SmallStore(
            url=url,
            engine=engine,
            store=store,
            profile=contract,
            api=api,
            business_now=now,
            day=StoreDay(day or yesterday, store.zone),
        )
        engine.dispose()
