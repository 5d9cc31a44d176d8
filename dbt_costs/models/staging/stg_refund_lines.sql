with

source as (

    select * from {{ source('raw', 'refund_lines') }}

),

renamed as (

    select
        -- ids
        refund_id,
        line_id,

        -- what happened
        coalesce(restocked, false) as is_restocked,
        {{ finite('quantity') }} as quantity

    from source

)

select * from renamed
