"""The audit trail in schema `enrich`: source totals, upload ledger and batch log, read-backs, mismatches, receipts.

They lie in the warehouse, where users already look. The marts that dbt fills are in `mart_tables.py`; what state
an order is in is never stored: the view in `order_states.py` says.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Identity,
    Index,
    Integer,
    Interval,
    MetaData,
    Numeric,
    Table,
    Text,
    Time,
    UniqueConstraint,
    func,
)
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP
from sqlalchemy.types import TypeEngine

ENRICH_SCHEMA = "enrich"

audit_metadata = MetaData(schema=ENRICH_SCHEMA)


def _instant() -> TypeEngine[datetime]:
    return TIMESTAMP(timezone=True)


def _numeric() -> TypeEngine[Decimal]:
    return Numeric()


def _json() -> TypeEngine[Any]:
    return JSONB()


store = Table(
    "store",
    audit_metadata,
    Column("only_row", Boolean, primary_key=True, server_default="true"),
    Column("timezone", Text, nullable=False, comment="IANA zone of the store; changing it would move days"),
    Column("currency", Text, nullable=False, comment="ISO 4217 code of costs that name none"),
    Column("contract_profile", Text, nullable=False, comment="what the vendor's API can do: full or minimal"),
    Column("timestamp_precision", Text, nullable=False, comment="microsecond or second: what the vendor keeps"),
    Column("shows_rows_at_once", Boolean, nullable=False, comment="whether a posted row shows before the refresh"),
    Column("refresh_at", Time, nullable=False, comment="store-local time of the vendor's daily refresh"),
    Column("refresh_grace", Interval, nullable=False, comment="how long after the refresh a row may still be missing"),
    Column("business_now", _instant(), comment="a fixed business clock (ENRICH_NOW); empty: the real one"),
    Column("schema_version", Text, nullable=False, comment="fingerprint of the tables and views that were created"),
    CheckConstraint("only_row", name="one_store"),
    comment="The one store of this warehouse, as the pipeline was last run for it",
)

source_totals = Table(
    "source_totals",
    audit_metadata,
    Column("order_day", Date, primary_key=True),
    Column("currency", Text, primary_key=True, comment="as the source says it; empty when it says none"),
    Column("orders", BigInteger, nullable=False),
    Column("control_total", _numeric(), nullable=False, comment="unrounded sum(quantity x unit_price)"),
    Column("incomplete_lines", BigInteger, nullable=False, comment="lines without a usable quantity or price"),
    Column("run_id", Text, nullable=False),
    Column("recorded_at", _instant(), nullable=False, server_default=func.clock_timestamp()),
    comment="What the source holds of a day, by its own query on raw: the receipt must add up to it",
)

checked_days = Table(
    "checked_days",
    audit_metadata,
    Column("order_day", Date, primary_key=True),
    Column("run_id", Text, nullable=False),
    Column("checked_at", _instant(), nullable=False, server_default=func.clock_timestamp()),
    comment="Days whose source totals were recorded: a day without orders has no totals, but was looked at",
)

day_inputs = Table(
    "day_inputs",
    audit_metadata,
    Column("order_day", Date, primary_key=True),
    Column("orders", BigInteger, nullable=False),
    Column("fingerprint", Text, nullable=False, comment="hash of every raw row that bears on the day's money"),
    Column("sales_basis", Text, comment="what counted as sales; empty when an earlier version computed the day"),
    Column("run_id", Text, nullable=False),
    Column("computed_at", _instant(), nullable=False, server_default=func.clock_timestamp()),
    comment="What each day was last computed from: where it differs from what raw holds now, the day changed late",
)

outside_changes = Table(
    "outside_changes",
    audit_metadata,
    Column("order_day", Date, primary_key=True),
    Column("fingerprint", Text, nullable=False, comment="hash of what the day would be computed from now"),
    Column("orders", BigInteger, nullable=False, comment="orders that were touched since"),
    Column("order_ids", _json(), nullable=False, comment="the first of them"),
    Column("amounts", _json(), nullable=False, comment="their sales and profit as last computed, by currency"),
    Column("found_at", _instant(), nullable=False, server_default=func.clock_timestamp()),
    comment="Days that changed after they were computed, when the vendor no longer applies them by itself",
)

alerts = Table(
    "alerts",
    audit_metadata,
    Column("kind", Text, primary_key=True),
    Column("subject", Text, primary_key=True, comment="the day, or the range of days, that it is about"),
    Column("detail", Text, nullable=False),
    Column("opened_at", _instant(), nullable=False, server_default=func.clock_timestamp()),
    Column("closed_at", _instant(), comment="empty while it lasts"),
    Column("told_open_at", _instant(), comment="when its beginning was told"),
    Column("told_closed_at", _instant(), comment="when its end was told"),
    comment="What is or was wrong, a row a cause, and whether it was told: each change of state is told once",
)

upload_batches = Table(
    "upload_batches",
    audit_metadata,
    Column("batch_id", BigInteger, Identity(), primary_key=True),
    Column("order_day", Date, nullable=False),
    Column("run_id", Text, nullable=False),
    Column("orders", Integer, nullable=False),
    Column(
        "status",
        Text,
        nullable=False,
        comment="sending, answered, unknown, refused, or failed: nothing of it was stored",
    ),
    Column("http_status", Integer),
    Column("error_code", Text, comment="why the whole batch was refused or its answer is unknown"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("body_bytes", BigInteger),
    Column("latency_seconds", _numeric()),
    Column("request_id", Text, comment="the vendor's name for the request, where it gives one"),
    Column("sent_at", _instant(), nullable=False, comment="real time of the intent, then of the first attempt"),
    Column("answered_at", _instant(), comment="real time at which the outcome was known, or given up on"),
    CheckConstraint("status IN ('sending', 'answered', 'unknown', 'refused', 'failed')", name="known_status"),
    Index("upload_batches_order_day", "order_day", "batch_id"),
    comment="One row a request: the intent is written before it, the outcome after it",
)

upload_ledger = Table(
    "upload_ledger",
    audit_metadata,
    Column("order_id", Text, nullable=False, comment="the order that was sent"),
    Column("batch_id", BigInteger, nullable=False, comment="the request that carried it"),
    Column("order_day", Date, nullable=False, comment="the store-local day that it was sent for"),
    Column("order_timestamp", _instant(), nullable=False, comment="as it was sent"),
    Column("sales_amount", _numeric(), nullable=False, comment="as it was sent"),
    Column("profit_amount", _numeric(), nullable=False, comment="as it was sent"),
    Column("currency", Text, nullable=False, comment="as it was sent"),
    Column("rejection_code", Text, comment="the vendor's code, when it refused this row"),
    Column("rejection_message", Text, comment="and its words"),
    Column(
        "left_day",
        Boolean,
        nullable=False,
        server_default="false",
        comment="the order left the day after it was sent: what the day sent of it counts no longer",
    ),
    # A day and a batch are written in one go and lie together: this costs next to nothing where a tree of a million
    # ids took longer than the sending. Whoever looks for one order reads a day of it, or all of it.
    Index(
        "upload_ledger_day", "order_day", "batch_id", postgresql_using="brin", postgresql_with={"pages_per_range": 16}
    ),
    comment="Every payload ever sent, or about to be, with the batch that carried it",
)

read_backs = Table(
    "read_backs",
    audit_metadata,
    Column("read_back_id", BigInteger, Identity(), primary_key=True),
    Column("order_day", Date, nullable=False),
    Column("run_id", Text, nullable=False),
    Column("last_batch_id", BigInteger, nullable=False, comment="batches up to this one were sent before the reading"),
    Column("started_at", _instant(), nullable=False, server_default=func.clock_timestamp()),
    Column("completed_at", _instant(), comment="empty while reading, or when a reading was broken off"),
    Column("requests", Integer),
    Column("unverifiable", _json(), comment="instants at which the vendor holds more rows than it can show"),
    Index("read_backs_order_day", "order_day", "read_back_id"),
    comment="One row a reading of a day; only the last complete one counts",
)

held_orders = Table(
    "held_orders",
    audit_metadata,
    Column("read_back_id", BigInteger, nullable=False),
    Column("order_id", Text, nullable=False),
    Column("order_timestamp", _instant(), nullable=False),
    Column("sales_amount", _numeric(), nullable=False),
    Column("profit_amount", _numeric(), nullable=False),
    Column("currency", Text, nullable=False),
    Column("status", Text, comment="pending, applied or outside_window, where the vendor tells"),
    Column("occurrence", Integer, nullable=False, server_default="1", comment="2 and up: the id came again"),
    Index("held_orders_read_back_id", "read_back_id"),
    comment="What the vendor holds of a day, exactly as it was read back",
)

upload_runs = Table(
    "upload_runs",
    audit_metadata,
    Column("order_day", Date, primary_key=True),
    Column("run_id", Text, primary_key=True),
    Column("overrides", _json(), nullable=False, comment="what the run was told to lift; empty for a normal run"),
    Column(
        "holds", _json(), nullable=False, server_default="[]", comment="why guards held the day; empty: they did not"
    ),
    Column("started_at", _instant(), nullable=False, server_default=func.clock_timestamp()),
    comment="One row an upload of a day in a run; its requests are in upload_batches",
)

mismatches = Table(
    "mismatches",
    audit_metadata,
    Column("order_day", Date, nullable=False),
    Column("run_id", Text, nullable=False),
    Column("order_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("expected", Text, comment="what the warehouse computes"),
    Column("held", Text, comment="what the vendor holds"),
    Column("diagnosis", Text, comment="the likely cause, in a sentence"),
    Column("found_at", _instant(), nullable=False, server_default=func.clock_timestamp()),
    Index("mismatches_order_day", "order_day"),
    comment="What the last verification of each day found",
)

receipts = Table(
    "receipts",
    audit_metadata,
    Column("receipt_id", BigInteger, Identity(), primary_key=True, comment="counts up; the newest of a day stands"),
    Column("order_day", Date, nullable=False, comment="the store-local day"),
    Column("run_id", Text, nullable=False, comment="the Dagster run"),
    Column(
        "created_at", _instant(), nullable=False, server_default=func.clock_timestamp(), comment="when it was written"
    ),
    Column("partial", Boolean, nullable=False, comment="the day was still open"),
    Column("sales_basis", Text, nullable=False, comment="what counts as sales"),
    Column("orders", BigInteger, nullable=False, comment="orders of the source"),
    Column("verified", BigInteger, nullable=False, comment="orders that the vendor holds as computed"),
    Column("applied", BigInteger, comment="verified orders that the vendor has applied, where it tells"),
    Column("findings", BigInteger, nullable=False, comment="differences to what the vendor holds"),
    Column("source", _json(), nullable=False, comment="orders and control totals of the source, by currency"),
    Column("states", _json(), nullable=False, comment="orders, control totals, sales and profit by state and currency"),
    Column("computed_hash", Text, nullable=False, comment="of every payload that the warehouse computes"),
    Column("held_hash", Text, nullable=False, comment="of every row that was read back"),
    Column(
        "verified_sums_agree",
        Boolean,
        nullable=False,
        server_default="true",
        comment="read-back sums equal order_profit's",
    ),
    Column(
        "accounted_for", Boolean, nullable=False, comment="the states add up to the source, and read-back to profit"
    ),
    Column("overrides", _json(), nullable=False, comment="what the run was told to lift"),
    Column("holds", _json(), nullable=False, server_default="[]", comment="why guards held the day's upload"),
    Column("upload_requests", Integer, nullable=False, comment="requests of the run's upload"),
    Column("upload_retries", Integer, nullable=False, comment="further attempts that they took"),
    Column("read_requests", Integer, nullable=False, comment="requests of the reading back"),
    UniqueConstraint("order_day", "run_id", name="one_receipt_a_day_and_run"),
    comment="One row a day and run: what became of every order, proven by reading back",
)
