-- The orders with what the customer was charged, after discounts and before refunds: the bases of fees. Gift-card lines
-- are charged like others, and a cancelled order was charged before it was cancelled. Null where a number is missing.
with

orders as (

    select * from {{ ref('int_orders') }}

),

costed_lines as (

    select * from {{ ref('int_costed_lines') }}

),

by_order as (

    select
        order_key,
        case when bool_and(line_amount is not null and discount is not null) then sum(line_amount - discount) end
            as line_charges
    from costed_lines
    group by order_key

),

charged as (

    select
        orders.order_key,
        orders.order_id,
        orders.order_day,
        orders.fee_context,
        orders.currency,
        orders.order_discount,
        orders.shipping_charged,
        orders.tax_total,
        orders.is_cancelled,
        orders.is_test,
        orders.is_sale,
        orders.is_id_valid,
        orders.is_currency_valid,
        orders.is_duplicate,
        by_order.order_key is not null as has_lines,
        case when by_order.order_key is null then 0 else by_order.line_charges end - orders.order_discount as items
    from orders
    left join by_order on orders.order_key = by_order.order_key

),

summed as (

    select
        *,
        items + shipping_charged as items_shipping,
        items + shipping_charged + tax_total as items_shipping_tax,
        -- Many systems leave the tax empty where there is none: that says nothing about whether money was taken.
        items + shipping_charged + coalesce(tax_total, 0) as charged
    from charged

)

select * from summed
