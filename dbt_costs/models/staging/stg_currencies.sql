with

source as (

    select * from {{ source('enrich', 'currencies') }}

)

select
    currency,
    exponent
from source
