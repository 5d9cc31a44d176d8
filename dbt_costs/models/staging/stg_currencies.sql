select
    currency,
    exponent
from {{ source('enrich', 'currencies') }}
