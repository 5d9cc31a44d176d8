"""The body that SQL builds from the ledger is, to the byte, the one that `domain.payloads` specifies."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import URL, Connection, text

from enrich_pipeline.domain.payloads import MAX_ID_CHARACTERS, Payload, batch_body, encode_payload
from enrich_pipeline.warehouse.audit_tables import audit_metadata
from enrich_pipeline.warehouse.engine import warehouse_engine
from enrich_pipeline.warehouse.upload_ledger import begin_batches
from enrich_pipeline.warehouse.upload_plan import START_OF_PLAN, next_piece

DAY = date(2025, 6, 10)

order_ids = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=MAX_ID_CHARACTERS)
amounts = st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**20), max_value=10**20)
payloads = st.builds(
    Payload,
    order_id=st.one_of(order_ids, st.sampled_from(['a"b', "a\\b", "\\n", "</script>", "a\u2028b", "😀"])),
    order_timestamp=st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001  # bounds
    sales_amount=st.one_of(amounts, st.sampled_from([Decimal("-0.00"), Decimal("1E+3"), Decimal("1E-12")])),
    profit_amount=amounts,
    currency=st.sampled_from(["USD", "JPY"]),
)
batches = st.lists(payloads, min_size=1, max_size=8, unique_by=lambda payload: payload.order_id)


@pytest.fixture
def connection(database: URL) -> Iterator[Connection]:
    """A connection to a warehouse that has the ledger."""
    engine = warehouse_engine(database)
    with engine.begin() as opened:
        opened.execute(text("CREATE SCHEMA enrich"))
        audit_metadata.create_all(opened)
        yield opened
    engine.dispose()


def body_from_the_ledger(connection: Connection, sent: list[Payload]) -> bytes:
    connection.execute(text("DROP TABLE IF EXISTS enrich.upload_plan"))
    connection.execute(
        text("""
            CREATE TABLE enrich.upload_plan (is_sent boolean, order_day date, order_id text,
                order_timestamp timestamptz, sales_amount numeric, profit_amount numeric, currency text)
        """)
    )
    connection.execute(
        text("INSERT INTO enrich.upload_plan VALUES (true, :day, :order_id, :at, :sales, :profit, :currency)"),
        [
            {
                "day": DAY,
                "order_id": payload.order_id,
                "at": payload.order_timestamp,
                "sales": payload.sales_amount,
                "profit": payload.profit_amount,
                "currency": payload.currency,
            }
            for payload in sent
        ],
    )
    piece = next_piece(connection, after=START_OF_PLAN, orders=len(sent))
    (sending,) = begin_batches(connection, DAY, piece, run_id="run", batch_size=len(sent))
    return sending.body


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(sent=batches)
def test_the_ledger_sends_what_the_wire_format_specifies(connection: Connection, sent: list[Payload]) -> None:
    in_order = sorted(sent, key=lambda payload: (payload.order_timestamp, payload.order_id))
    specified = batch_body(encode_payload(payload, "microsecond") for payload in in_order)
    assert body_from_the_ledger(connection, sent) == specified
