select
    rate_date,
    from_currency,
    to_currency,
    {{ finite('rate') }} as rate

from {{ source('raw', 'fx_rates') }}
