"""Fingerprints of what a day's money is made from, so that a change behind a day's back shows, a deletion too.

One statement hashes the raw rows that bear on each day: those of its orders, and of costs, fee rules and exchange
rates those that hold for what was sold on it. It is run before a day is computed, where its result is kept, and again
by whoever asks what has changed since. A row that was touched and says the same (`updated_at`, a refund's date)
changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, text

from enrich_pipeline.domain.days import StoreDay
from enrich_pipeline.domain.store import Store
from enrich_pipeline.warehouse.raw_tables import RAW_TABLES

# A usable rate of the day, else of the latest of the seven days before: as `int_fx_rates` has it.
_INPUTS = """
WITH
day_orders AS MATERIALIZED (
    SELECT (ordered_at AT TIME ZONE :timezone)::date AS order_day, order_id, ordered_at, document_type,
        coalesce(channel, '') AS channel, coalesce(payment_gateway, '') AS payment_gateway, currency,
        order_discount, shipping_charged, tax_total, cancelled_at IS NOT NULL AS is_cancelled,
        coalesce(is_test, false) AS is_test
    FROM raw.orders WHERE ordered_at >= :start AND ordered_at < :end
),
repeated AS (
    SELECT order_id FROM raw.orders
    WHERE order_id IN (SELECT order_id FROM day_orders) GROUP BY order_id HAVING count(*) > 1
),
without_id AS (
    SELECT count(*) > 1 AS is_repeated FROM raw.orders
    WHERE order_id IS NULL AND EXISTS (SELECT FROM day_orders WHERE order_id IS NULL)
),
ids AS MATERIALIZED (
    SELECT DISTINCT order_day, order_id, currency, is_cancelled FROM day_orders WHERE order_id IS NOT NULL
),
day_lines AS MATERIALIZED (
    SELECT ids.order_day, ids.currency, ids.is_cancelled, line.order_id, line.line_id, line.sku, line.quantity,
        line.unit_price, line.discount, line.unit_cost, coalesce(line.is_gift_card, false) AS is_gift_card
    FROM ids INNER JOIN raw.order_lines AS line ON ids.order_id = line.order_id
),
day_refunds AS MATERIALIZED (
    SELECT ids.order_day, refund.refund_id, refund.order_id, refund.kind, refund.amount, refund.tax
    FROM ids INNER JOIN raw.refunds AS refund ON ids.order_id = refund.order_id
),
day_costs AS MATERIALIZED (
    SELECT needed.order_day, needed.currency AS order_currency, cost.sku, cost.unit_cost,
        coalesce(nullif(cost.currency, ''), :currency) AS currency
    FROM (
        SELECT DISTINCT order_day, sku, currency FROM day_lines
        WHERE unit_cost IS NULL AND NOT is_gift_card AND NOT is_cancelled
    ) AS needed
    INNER JOIN raw.unit_costs AS cost ON needed.sku = cost.sku
        AND needed.order_day >= coalesce(cost.effective_from, '-infinity')
        AND needed.order_day <= coalesce(cost.effective_to, 'infinity')
),
contexts AS (
    SELECT DISTINCT order_day, channel, payment_gateway, currency FROM day_orders
),
day_rules AS MATERIALIZED (
    SELECT contexts.order_day, contexts.currency AS order_currency, rule.rule_number,
        coalesce(nullif(rule.currency, ''), :currency) AS currency,
        ROW(rule.fee_rule_id, rule.kind, rule.channel, rule.payment_gateway, trim_scale(rule.percent),
            trim_scale(rule.fixed), trim_scale(rule.minimum), trim_scale(rule.maximum), rule.base,
            trim_scale(rule.base_from), trim_scale(rule.base_to), rule.refunded, trim_scale(rule.refund_fee_percent),
            trim_scale(rule.refund_fee_maximum))::text AS content
    FROM contexts INNER JOIN (SELECT *, row_number() OVER () AS rule_number FROM raw.fee_rules) AS rule
        ON contexts.order_day >= coalesce(rule.effective_from, '-infinity')
        AND contexts.order_day <= coalesce(rule.effective_to, 'infinity')
        AND coalesce(rule.channel, '') IN ('', contexts.channel)
        AND coalesce(rule.payment_gateway, '') IN ('', contexts.payment_gateway)
),
day_transactions AS MATERIALIZED (
    SELECT ids.order_day, ids.currency AS order_currency, paid.transaction_id, paid.order_id, paid.kind, paid.amount,
        coalesce(nullif(paid.currency, ''), :currency) AS currency
    FROM ids INNER JOIN raw.order_transactions AS paid ON ids.order_id = paid.order_id
),
pairs AS (
    SELECT order_day, currency AS from_currency, order_currency AS to_currency FROM day_costs
    UNION SELECT order_day, currency, order_currency FROM day_rules
    UNION SELECT order_day, currency, order_currency FROM day_transactions
),
day_rates AS (
    SELECT pairs.order_day, fx.from_currency, fx.to_currency, fx.rate,
        rank() OVER (PARTITION BY pairs.order_day, fx.from_currency, fx.to_currency ORDER BY fx.rate_date DESC) AS age
    FROM pairs INNER JOIN raw.fx_rates AS fx
        ON pairs.from_currency = fx.from_currency AND pairs.to_currency = fx.to_currency
        AND fx.rate_date BETWEEN pairs.order_day - 7 AND pairs.order_day
    WHERE pairs.from_currency <> pairs.to_currency AND fx.rate > 0 AND fx.rate < 'Infinity'
),
inputs AS (
    SELECT day_orders.order_day, true AS is_order,
        ROW('order', day_orders.order_id, extract(epoch FROM ordered_at), document_type, channel, payment_gateway,
            currency, trim_scale(order_discount), trim_scale(shipping_charged), trim_scale(tax_total), is_cancelled,
            is_test, repeated.order_id IS NOT NULL OR (
                day_orders.order_id IS NULL AND (SELECT is_repeated FROM without_id)
            ))::text AS content
    FROM day_orders LEFT JOIN repeated ON day_orders.order_id = repeated.order_id
    UNION ALL
    SELECT order_day, false, ROW('line', order_id, line_id, sku, trim_scale(quantity), trim_scale(unit_price),
        trim_scale(discount), trim_scale(unit_cost), is_gift_card)::text FROM day_lines
    UNION ALL
    SELECT order_day, false, ROW('refund', refund_id, order_id, kind, trim_scale(amount), trim_scale(tax))::text
    FROM day_refunds
    UNION ALL
    SELECT day_refund.order_day, false, ROW('restocked', back.refund_id, back.line_id, trim_scale(back.quantity),
        coalesce(back.restocked, false))::text
    FROM (SELECT DISTINCT order_day, refund_id FROM day_refunds) AS day_refund
    INNER JOIN raw.refund_lines AS back ON day_refund.refund_id = back.refund_id
    UNION ALL
    SELECT order_day, false, ROW('cost', sku, trim_scale(unit_cost), currency)::text FROM day_costs
    UNION ALL
    SELECT order_day, false, ROW('rule', content, currency)::text FROM (
        SELECT DISTINCT order_day, rule_number, currency, content FROM day_rules
    ) AS rules
    UNION ALL
    SELECT order_day, false, ROW('transaction', transaction_id, order_id, kind, trim_scale(amount), currency)::text
    FROM day_transactions
    UNION ALL
    SELECT DISTINCT order_day, false, ROW('rate', from_currency, to_currency, trim_scale(rate))::text
    FROM day_rates WHERE age = 1
)
"""

# Order-independent, so that nothing is sorted: two differently seeded 64-bit hashes of each row, summed.
_FINGERPRINTS = text(f"""
    {_INPUTS}
    SELECT days.order_day::date AS order_day, count(*) FILTER (WHERE is_order) AS orders,
        md5(count(content) || ':' || coalesce(sum(hashtextextended(content, 0)::numeric), 0)
            || ':' || coalesce(sum(hashtextextended(content, 1)::numeric), 0)) AS fingerprint
    FROM generate_series(CAST(:first AS date), CAST(:last AS date), interval '1 day') AS days (order_day)
    LEFT JOIN inputs ON days.order_day = inputs.order_day
    GROUP BY days.order_day ORDER BY days.order_day
