select
    -- ids
    order_id,

    -- times
    ordered_at,
    {{ store_day('ordered_at') }} as order_day,
    updated_at,

    -- what kind of order
    document_type,
    coalesce(channel, '') as channel,
    coalesce(payment_gateway, '') as payment_gateway,
    currency,
    cancelled_at is not null as is_cancelled,
    coalesce(is_test, false) as is_test,

    -- amounts, in the order's currency
    {{ finite('order_discount') }} as order_discount,
    {{ finite('shipping_charged') }} as shipping_charged,
    {{ finite('tax_total') }} as tax_total

from {{ source('raw', 'orders') }}
