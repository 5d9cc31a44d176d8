-- The lines of the orders asked for. Lines of an order that stands twice belong to each copy, as a join would have it.
with

orders as (

    select * from {{ ref('int_orders') }}

),

order_lines as (

    select * from {{ ref('stg_order_lines') }}

),

joined as (

    select
        row_number() over () as line_key,
        orders.order_key,
        orders.order_day,
        orders.currency,
        orders.is_cancelled,
        order_lines.line_id,
        order_lines.sku,
        order_lines.is_gift_card,
        order_lines.quantity,
        order_lines.unit_cost,
        order_lines.discount,
        order_lines.quantity * order_lines.unit_price as line_amount,
        order_lines.is_unit_cost_broken and not order_lines.is_gift_card as is_unit_cost_broken,
        not orders.is_cancelled and not order_lines.is_gift_card as is_sold,
        (
            not order_lines.is_gift_card
            and order_lines.unit_cost is null and not order_lines.is_unit_cost_broken
        ) as needs_cost_of_sku
    from orders
    inner join order_lines on orders.order_id = order_lines.order_id

),

judged as (

    select
        *,
        line_amount is not null and discount is not null and not is_unit_cost_broken as is_complete
    from joined

)

select * from judged
