select
    -- ids
    refund_id,
    line_id,

    -- what happened
    coalesce(restocked, false) as is_restocked,
    {{ finite('quantity') }} as quantity

from {{ source('raw', 'refund_lines') }}
