"""The one place that decides what state an order is in: the view `enrich.order_states`.

States are derived from what the warehouse computes, what was sent and what was read back; nothing stores them. The
first that holds, in the order of design section 2, is the order's state.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import NamedTuple

from sqlalchemy import Connection, text

from enrich_pipeline.domain.days import WINDOW_DAYS
from enrich_pipeline.domain.states import RESENT_KINDS

# The store's one row, asked for once a query and not once an order.
_STORE_ZONE = "(SELECT timezone FROM enrich.store)"
_REFRESH_AT = "(SELECT refresh_at FROM enrich.store)"
_SHOWS_ROWS_AT_ONCE = "(SELECT shows_rows_at_once FROM enrich.store)"
_FIRST_DAY_INSIDE = f"""(
    SELECT (coalesce(business_now, now()) AT TIME ZONE timezone)::date - {WINDOW_DAYS} FROM enrich.store
)"""

# As the vendor keeps it: cut to its precision.
_ORDER_TIMESTAMP = """
    CASE WHEN (SELECT timestamp_precision = 'microsecond' FROM enrich.store) THEN profit.ordered_at
        ELSE date_trunc((SELECT timestamp_precision FROM enrich.store), profit.ordered_at, 'UTC') END
"""

_REJECTION_CODE = "coalesce(sent.rejection_code, CASE sent.status WHEN 'refused' THEN sent.error_code END)"

_PRESENT_PAYLOAD_SENT = f"""
    sent.batch_id IS NOT NULL
    AND sent.order_timestamp = {_ORDER_TIMESTAMP}
    AND sent.sales_amount = profit.sales_amount
    AND sent.profit_amount = profit.profit_amount
    AND sent.currency = profit.currency
"""

_HELD_AS_COMPUTED = f"""
    held.order_id IS NOT NULL
    AND held.order_timestamp = {_ORDER_TIMESTAMP}
    AND held.sales_amount = profit.sales_amount
    AND held.profit_amount = profit.profit_amount
    AND held.currency = profit.currency
    AND held.status IS DISTINCT FROM 'outside_window'
"""

# The refresh that follows the sending, on the store's clock, and the patience after it.
_SHOW_DEADLINE = f"""
    (
        date_trunc('day', sent.sent_at AT TIME ZONE {_STORE_ZONE}) + {_REFRESH_AT}
        + CASE WHEN (sent.sent_at AT TIME ZONE {_STORE_ZONE})::time >= {_REFRESH_AT}
            THEN interval '1 day' ELSE interval '0' END
    ) AT TIME ZONE {_STORE_ZONE} + (SELECT refresh_grace FROM enrich.store)
"""

_IS_ZEROED = "held_sales_amount = 0 AND held_profit_amount = 0 AND (sales_amount <> 0 OR profit_amount <> 0)"

_DIFFERENCES = f"""
    array_remove(ARRAY[
        CASE WHEN held_order_timestamp IS NULL THEN 'missing' END,
        CASE WHEN {_IS_ZEROED} THEN 'zeroed' END,
        CASE WHEN NOT ({_IS_ZEROED}) AND held_sales_amount <> sales_amount THEN 'sales_amount' END,
        CASE WHEN NOT ({_IS_ZEROED}) AND held_profit_amount <> profit_amount THEN 'profit_amount' END,
        CASE WHEN held_currency <> currency THEN 'currency' END,
        CASE WHEN held_order_timestamp <> order_timestamp THEN 'order_timestamp' END,
        CASE WHEN held_status = 'outside_window' THEN 'not_applied' END
    ], NULL)
"""

ORDER_STATES_VIEW = f"""
CREATE OR REPLACE VIEW enrich.order_states AS
SELECT
    order_id,
    order_day,
    state,
    CASE state
        WHEN 'excluded' THEN exclusion
        WHEN 'rejected' THEN rejection_code
        WHEN 'ready' THEN CASE WHEN batch_id IS NULL THEN 'new' ELSE 'changed' END
        WHEN 'unknown' THEN CASE WHEN sent_status = 'answered' THEN 'not_read_back' ELSE 'no_answer' END
        WHEN 'mismatched' THEN ({_DIFFERENCES})[1]
    END AS reason,
    CASE WHEN state = 'mismatched' THEN {_DIFFERENCES} ELSE '{{}}'::text[] END AS mismatch_kinds,
    copy_number,
    currency,
    ordered_at,
    order_timestamp,
    sales_amount,
    profit_amount,
    control_total,
    incomplete_lines,
    inside_window,
    batch_id,
    held_order_timestamp,
    held_sales_amount,
    held_profit_amount,
    held_currency,
    held_status
