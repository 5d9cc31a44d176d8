"""A plan's pieces: what feeders write down one after the other, each order that is sent once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import URL, Connection, text

from enrich_pipeline.warehouse.engine import warehouse_engine
from enrich_pipeline.warehouse.upload_plan import START_OF_PLAN, next_piece


@pytest.fixture
def connection(database: URL) -> Iterator[Connection]:
    """A connection to a warehouse that can have a plan."""
    engine = warehouse_engine(database)
    with engine.begin() as opened:
        opened.execute(text("CREATE SCHEMA enrich"))
        yield opened
    engine.dispose()


def plan(connection: Connection, is_sent: list[bool], width: int) -> list[str]:
    """Write a plan whose ids are `width` characters long; return the ids that are sent."""
    ids = [f"{number:0{width}}" for number in range(len(is_sent))]
    connection.execute(text("DROP TABLE IF EXISTS enrich.upload_plan"))
    connection.execute(
        text("""
            CREATE TABLE enrich.upload_plan AS
            SELECT * FROM unnest(CAST(:ids AS text[]), CAST(:is_sent AS boolean[])) AS orders (order_id, is_sent)
        """),
        {"ids": ids, "is_sent": is_sent},
    )
    return [order_id for order_id, sent in zip(ids, is_sent, strict=True) if sent]


def sent_in_pieces(connection: Connection, orders: int, pieces: int) -> list[list[str]]:
    found: list[list[str]] = []
    after = START_OF_PLAN
    for _ in range(pieces):
        piece = next_piece(connection, after=after, orders=orders)
        rows = connection.execute(
            text("""
                SELECT order_id FROM enrich.upload_plan
                WHERE ctid > CAST(:after AS tid) AND ctid <= CAST(:until AS tid) AND is_sent ORDER BY order_id
            """),
            piece._asdict(),
        )
        found.append([row.order_id for row in rows])
        after = piece.until
    return found


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(
    is_sent=st.lists(st.booleans(), max_size=300),
    orders=st.integers(min_value=1, max_value=60),
    width=st.sampled_from([4, 900]),
)
def test_pieces_hold_every_order_that_is_sent_once_and_all_but_the_last_are_full(
    connection: Connection, is_sent: list[bool], orders: int, width: int
) -> None:
    sent = plan(connection, is_sent, width)
    assert sent_in_pieces(connection, orders, -(-len(sent) // orders)) == [
        sent[start : start + orders] for start in range(0, len(sent), orders)
    ]


def test_a_piece_is_read_without_the_rest_of_the_plan(connection: Connection) -> None:
    plan(connection, [True] * 5_000, 200)
    piece = next_piece(connection, after=START_OF_PLAN, orders=100)
    read = connection.execute(
        text("""
            EXPLAIN SELECT * FROM enrich.upload_plan WHERE ctid > CAST(:after AS tid) AND ctid <= CAST(:until AS tid)
        """),
        piece._asdict(),
    )
    assert "Tid Range Scan" in next(read)[0]
