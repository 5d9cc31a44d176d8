select
    -- ids
    refund_id,
    order_id,

    -- what kind of refund
    coalesce(kind, '') as refund_kind,

    -- amounts, in the order's currency
    {{ finite('amount') }} as amount,
    {{ finite('tax') }} as tax

from {{ source('raw', 'refunds') }}