""")


@dataclass(frozen=True, slots=True)
class DayInputs:
    """What bears on a day's money now: the number of its orders, and a hash of everything."""

    order_day: date
    orders: int
    fingerprint: str


def current_inputs(connection: Connection, store: Store, first: date, last: date) -> list[DayInputs]:
    """Fingerprint what `raw` holds now for every day from `first` to `last`, both included."""
    rows = connection.execute(
        _FINGERPRINTS,
        {
            "timezone": store.timezone,
            "currency": store.currency,
            "first": first,
            "last": last,
            "start": StoreDay(first, store.zone).start,
            "end": StoreDay(last, store.zone).end,
        },
    )
    return [DayInputs(row.order_day, row.orders, row.fingerprint) for row in rows]


def record_inputs(connection: Connection, inputs: list[DayInputs], *, run_id: str, sales_basis: str) -> None:
    """Keep the fingerprints and the sales basis that days were computed from. May be repeated.

    They must have been taken before the computing: a change that comes between the two then costs a needless run, and
    none is ever missed.
    """
    connection.execute(
        text("""
            INSERT INTO enrich.day_inputs (order_day, orders, fingerprint, sales_basis, run_id)
            VALUES (:order_day, :orders, :fingerprint, :sales_basis, :run_id)
            ON CONFLICT (order_day) DO UPDATE SET orders = excluded.orders, fingerprint = excluded.fingerprint,
                sales_basis = excluded.sales_basis, run_id = excluded.run_id, computed_at = clock_timestamp()
        """),
        [
            {
                "order_day": each.order_day,
                "orders": each.orders,
                "fingerprint": each.fingerprint,
                "sales_basis": sales_basis,
                "run_id": run_id,
            }
            for each in inputs
        ],
    )


