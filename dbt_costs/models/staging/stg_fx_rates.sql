with

source as (

    select * from {{ source('raw', 'fx_rates') }}

),

renamed as (

    select
        rate_date,
        from_currency,
        to_currency,
        {{ finite('rate') }} as rate

    from source

)

select * from renamed
