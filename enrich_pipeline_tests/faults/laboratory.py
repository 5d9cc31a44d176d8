"""A store whose day can be disturbed again and again: sixty orders, computed once, put back before each trial.

What a trial proves is judged from outside: by the warehouse's tables and by what lies in the vendor's own database,
never by what the run says of itself.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx
import psycopg
from pydantic import SecretStr

from enrich_pipeline.domain.receipts import Receipt
from enrich_pipeline.enrich_client import EnrichClient, RetryPolicy, Timeouts
from enrich_pipeline.steps.upload import UploadOptions, UploadSummary, upload_day
from enrich_pipeline.steps.verify import Verification, verify_day
from enrich_pipeline.warehouse.embedded import EmbeddedPostgres
from enrich_pipeline_tests.support.small_store import SmallStore, small_store

BATCH_SIZE = 12
_ORDERS = 60

# Real faults are waited out for minutes; here the same policy takes milliseconds.
QUICK_RETRIES = RetryPolicy(
    attempts=3,
    wait_initial_seconds=0.01,
    wait_max_seconds=0.05,
    retry_after_max_seconds=0.05,
    total_seconds=30,
)

_PUT_BACK = """
DO $$
DECLARE name text;
BEGIN
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = '{schema}' AND tablename ~ '{tables}' LOOP
        EXECUTE format('DELETE FROM {schema}.%I', name);
        EXECUTE format('INSERT INTO {schema}.%I OVERRIDING SYSTEM VALUE TABLE kept.%I', name, name);
    END LOOP;
END $$
"""
_KEEP = """
DO $$
DECLARE name text;
BEGIN
    CREATE SCHEMA kept;
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = '{schema}' AND tablename ~ '{tables}' LOOP
        EXECUTE format('CREATE TABLE kept.%I AS TABLE {schema}.%I', name, name);
    END LOOP;
END $$
"""

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a day ended, compared with the undisturbed one, in orders."""

    lost: int
    doubled: int
    wrong: int
    receipts_equal: bool

    @property
    def is_good(self) -> bool:
        """Whether the fault left no trace."""
        return self.receipts_equal and not (self.lost or self.doubled or self.wrong)


