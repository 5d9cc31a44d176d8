-- The refunds that count: on the order's own day whatever their date, none of a cancelled order, none in gift cards.
with

orders as (

    select * from {{ ref('int_orders') }}

),

refunds as (

    select * from {{ ref('stg_refunds') }}

),

counted as (

    select
        orders.order_key,
        refunds.refund_id,
        refunds.amount,
        refunds.tax,
        case when refunds.refund_kind = 'shipping' then 'shipping_refund' else 'refund' end as component
    from orders
    inner join refunds on orders.order_id = refunds.order_id
    where
        not orders.is_cancelled
        and refunds.refund_kind <> 'gift_card'

)

select * from counted
