-- What went into stock again, at the unit cost of the very line that it was sold on.
with

refunds as (

    select * from {{ ref('int_refunds') }}

),

refund_lines as (

    select * from {{ ref('stg_refund_lines') }}

),

costed_lines as (

    select * from {{ ref('int_costed_lines') }}

),

refunds_of_orders as (

    -- One refund may have a row for the goods and one for the shipping.
    select distinct
        order_key,
        refund_id
    from refunds

),

restocked as (

    select
        refunds_of_orders.order_key,
        refunds_of_orders.refund_id,
        refund_lines.line_id,
        refund_lines.quantity
    from refunds_of_orders
    inner join refund_lines on refunds_of_orders.refund_id = refund_lines.refund_id
    where refund_lines.is_restocked

),

sold as (

    select
        order_key,
        line_id,
        -- Where two lines of an order share an id and not a cost, which of them came back cannot be known.
        case when min(unit_cost) = max(unit_cost) then min(unit_cost) end as unit_cost,
        bool_or(cost_problem is not null or not is_complete) as has_problem
    from costed_lines
    where order_key in (select restocked.order_key from restocked)
    group by order_key, line_id

),

judged as (

    select
        restocked.order_key,
        restocked.refund_id,
        restocked.line_id,
        restocked.quantity * sold.unit_cost as amount,
        (
            restocked.quantity is null
            or sold.order_key is null
            or (sold.unit_cost is null and not sold.has_problem)
        ) as is_incomplete
    from restocked
    left join sold
        on
            restocked.order_key = sold.order_key
            and restocked.line_id = sold.line_id

)

select * from judged
