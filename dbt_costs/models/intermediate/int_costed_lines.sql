-- Each line with its unit cost in the order's currency: its own, else its sku's. Only a line that is sold needs one.
with

order_lines as (

    select * from {{ ref('int_order_lines') }}

),

unit_costs as (

    select * from {{ ref('int_unit_costs') }}

),

costed as (

    select
        order_lines.line_key,
        order_lines.order_key,
        order_lines.line_id,
        order_lines.sku,
        order_lines.is_gift_card,
        order_lines.is_cancelled,
        order_lines.is_sold,
        order_lines.is_complete,
        order_lines.quantity,
        order_lines.line_amount,
        order_lines.discount,
        order_lines.unit_cost is not null as has_own_cost,
        case
            when not order_lines.is_sold then 0
            else coalesce(order_lines.unit_cost, unit_costs.unit_cost)
        end as unit_cost,
        case
            when not order_lines.needs_cost_of_sku then null
            when unit_costs.sku is null then 'missing_cost'
            else unit_costs.problem
        end as cost_problem
    from order_lines
    left join unit_costs
        on
            order_lines.sku = unit_costs.sku
            and order_lines.order_day = unit_costs.order_day
            and order_lines.currency = unit_costs.currency

)

select * from costed