FROM (
    -- The WITH stands in here because a view that begins with one is never merged with the query that asks it, and
    -- would work out reasons and kinds that nobody asked for. The latest reading is joined to what was sent and to what
    -- is held: on a new day both are empty, and the orders are not.
    WITH
    latest_read_back AS NOT MATERIALIZED (
        SELECT DISTINCT ON (order_day) order_day, read_back_id, last_batch_id
        FROM enrich.read_backs
        WHERE completed_at IS NOT NULL
        ORDER BY order_day, read_back_id DESC
    ),
    held AS (
        SELECT latest.order_day, held_orders.*
        FROM latest_read_back AS latest
        INNER JOIN enrich.held_orders USING (read_back_id)
        WHERE occurrence = 1
    ),
    counting AS NOT MATERIALIZED (
        SELECT ledger.*, batch.status, batch.error_code, batch.sent_at
        FROM enrich.upload_ledger AS ledger
        INNER JOIN enrich.upload_batches AS batch USING (batch_id)
        WHERE batch.status <> 'failed' AND NOT ledger.left_day
    ),
    -- The last that counts. DISTINCT ON would say the same, sort the day, and keep all that follows on one processor.
    sent AS (
        SELECT counting.*, coalesce(batch_id <= latest.last_batch_id, false) AS read_back_since
        FROM counting LEFT JOIN latest_read_back AS latest ON counting.order_day = latest.order_day
        WHERE NOT EXISTS (
            SELECT FROM counting AS later
            WHERE counting.order_day = later.order_day AND counting.order_id = later.order_id
                AND counting.batch_id < later.batch_id
        )
    )
    SELECT
        profit.*,
        {_ORDER_TIMESTAMP} AS order_timestamp,
        profit.order_day >= {_FIRST_DAY_INSIDE} AS inside_window,
        sent.batch_id,
        sent.status AS sent_status,
        {_REJECTION_CODE} AS rejection_code,
        held.order_timestamp AS held_order_timestamp,
        held.sales_amount AS held_sales_amount,
        held.profit_amount AS held_profit_amount,
        held.currency AS held_currency,
        held.status AS held_status,
        CASE
            WHEN profit.exclusion IS NOT NULL THEN 'excluded'
            WHEN NOT ({_PRESENT_PAYLOAD_SENT}) THEN
                CASE WHEN profit.order_day >= {_FIRST_DAY_INSIDE} THEN 'ready' ELSE 'outside_window' END
            WHEN {_REJECTION_CODE} IS NOT NULL THEN 'rejected'
            WHEN {_HELD_AS_COMPUTED} AND sent.read_back_since THEN 'verified'
            WHEN sent.status IN ('sending', 'unknown') AND NOT (sent.read_back_since AND {_SHOWS_ROWS_AT_ONCE})
                THEN 'unknown'
            WHEN NOT {_SHOWS_ROWS_AT_ONCE} AND now() < {_SHOW_DEADLINE} THEN 'awaiting_refresh'
            WHEN NOT sent.read_back_since THEN 'unknown'
            ELSE 'mismatched'
        END AS state,
        -- Has the state decided once an order, and not wherever it is used: the planner keeps a query with a volatile
        -- column whole. Unlike OFFSET 0, that leaves it free to look at one day only, and on several processors.
        clock_timestamp() AS decided_at
    FROM enrich.order_profit AS profit
    LEFT JOIN sent ON profit.order_day = sent.order_day AND profit.order_id = sent.order_id
    LEFT JOIN held ON profit.order_day = held.order_day AND profit.order_id = held.order_id
) AS decided
"""

SENDABLE = f"""
    state <> 'excluded' AND (inside_window OR :allow_outside_window) AND (
        :full
        OR state IN ('ready', 'unknown', 'outside_window')
        OR (state = 'rejected' AND reason = 'unknown_order')
        OR (state = 'mismatched' AND mismatch_kinds && ARRAY[{", ".join(f"'{kind}'" for kind in RESENT_KINDS)}])
    )
"""
"""What an upload sends, as a condition on `enrich.order_states` with `:full` and `:allow_outside_window` bound."""


def join_whole_days(connection: Connection) -> None:
    """Have this transaction join days as wholes, by hashing, and on several processors.

    Tables that were just filled have no statistics yet: nested loops would look cheap, and take hours.
    """
    for setting in ("enable_nestloop = off", "parallel_setup_cost = 100", "parallel_tuple_cost = 0.005"):
        connection.execute(text(f"SET LOCAL {setting}"))


def decide_states(connection: Connection, day: date) -> None:
    """Decide the day's states once, for all questions of this transaction, which ask `day_states` instead of the view.

    `day_states` is a temporary table with the view's columns; it is gone when the transaction ends.
    """
    join_whole_days(connection)
    connection.execute(
        text("""
            CREATE TEMPORARY TABLE day_states ON COMMIT DROP AS
            SELECT * FROM enrich.order_states WHERE order_day = :day
        """),
        {"day": day},
    )


class StateTotal(NamedTuple):
    """The orders of one state, reason and currency of a day. Sums are None where nothing may be sent."""

    state: str
    reason: str | None
    currency: str
    orders: int
    control_total: Decimal
    incomplete_lines: int
    sales_amount: Decimal | None
    profit_amount: Decimal | None


def state_totals(connection: Connection) -> list[StateTotal]:
    """Count and sum the decided day's orders by state, reason and currency; money never mixes currencies."""
    rows = connection.execute(
        text("""
            SELECT state, reason, coalesce(currency, '') AS currency, count(*) AS orders,
                sum(control_total) AS control_total, sum(incomplete_lines)::bigint AS incomplete_lines,
                sum(sales_amount) AS sales_amount, sum(profit_amount) AS profit_amount
            FROM day_states
            GROUP BY state, reason, coalesce(currency, '')
            ORDER BY state, reason, currency
        """)
    )
    return [StateTotal(*row) for row in rows]
