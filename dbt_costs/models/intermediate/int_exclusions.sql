-- Every place that keeps an order from being sent, each with its reason. Of several, the order's is the first in the
-- order of `exclusion_reasons`.
with

orders as (

    select * from {{ ref('int_charged_orders') }}

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
        reasons.exclusion,
        'orders' as source_table,
        orders.order_id as source_id,
        null as line_id,
        null as rule_id
    from orders
    cross join
        lateral (
            values
            ('duplicate_order', orders.is_duplicate),
            ('invalid_id', not orders.is_id_valid),
            ('test_order', orders.is_test),
            ('not_a_sale', not orders.is_sale),
            ('invalid_currency', not orders.is_currency_valid),
            ('no_lines', not orders.is_cancelled and not orders.has_lines),
            ('incomplete_line', not orders.is_cancelled and orders.order_discount is null),
            {%- if counts_tax() %}
                ('incomplete_line', not orders.is_cancelled and orders.tax_total is null),
            {%- endif %}
            ('incomplete_shipping', not orders.is_cancelled and orders.shipping_charged is null)
        ) as reasons (exclusion, holds)
    where reasons.holds

),

of_lines as (

    select
        order_key,
        case when is_complete then cost_problem else 'incomplete_line' end as exclusion,
        'order_lines' as source_table,
        line_id as source_id,
        line_id,
        null as rule_id
    from costed_lines
    where not is_cancelled and (not is_complete or cost_problem is not null)

),

of_refunds as (

    select
        order_key,
        'incomplete_refund' as exclusion,
        'refunds' as source_table,
        refund_id as source_id,
        null as line_id,
        null as rule_id
    from refunds
    where amount is null{% if counts_tax() %} or tax is null{% endif %}

),

of_restocked_lines as (

    select
        order_key,
        'incomplete_refund' as exclusion,
        'refund_lines' as source_table,
        refund_id as source_id,
        line_id,
        null as rule_id
    from restocked_lines
    where is_incomplete

),

of_transactions as (

    select
        order_key,
        problem as exclusion,
        'order_transactions' as source_table,
        transaction_id as source_id,
        null as line_id,
        null as rule_id
    from transactions
    where problem is not null

),

of_fees as (

    select
        order_key,
        problem as exclusion,
        'fee_rules' as source_table,
        fee_rule_id as source_id,
        null as line_id,
        fee_rule_id as rule_id
    from fees
    where problem is not null

),

unioned as (

    select * from of_orders
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