@dataclass
class Laboratory:
    """A small store, and everything a trial does to it and asks of it."""

    store: SmallStore
    batch_size: int = BATCH_SIZE
    allow_outside_window: bool = False
    receipt: Receipt = field(init=False)
    _states: Counter[Row] = field(init=False)
    _held: dict[str, Row] = field(init=False)

    def prepare(self) -> None:
        """Compute the day once, keep everything as it is, and run the undisturbed day that trials are held to."""
        self.store.compute(self.store.context())
        self.keep()
        self.receipt = self.settle()
        self._states = self.states()
        self._held = self.held_by_vendor()

    def keep(self) -> None:
        """Keep warehouse and vendor as they are, for putting them back."""
        self.store.execute(_KEEP.format(schema="enrich", tables="."))
        self._vendor(_KEEP.format(schema="enrich_api", tables="^orders$"))

    def put_back(self) -> None:
        """Undo the last trial, in the warehouse and at the vendor."""
        self.store.execute("DROP TABLE IF EXISTS enrich.upload_plan")
        self.store.execute(_PUT_BACK.format(schema="enrich", tables="."))
        self._vendor(_PUT_BACK.format(schema="enrich_api", tables="^orders$"))
        self.renew_key()

    def renew_key(self) -> None:
        """Let what comes have a rate limit of its own."""
        self.store.api.key = self.store.api.replace_key()

    @contextmanager
    def client(self, *, base_url: str | None = None, timeouts: Timeouts | None = None) -> Generator[EnrichClient]:
        """A client that retries as ours does, only faster."""
        with EnrichClient(
            base_url or self.store.api.base_url,
            SecretStr(self.store.api.key),
            self.store.profile,
            retry=QUICK_RETRIES,
            timeouts=timeouts,
        ) as client:
            yield client

    def upload(self, *, concurrency: int = 2, **client_options: Any) -> UploadSummary:
        """Upload the day."""
        options = UploadOptions(
            batch_size=self.batch_size, concurrency=concurrency, allow_outside_window=self.allow_outside_window
        )
        with self.client(**client_options) as client:
            return upload_day(self.store.context(), client, self.store.day, options)

    def verify(self, **client_options: Any) -> Verification:
        """Verify the day."""
        with self.client(**client_options) as client:
            return verify_day(self.store.context(), client, self.store.day)

    def show_rows(self) -> None:
        """Let the vendor show what was posted, where it does so only after its data refresh."""
        if self.store.profile.shows_rows == "after_refresh":
            self.store.api.refresh()

    def settle(self) -> Receipt:
        """Run the day again with nothing in the way, and where the vendor shows rows late, past its deadline."""
        self.upload()
        receipt = self.verify().receipt
        if self.store.profile.shows_rows == "after_refresh":
            self._pass_the_refresh_and_its_deadline()
            self.upload()
            self._pass_the_refresh_and_its_deadline()
            receipt = self.verify().receipt
        return receipt

    def _pass_the_refresh_and_its_deadline(self) -> None:
        self.store.api.refresh()
        self.store.execute("UPDATE enrich.upload_batches SET sent_at = sent_at - interval '2 days'")
        self.verify()

    @contextmanager
    def faults(self, *specs: str) -> Generator[None]:
        """Let the service fail as told; whoever enters this must see at least one fault strike."""
        self.begin_faults(*specs)
        try:
            yield
        finally:
            struck = self.end_faults()
        assert struck, f"no fault struck: {specs}"

    def begin_faults(self, *specs: str) -> None:
        """Let the service fail as told, until it is told otherwise or ends."""
        self._fault_control("PUT", {"faults": specs})

    def end_faults(self) -> int:
        """Let the service work again; return how often it failed."""
        struck = self._strikes()
        self._fault_control("DELETE")
        return struck

    def wait_until_struck(self) -> None:
        """Return once a fault struck: a request has arrived."""
        while not self._strikes():
            time.sleep(0.005)

    def _strikes(self) -> int:
        return sum(fault["struck"] for fault in self._fault_control("GET")["faults"])

    def _fault_control(self, method: str, body: Any = None) -> Any:
        address = f"{self.store.api.base_url}/admin/faults"
        answer = httpx.request(method, address, headers=self.store.api.headers, json=body)
        return answer.raise_for_status().json()

    def compare(self, receipt: Receipt) -> Outcome:
        """Hold a day's end to the undisturbed one: receipt, each order's state, and each row at the vendor."""
        held, states = self.held_by_vendor(), self.states()
        twice = self.store.fetch("SELECT order_id FROM enrich.mismatches WHERE kind = 'duplicate'")
        return Outcome(
            lost=len(self._held.keys() - held.keys()),
            doubled=len(twice) + len(held.keys() - self._held.keys()),
            wrong=sum(held[order_id] != row for order_id, row in self._held.items() if order_id in held)
            + (states - self._states).total(),
            receipts_equal=receipt.equals(self.receipt),
        )

    def states(self) -> Counter[Row]:
        """Each order with its state and reason."""
        return Counter(
            self.store.fetch(
                "SELECT order_id, state, reason FROM enrich.order_states WHERE order_day = :day", day=self.store.day.day
            )
        )

    def held_by_vendor(self) -> dict[str, Row]:
        """What lies in the vendor's own database: the values that were posted last, by order."""
        rows = self._vendor("""
            SELECT order_id, order_timestamp, trim_scale(sales_amount), trim_scale(profit_amount), currency
            FROM enrich_api.orders WHERE created_at IS NOT NULL
        """)
        return {row[0]: row for row in rows}

    def wrongly_verified(self) -> list[str]:
        """Orders that the warehouse calls verified and that the vendor does not hold so."""
        verified = self.store.fetch(
            """
            SELECT order_id, order_timestamp, trim_scale(sales_amount), trim_scale(profit_amount), currency
            FROM enrich.order_states WHERE order_day = :day AND state = 'verified'
            """,
            day=self.store.day.day,
        )
        held = self.held_by_vendor()
        return [row[0] for row in verified if held.get(row[0]) != row]

    def _vendor(self, statement: str) -> Sequence[Row]:
        with psycopg.connect(self.store.api.config.database_url) as connection:
            cursor = connection.execute(statement)  # type: ignore[arg-type]  # literals of this module
            return cursor.fetchall() if cursor.description else []


@contextmanager
def laboratory(postgres: EmbeddedPostgres, profile: str) -> Generator[Laboratory]:
    """Open a store whose day holds sixty good orders, one that must not be sent, and one that the vendor refuses."""
    with small_store(postgres, profile=profile, api_arguments=["--fault-control"]) as store:
        store.cost("A", "4.00")
        for number in range(_ORDERS):
            at = store.day.start + timedelta(minutes=20 * number + 1, seconds=number)
            store.place(f"ORDER{number:03}", at=at, lines=(("A", "1", f"{10 + number}.{number:02}"),))
        store.place("NO-COST", lines=(("unknown sku", "1", "9.99"),))
        store.place("UNKNOWN", known=False)
        opened = Laboratory(store)
        opened.prepare()
        yield opened
