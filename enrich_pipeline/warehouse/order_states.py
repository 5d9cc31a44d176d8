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
last_sent AS (
    SELECT ledger.order_day, ledger.order_id, max(ledger.batch_id) AS batch_id
    FROM enrich.upload_ledger AS ledger
    INNER JOIN enrich.upload_batches AS batch USING (batch_id)
    WHERE batch.status <> 'failed' AND NOT ledger.left_day
    GROUP BY ledger.order_day, ledger.order_id
),
sent AS (
    SELECT ledger.*, batch.status, batch.error_code, batch.sent_at
    FROM last_sent
    INNER JOIN enrich.upload_ledger AS ledger USING (order_day, order_id, batch_id)
    INNER JOIN enrich.upload_batches AS batch USING (batch_id)
)
SELECT
    profit.order_id,
    profit.order_day,
    decided.state,
    CASE decided.state
        WHEN 'excluded' THEN profit.exclusion
        WHEN 'rejected' THEN compared.rejection_code
        WHEN 'ready' THEN CASE WHEN sent.batch_id IS NULL THEN 'new' ELSE 'changed' END
        WHEN 'unknown' THEN CASE WHEN sent.status = 'answered' THEN 'not_read_back' ELSE 'no_answer' END
        WHEN 'mismatched' THEN found.differences[1]
    END AS reason,
    CASE WHEN decided.state = 'mismatched' THEN found.differences ELSE '{{}}'::text[] END AS mismatch_kinds,
    profit.copy_number,
    profit.currency,
    profit.ordered_at,
    kept.order_timestamp,
    profit.sales_amount,
    profit.profit_amount,
    profit.control_total,
    profit.incomplete_lines,
    compared.inside_window,
    sent.batch_id,
    held.order_timestamp AS held_order_timestamp,
    held.sales_amount AS held_sales_amount,
    held.profit_amount AS held_profit_amount,
    held.currency AS held_currency,
    held.status AS held_status
FROM enrich.order_profit AS profit
CROSS JOIN enrich.store
LEFT JOIN sent ON profit.order_day = sent.order_day AND profit.order_id = sent.order_id
LEFT JOIN latest_read_back AS latest ON profit.order_day = latest.order_day
LEFT JOIN enrich.held_orders AS held
    ON latest.read_back_id = held.read_back_id AND profit.order_id = held.order_id AND held.occurrence = 1
-- OFFSET 0 has each of these computed once an order, and not wherever it is used.
CROSS JOIN LATERAL (
    SELECT CASE WHEN store.timestamp_precision = 'microsecond' THEN profit.ordered_at
        ELSE date_trunc(store.timestamp_precision, profit.ordered_at, 'UTC') END AS order_timestamp
    OFFSET 0
) AS kept
CROSS JOIN LATERAL (
    SELECT
        profit.order_day >= (coalesce(store.business_now, now()) AT TIME ZONE store.timezone)::date - {WINDOW_DAYS}
            AS inside_window,
        coalesce(sent.rejection_code, CASE sent.status WHEN 'refused' THEN sent.error_code END) AS rejection_code,
        coalesce(
            sent.order_timestamp = kept.order_timestamp
            AND sent.sales_amount = profit.sales_amount
            AND sent.profit_amount = profit.profit_amount
            AND sent.currency = profit.currency,
            false
        ) AS present_payload_sent,
        coalesce(sent.batch_id <= latest.last_batch_id, false) AS read_back_since,
        coalesce(
            held.order_timestamp = kept.order_timestamp
            AND held.sales_amount = profit.sales_amount
            AND held.profit_amount = profit.profit_amount
            AND held.currency = profit.currency
            AND held.status IS DISTINCT FROM 'outside_window',
            false
        ) AS is_equal,
        held.sales_amount = 0 AND held.profit_amount = 0
            AND (profit.sales_amount <> 0 OR profit.profit_amount <> 0) AS is_zeroed
    OFFSET 0
) AS compared
CROSS JOIN LATERAL (
    SELECT
        CASE
            WHEN profit.exclusion IS NOT NULL THEN 'excluded'
            WHEN NOT compared.present_payload_sent AND NOT compared.inside_window THEN 'outside_window'
            WHEN NOT compared.present_payload_sent THEN 'ready'
            WHEN compared.rejection_code IS NOT NULL THEN 'rejected'
            WHEN compared.is_equal AND compared.read_back_since THEN 'verified'
            WHEN sent.status IN ('sending', 'unknown') AND NOT (compared.read_back_since AND store.shows_rows_at_once)
                THEN 'unknown'
            -- The refresh that follows the sending, on the store's clock, and the patience after it.
            WHEN NOT store.shows_rows_at_once AND now() < (
                date_trunc('day', sent.sent_at AT TIME ZONE store.timezone) + store.refresh_at
                + CASE WHEN (sent.sent_at AT TIME ZONE store.timezone)::time >= store.refresh_at
                    THEN interval '1 day' ELSE interval '0' END
            ) AT TIME ZONE store.timezone + store.refresh_grace THEN 'awaiting_refresh'
            WHEN NOT compared.read_back_since THEN 'unknown'
            ELSE 'mismatched'
        END AS state
    OFFSET 0
) AS decided
CROSS JOIN LATERAL (
    SELECT CASE WHEN decided.state = 'mismatched' THEN array_remove(ARRAY[
        CASE WHEN held.order_id IS NULL THEN 'missing' END,
        CASE WHEN compared.is_zeroed THEN 'zeroed' END,
        CASE WHEN NOT compared.is_zeroed AND held.sales_amount <> profit.sales_amount THEN 'sales_amount' END,
        CASE WHEN NOT compared.is_zeroed AND held.profit_amount <> profit.profit_amount THEN 'profit_amount' END,
        CASE WHEN held.currency <> profit.currency THEN 'currency' END,
        CASE WHEN held.order_timestamp <> kept.order_timestamp THEN 'order_timestamp' END,
        CASE WHEN held.status = 'outside_window' THEN 'not_applied' END
    ], NULL) END AS differences
    OFFSET 0
) AS found
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
