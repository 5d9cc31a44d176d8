-- What each order's sales and profit are made of, besides the lines themselves: signed, unrounded, in the order's
-- currency. Amounts that are nothing are left out.
with

orders as (

    select * from {{ ref('int_orders') }}

),

costed_lines as (

    select * from {{ ref('int_costed_lines') }}

),

refunds as (

    select * from {{ ref('int_refunds') }}

),

restocked_lines as (

    select * from {{ ref('int_restocked_lines') }}

),

transactions as (

    select * from {{ ref('int_transactions') }}

),

fees as (

    select * from {{ ref('int_fees') }}

),

of_orders as (

    select
        orders.order_key,
        parts.component,
        null as line_id,
        'orders' as source_table,
        orders.order_id as source_id,
        null as rule_id,
        false as is_estimate,
        parts.amount
    from orders
    cross join
        lateral (
            values
            ('order_discount', -orders.order_discount),
            {%- if counts_tax() %}
                ('tax', orders.tax_total),
                ('tax_owed', -orders.tax_total),
            {%- endif %}
            ('shipping', orders.shipping_charged)
        ) as parts (component, amount)
    where not orders.is_cancelled and parts.amount <> 0

),

cancellations as (

    -- A cancelled order may have no line and no cost; it still sells 0.
    select
        order_key,
        'cancelled' as component,
        null as line_id,
        'orders' as source_table,
        order_id as source_id,
        null as rule_id,
        false as is_estimate,
        0::numeric as amount
    from orders
    where is_cancelled

),

of_lines as (

    select
        costed_lines.order_key,
        parts.component,
        costed_lines.line_id,
        parts.source_table,
        parts.source_id,
        null as rule_id,
        false as is_estimate,
        parts.amount
    from costed_lines
    cross join
        lateral (
            values
            ('line_discount', 'order_lines', costed_lines.line_id, -costed_lines.discount),
            (
                'cogs',
                case when costed_lines.has_own_cost then 'order_lines' else 'unit_costs' end,
                case when costed_lines.has_own_cost then costed_lines.line_id else costed_lines.sku end,
                -costed_lines.quantity * costed_lines.unit_cost
            )
        ) as parts (component, source_table, source_id, amount)
    where costed_lines.is_sold and parts.amount <> 0

),

of_refunds as (

    select
        refunds.order_key,
        parts.component,
        null as line_id,
        'refunds' as source_table,
        refunds.refund_id as source_id,
        null as rule_id,
        false as is_estimate,
        parts.amount
    from refunds
    cross join
        lateral (
            values
            {%- if counts_tax() %}
                ('tax_refund', -refunds.tax),
                ('tax_refund_owed', refunds.tax),
            {%- endif %}
            (refunds.component, -refunds.amount)
        ) as parts (component, amount)
    where parts.amount <> 0

),

of_restocked_lines as (

    select
        order_key,
        'restock' as component,
        line_id,
        'refund_lines' as source_table,
        refund_id as source_id,
        null as rule_id,
        false as is_estimate,
        amount
    from restocked_lines
    where amount <> 0

),

of_transactions as (

    select
        order_key,
        component,
        null as line_id,
        'order_transactions' as source_table,
        transaction_id as source_id,
        null as rule_id,
        false as is_estimate,
        -amount as amount
    from transactions
    where amount <> 0

),

of_fees as (

    select
        fees.order_key,
        parts.component,
        null as line_id,
        'fee_rules' as source_table,
        fees.fee_rule_id as source_id,
        fees.fee_rule_id as rule_id,
        true as is_estimate,
        parts.amount
    from fees
    cross join
        lateral (
            values
            (fees.component, -fees.fee),
            ('fee_refund', fees.fee_refund),
            ('refund_fee', -fees.refund_fee)
        ) as parts (component, amount)
    where parts.amount <> 0

),

unioned as (

    select * from of_orders
    union all
    select * from cancellations
    union all
    select * from of_lines
    union all
    select * from of_refunds
    union all
    select * from of_restocked_lines
    union all
    select * from of_transactions
    union all
    select * from of_fees

)

select * from unioned
