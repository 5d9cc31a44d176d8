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

ORDER_STATES_VIEW = f"""
CREATE OR REPLACE VIEW enrich.order_states AS
WITH
latest_read_back AS (
    SELECT DISTINCT ON (order_day) order_day, read_back_id, last_batch_id
    FROM enrich.read_backs
    WHERE completed_at IS NOT NULL
    ORDER BY order_day, read_back_id DESC
),
compared AS (
    SELECT
        profit.order_id,
        profit.order_day,
        profit.copy_number,
        profit.currency,
        profit.ordered_at,
        date_trunc(store.timestamp_precision, profit.ordered_at, 'UTC') AS order_timestamp,
        profit.sales_amount,
        profit.profit_amount,
        profit.exclusion,
        profit.control_total,
        profit.incomplete_lines,
        profit.order_day >= (coalesce(store.business_now, now()) AT TIME ZONE store.timezone)::date - {WINDOW_DAYS}
            AS inside_window,
        store.shows_rows_at_once,
        sent.batch_id,
        sent.status AS batch_status,
        coalesce(sent.rejection_code, CASE sent.status WHEN 'refused' THEN sent.error_code END) AS rejection_code,
        coalesce(
            sent.order_timestamp = date_trunc(store.timestamp_precision, profit.ordered_at, 'UTC')
            AND sent.sales_amount = profit.sales_amount
            AND sent.profit_amount = profit.profit_amount
            AND sent.currency = profit.currency,
            false
        ) AS present_payload_sent,
        -- The refresh that follows the sending, on the store's clock, and the patience after it.
        (
            date_trunc('day', sent.sent_at AT TIME ZONE store.timezone) + store.refresh_at
            + CASE WHEN (sent.sent_at AT TIME ZONE store.timezone)::time >= store.refresh_at
                THEN interval '1 day' ELSE interval '0' END
        ) AT TIME ZONE store.timezone + store.refresh_grace AS show_deadline,
        coalesce(sent.batch_id <= latest.last_batch_id, false) AS read_back_since,
        held.order_id IS NOT NULL AS is_held,
        held.order_timestamp AS held_order_timestamp,
        held.sales_amount AS held_sales_amount,
        held.profit_amount AS held_profit_amount,
        held.currency AS held_currency,
        held.status AS held_status,
        held.sales_amount = 0 AND held.profit_amount = 0
            AND (profit.sales_amount <> 0 OR profit.profit_amount <> 0) AS is_zeroed
    FROM enrich.order_profit AS profit
    CROSS JOIN enrich.store
    LEFT JOIN LATERAL (
        SELECT ledger.*, batch.status, batch.error_code, batch.sent_at
        FROM enrich.upload_ledger AS ledger
        INNER JOIN enrich.upload_batches AS batch USING (batch_id)
        WHERE ledger.order_id = profit.order_id AND batch.status NOT IN ('planned', 'failed')
        ORDER BY ledger.batch_id DESC
        LIMIT 1
    ) AS sent ON true
    LEFT JOIN latest_read_back AS latest ON profit.order_day = latest.order_day
    LEFT JOIN enrich.held_orders AS held
        ON latest.read_back_id = held.read_back_id AND profit.order_id = held.order_id AND held.occurrence = 1
),
with_kinds AS (
    SELECT
        *,
        CASE WHEN exclusion IS NULL THEN array_remove(ARRAY[
            CASE WHEN NOT is_held THEN 'missing' END,
            CASE WHEN is_zeroed THEN 'zeroed' END,
            CASE WHEN NOT is_zeroed AND held_sales_amount <> sales_amount THEN 'sales_amount' END,
            CASE WHEN NOT is_zeroed AND held_profit_amount <> profit_amount THEN 'profit_amount' END,
            CASE WHEN held_currency <> currency THEN 'currency' END,
            CASE WHEN held_order_timestamp <> order_timestamp THEN 'order_timestamp' END,
            CASE WHEN held_status = 'outside_window' THEN 'not_applied' END
        ], NULL) END AS differences
    FROM compared
),
decided AS (
    SELECT
        *,
        CASE
            WHEN exclusion IS NOT NULL THEN 'excluded'
            WHEN NOT present_payload_sent AND NOT inside_window THEN 'outside_window'
            WHEN NOT present_payload_sent THEN 'ready'
            WHEN rejection_code IS NOT NULL THEN 'rejected'
            WHEN cardinality(differences) = 0 AND read_back_since THEN 'verified'
            WHEN batch_status IN ('sending', 'unknown') AND NOT (read_back_since AND shows_rows_at_once) THEN 'unknown'
            WHEN NOT shows_rows_at_once AND now() < show_deadline THEN 'awaiting_refresh'
            WHEN NOT read_back_since THEN 'unknown'
            ELSE 'mismatched'
        END AS state
    FROM with_kinds
)
SELECT
    order_id,
    order_day,
    state,
    CASE state
        WHEN 'excluded' THEN exclusion
        WHEN 'rejected' THEN rejection_code
        WHEN 'ready' THEN CASE WHEN batch_id IS NULL THEN 'new' ELSE 'changed' END
        WHEN 'unknown' THEN CASE WHEN batch_status = 'answered' THEN 'not_read_back' ELSE 'no_answer' END
        WHEN 'mismatched' THEN differences[1]
    END AS reason,
    CASE WHEN state = 'mismatched' THEN differences ELSE '{{}}'::text[] END AS mismatch_kinds,
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
FROM decided
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


def state_totals(connection: Connection, day: date) -> list[StateTotal]:
    """Count and sum the day's orders by state, reason and currency; money never mixes currencies."""
    rows = connection.execute(
        text("""
            SELECT state, reason, coalesce(currency, '') AS currency, count(*) AS orders,
                sum(control_total) AS control_total, sum(incomplete_lines)::bigint AS incomplete_lines,
                sum(sales_amount) AS sales_amount, sum(profit_amount) AS profit_amount
            FROM enrich.order_states
            WHERE order_day = :day
            GROUP BY state, reason, coalesce(currency, '')
            ORDER BY state, reason, currency
        """),
        {"day": day},
    )
    return [StateTotal(*row) for row in rows]


def unread_orders(connection: Connection, day: date) -> int:
    """Count the day's orders that were sent and whose fate only a read-back can tell."""
    return connection.execute(
        text("SELECT count(*) FROM enrich.order_states WHERE order_day = :day AND state = 'unknown'"), {"day": day}
    ).scalar_one()
