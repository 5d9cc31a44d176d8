-- The ids alone, of every day: `stg_orders` is read for the days asked for, and its reading cannot be shared.
select order_id
from {{ source('raw', 'orders') }}
where order_id is not null
