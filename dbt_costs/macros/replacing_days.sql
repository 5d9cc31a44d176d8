{# What makes a mart's days replaceable: four statements around its insert, all in the one transaction of the model. #}

{# Two computations of a day wait for each other; of different days, they rarely do. The keys are few, so that a long
   range does not fill the server's lock table, and sorted, so that two ranges cannot wait for each other. #}
{% macro lock_days() %}
    -- One large statement, run once: compiling it would cost more than it saves.
    set local jit = off;
    select pg_advisory_xact_lock(hashtext('enrich_costs days'), keys.lock_key)
    from (
        select distinct (days.order_day::date - '2000-01-01'::date) % 64 as lock_key
        from generate_series({{ first_day() }}, {{ last_day() }}, interval '1 day') as days (order_day)
        order by lock_key
    ) as keys
{% endmacro %}

{% macro delete_days() %}
    delete from {{ this }}
    where order_day between {{ first_day() }} and {{ last_day() }}
{% endmacro %}

{# An order that moved here from another day must not stay there as well. A copy of it that the source still has on
   that other day stays. Both marts look for such orders in `order_profit`, which has one row an order; `order_costs`
   asks the source, `order_profit` asks `order_costs`, which is replaced first. A day whose costs were never summed
   counts as not computed and is replaced as a whole. The lateral joins look rows up by an index: left to choose, the
   planner would read the whole mart. #}
{% macro delete_moved_orders() %}
    {%- set is_costs = this.identifier == 'order_costs' %}
    {%- set order_profit = this if not is_costs else api.Relation.create(
        database=this.database, schema=this.schema, identifier='order_profit'
    ) %}
    delete from {{ this }}
    where ctid = any(array(
        select {{ 'rows_of_order' if is_costs else 'moved' }}.row_address
        from (
            select distinct order_id
            from {{ this }}
            where order_day between {{ first_day() }} and {{ last_day() }}
        ) as here
        cross join lateral (
            select
                profit.order_id,
                profit.order_day,
                profit.ctid as row_address
            from {{ order_profit }} as profit
            where
                profit.order_id = here.order_id
                and profit.order_day not between {{ first_day() }} and {{ last_day() }}
                and not exists (
                    select
                    from {{ source('raw', 'orders') if is_costs else ref('order_costs') }} as present
                    where
                        present.order_id = profit.order_id
                        and {{ store_day('present.ordered_at') if is_costs else 'present.order_day' }} = profit.order_day
                )
            offset 0
        ) as moved
        {%- if is_costs %}
        cross join lateral (
            select costs.ctid as row_address
            from {{ this }} as costs
            where costs.order_id = moved.order_id and costs.order_day = moved.order_day
            offset 0
        ) as rows_of_order
        {%- endif %}
    ))
{% endmacro %}

{# A day without orders is stamped too. `order_profit` bears the stamp of the costs that it was summed from: the two
   differ exactly when it is not the sum of what `order_costs` holds now. #}
{% macro stamp_days() %}
    insert into {{ source('enrich', 'computed_days') }} as stamp (mart, order_day, run_id, computed_at)
    {%- if this.identifier == 'order_costs' %}
    select 'order_costs', days.order_day, {{ text_var('run_id') }}, now()
    from generate_series({{ first_day() }}, {{ last_day() }}, interval '1 day') as days (order_day)
    {%- else %}
    select '{{ this.identifier }}', costs.order_day, costs.run_id, now()
    from {{ source('enrich', 'computed_days') }} as costs
    where costs.mart = 'order_costs' and costs.order_day between {{ first_day() }} and {{ last_day() }}
    {%- endif %}
    on conflict (mart, order_day) do update set run_id = excluded.run_id, computed_at = excluded.computed_at
{% endmacro %}
