-- One signed, unrounded row a component of an order. Every raw order of the days has a row here, whatever is wrong with
-- it, and every raw line exactly one that carries its control amount: what follows needs no other look at the source.
with

orders as (

    select * from {{ ref('int_orders') }}

),

costed_lines as (

    select * from {{ ref('int_costed_lines') }}

),

components as (

    select * from {{ ref('int_components') }}

),

exclusions as (

    select * from {{ ref('int_exclusions') }}

),

excluded_orders as (

    select distinct order_key
    from exclusions

),

line_rows as (

    select
        costed_lines.order_key,
        case
            when excluded_orders.order_key is not null then 'excluded_line'
            when costed_lines.is_cancelled then 'cancelled_line'
            when costed_lines.is_gift_card then 'gift_card'
            else 'items'
        end as component,
        costed_lines.line_id,
        'order_lines' as source_table,
        costed_lines.line_id as source_id,
        null as rule_id,
        false as is_estimate,
        case
            when excluded_orders.order_key is null
                then case when costed_lines.is_sold then costed_lines.line_amount else 0 end
        end as amount,
        null as exclusion,
        costed_lines.line_amount as control_amount,
        costed_lines.line_amount is null as is_incomplete_line
    from costed_lines
    left join excluded_orders on costed_lines.order_key = excluded_orders.order_key

),

component_rows as (

    select
        components.order_key,
        components.component,
        components.line_id,
        components.source_table,
        components.source_id,
        components.rule_id,
        components.is_estimate,
        components.amount,
        null as exclusion,
        null::numeric as control_amount,
        false as is_incomplete_line
    from components
    left join excluded_orders on components.order_key = excluded_orders.order_key
    where excluded_orders.order_key is null

),

exclusion_rows as (

    select
        order_key,
        'excluded' as component,
        line_id,
        source_table,
        source_id,
        rule_id,
        false as is_estimate,
        null::numeric as amount,
        exclusion,
        null::numeric as control_amount,
        false as is_incomplete_line
    from exclusions

),

all_rows as (

    select * from line_rows
    union all
    select * from component_rows
    union all
    select * from exclusion_rows

),

final as (

    select
        orders.order_id,
        orders.order_day,
        all_rows.component,
        all_rows.line_id,
        all_rows.source_table,
        all_rows.source_id,
        all_rows.rule_id,
        all_rows.is_estimate,
        all_rows.amount,
        orders.currency,
        all_rows.exclusion,
        orders.ordered_at,
        orders.copy_number,
        all_rows.control_amount,
        all_rows.is_incomplete_line,
        {{ text_var('run_id') }} as run_id
    from all_rows
    inner join orders on all_rows.order_key = orders.order_key

)

select * from final
