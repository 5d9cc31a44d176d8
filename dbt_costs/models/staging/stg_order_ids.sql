-- The ids alone, of every day: `stg_orders` is read for the days asked for, and its reading cannot be shared.
with

source as (

    select * from {{ source('raw', 'orders') }}

),

renamed as (

    select order_id
    from source
    where order_id is not null

)

select * from renamed
