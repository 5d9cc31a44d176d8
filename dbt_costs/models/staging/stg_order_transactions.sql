select
    -- ids
    transaction_id,
    order_id,

    -- what kind of cost; a flow of money is none
    case
        when kind in ('payment_fee', 'marketplace_fee', 'shipping_cost', 'handling_cost') then kind
        else 'other_cost'
    end as component,
    coalesce(kind, '') in ('', 'sale', 'capture', 'authorization', 'void', 'refund') as is_no_cost,

    -- amounts
    {{ finite('amount') }} as amount,
    coalesce(nullif(currency, ''), {{ text_var('store_currency') }}) as transaction_currency

from {{ source('raw', 'order_transactions') }}
