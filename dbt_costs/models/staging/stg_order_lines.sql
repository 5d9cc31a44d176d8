select
    -- ids
    order_id,
    line_id,
    sku,

    -- what kind of line
    coalesce(is_gift_card, false) as is_gift_card,

    -- numbers, amounts in the order's currency
    {{ finite('quantity') }} as quantity,
    {{ finite('unit_price') }} as unit_price,
    {{ finite('discount') }} as discount,
    {{ finite('unit_cost') }} as unit_cost,
    {{ is_broken('unit_cost') }} as is_unit_cost_broken

from {{ source('raw', 'order_lines') }}
