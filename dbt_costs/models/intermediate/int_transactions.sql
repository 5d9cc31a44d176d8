-- The actual costs of the orders asked for, in the order's currency. They count for a cancelled order too.
with

orders as (

    select * from {{ ref('int_orders') }}

),

transactions as (

    select * from {{ ref('stg_order_transactions') }}

),

fx_rates as (

    select * from {{ ref('int_fx_rates') }}

),

converted as (

    select
        orders.order_key,
        transactions.transaction_id,
        transactions.component,
        transactions.amount
        * case when transactions.transaction_currency = orders.currency then 1 else fx_rates.rate end as amount,
        case
            when transactions.is_no_cost or transactions.amount is null then 'incomplete_fee'
            when transactions.transaction_currency <> orders.currency and fx_rates.rate is null then 'missing_fx'
        end as problem
    from orders
    inner join transactions on orders.order_id = transactions.order_id
    left join fx_rates
        on
            orders.order_day = fx_rates.order_day
            and transactions.transaction_currency = fx_rates.from_currency
            and orders.currency = fx_rates.to_currency

)

select * from converted
