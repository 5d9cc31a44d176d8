"""What an upload of a day will send, decided once and then taken piece by piece: the table `enrich.upload_plan`.

It holds each order of the day that could be sent, with what the vendor held of it when the day was last read back. It
lives for one upload, under the store's lock, and is not logged: a crash forgets it, and the next upload decides anew.
Nothing of it is a statement about what was sent; that is the ledger's.
"""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

from sqlalchemy import Connection, text

from enrich_pipeline.warehouse.order_states import SENDABLE, join_whole_days

# The order of the rows in a body: row errors name a row by its index. Which body a row is in follows no order.
BODY_ORDER = 'order_timestamp, order_id COLLATE "C"'

DECIDED_ORDERS = f"""
    SELECT order_day, order_id, order_timestamp, sales_amount, profit_amount, currency, state,
        held_order_timestamp, held_sales_amount, held_profit_amount, held_currency, ({SENDABLE}) AS is_sent
    FROM enrich.order_states
    -- Excluded orders alone have no amounts: asked so, the state is decided once an order and not for this as well.
    WHERE order_day = :day AND sales_amount IS NOT NULL
"""
"""Each order of `:day` that could be sent, and whether an upload with `:full`, `:allow_outside_window` sends it now."""

START_OF_PLAN = "(0,0)"
_END_OF_PLAN = "(4294967295,65535)"


class PlanPiece(NamedTuple):
    """The rows of the plan that lie behind `after`, up to and with `until`: PostgreSQL's addresses of rows.

    `orders` of them are sent, or fewer where the plan ends.
    """

    after: str
    until: str
    orders: int


def plan_upload(connection: Connection, day: date, *, full: bool, allow_outside_window: bool) -> None:
    """Write down what must be sent now. Replaces a plan of before; may be repeated."""
    _forget_departed_orders(connection, day)
    drop_plan(connection)
    join_whole_days(connection)
    connection.execute(
        text(f"""
            CREATE UNLOGGED TABLE enrich.upload_plan AS {DECIDED_ORDERS}
        """),
        {"day": day, "full": full, "allow_outside_window": allow_outside_window},
    )


def next_piece(connection: Connection, *, after: str, orders: int) -> PlanPiece:
    """The piece of the present plan with the next `orders` that are sent, or as many as are left.

    A plan's rows are never changed, so where a row lies tells it from all others: numbering and indexing them took a
    third of the time before the first request. Pieces one after the other hold every row once, in whatever order the
    rows are found.
    """
    _read_where_rows_lie(connection)
    until = connection.execute(
        text("""
            SELECT ctid::text FROM enrich.upload_plan WHERE ctid > CAST(:after AS tid) AND is_sent
            OFFSET :orders - 1 LIMIT 1
        """),
        {"after": after, "orders": orders},
    ).scalar()
    return PlanPiece(after, until or _END_OF_PLAN, orders)


def drop_plan(connection: Connection) -> None:
    """Forget the plan, where there is one."""
    connection.execute(text("DROP TABLE IF EXISTS enrich.upload_plan"))


def _read_where_rows_lie(connection: Connection) -> None:
    """Have this transaction read a piece by its rows' addresses, one after the other.

    The plan was just made and has no statistics: without them the whole of it would be read for each piece.
    """
    connection.execute(
        text("""
            SELECT set_config('enable_seqscan', 'off', true), set_config('max_parallel_workers_per_gather', '0', true)
        """)
    )


def _forget_departed_orders(connection: Connection, day: date) -> None:
    """Let what was sent count no longer for orders that left the day: another day may have sent something since."""
    connection.execute(
        text("""
            UPDATE enrich.upload_ledger AS ledger SET left_day = true
            WHERE ledger.order_day = :day AND NOT ledger.left_day AND NOT EXISTS (
                SELECT FROM enrich.order_profit AS profit
                WHERE profit.order_day = :day AND profit.order_id = ledger.order_id
            )
        """),
        {"day": day},
    )
