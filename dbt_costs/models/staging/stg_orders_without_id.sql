-- How many orders of the whole source bear no id: one row.
select count(*) as orders
from {{ source('raw', 'orders') }}
where order_id is null