def forget_fingerprint(connection: Connection, day: date) -> None:
    """Let a delivered day count as changed: it was computed again, and what came of it was not sent. May be repeated.

    A day without a receipt was never delivered: nobody waits for its changes, and looking at it must send nothing.
    """
    connection.execute(
        text("""
            UPDATE enrich.day_inputs SET fingerprint = ''
            WHERE order_day = :day AND EXISTS (SELECT FROM enrich.receipts WHERE order_day = :day)
        """),
        {"day": day},
    )


@dataclass(frozen=True, slots=True)
class RecordedInputs:
    """What a day was computed from, and by which run; None for what was not kept."""

    fingerprint: str | None
    run_id: str | None


def recorded_inputs(connection: Connection, first: date, last: date) -> dict[date, RecordedInputs]:
    """What each computed day of the range was computed from."""
    rows = connection.execute(
        text("""
            SELECT stamp.order_day, nullif(inputs.fingerprint, '') AS fingerprint, inputs.run_id
            FROM enrich.computed_days AS stamp LEFT JOIN enrich.day_inputs AS inputs USING (order_day)
            WHERE stamp.mart = 'order_costs' AND stamp.order_day BETWEEN :first AND :last
            ORDER BY stamp.order_day
        """),
        {"first": first, "last": last},
    )
    return {row.order_day: RecordedInputs(row.fingerprint, row.run_id) for row in rows}


def raw_probe(connection: Connection) -> str | None:
    """What the raw tables look like from afar: counts and newest `updated_at`. None when they are not there.

    It differs whenever rows came, went, or were touched by a source that keeps `updated_at`: whoever sees no difference
    may look more closely later. Nothing is decided by it.
    """
    names = [table.fullname for table in RAW_TABLES]
    missing = connection.execute(
        text("SELECT bool_or(to_regclass(name) IS NULL) FROM unnest(CAST(:names AS text[])) AS names (name)"),
        {"names": names},
    ).scalar_one()
    if missing:
        return None
    each = " UNION ALL ".join(
        f"SELECT {number} AS number, count(*) || ' ' || count(updated_at) || ' ' "
        f"|| coalesce(extract(epoch FROM max(updated_at))::text, '') AS seen FROM {name}"
        for number, name in enumerate(names)
    )
    return connection.execute(
        text(f"SELECT string_agg(seen, ', ' ORDER BY number) FROM ({each}) AS probes")
    ).scalar_one()
