-- The orders of the days asked for: the only model that picks days. Everything after it joins what belongs to these.
with

orders as (

    select * from {{ ref('stg_orders') }}

),

order_ids as (

    select * from {{ ref('stg_order_ids') }}

),

orders_without_id as (

    select * from {{ ref('stg_orders_without_id') }}

),

currencies as (

    select * from {{ ref('stg_currencies') }}

),

asked_for as (

    select *
    from orders
    where
        ordered_at >= {{ start_of_day(first_day()) }}
        and ordered_at < {{ start_of_day(last_day() ~ ' + 1') }}

),

repeated_ids as (

    select order_id
    from order_ids
    where order_id in (select asked_for.order_id from asked_for)
    group by order_id
    having count(*) > 1

),

numbered as (

    select
        *,
        row_number() over () as order_key,
        -- By content, so that the order of loading changes nothing.
        row_number() over (
            partition by order_id, order_day
            order by
                ordered_at, document_type, channel, payment_gateway, currency, is_cancelled, is_test,
                order_discount, shipping_charged, tax_total, updated_at
        )::integer as copy_number
    from asked_for

),

judged as (

    select
        numbered.order_key,
        numbered.order_id,
        numbered.order_day,
        numbered.ordered_at,
        numbered.copy_number,
        numbered.channel,
        numbered.payment_gateway,
        array[numbered.order_day::text, numbered.channel, numbered.payment_gateway]::text as fee_context,
        numbered.currency,
        numbered.order_discount,
        numbered.shipping_charged,
        numbered.tax_total,
        numbered.is_cancelled,
        numbered.is_test,
        coalesce(numbered.document_type = 'sale', false) as is_sale,
        {{ is_valid_id('numbered.order_id') }} as is_id_valid,
        currencies.currency is not null as is_currency_valid,
        (
            repeated_ids.order_id is not null
            -- Counted only when the days have an order without id.
            or (
                numbered.order_id is null
                and (select orders_without_id.orders from orders_without_id) > 1
            )
        ) as is_duplicate
    from numbered
    left join repeated_ids on numbered.order_id = repeated_ids.order_id
    left join currencies on numbered.currency = currencies.currency

)

select * from judged
