select
    -- ids
    sku,

    -- store-local days, both included
    coalesce(effective_from, '-infinity') as effective_from,
    coalesce(effective_to, 'infinity') as effective_to,

    -- amounts
    {{ finite('unit_cost') }} as unit_cost,
    coalesce(nullif(currency, ''), {{ text_var('store_currency') }}) as cost_currency

from {{ source('raw', 'unit_costs') }}
