-- How many orders of the whole source bear no id: one row.
with

source as (

    select * from {{ source('raw', 'orders') }}

),

counted as (

    select count(*) as orders
    from source
    where order_id is null

)

select * from counted
