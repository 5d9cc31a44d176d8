-- One row an order: nothing but sums over `order_costs`, each rounded once, half away from zero.
with

order_costs as (

    select * from {{ ref('order_costs') }}
    where order_day between {{ first_day() }} and {{ last_day() }}

),

currencies as (

    select * from {{ ref('stg_currencies') }}

),

summed as (

    select
        order_id,
        order_day,
        copy_number,
        run_id,
        min(ordered_at) as ordered_at,
        min(currency) as currency,
        min(array_position({{ exclusion_reasons() }}, exclusion)) as reason_number,
        coalesce(sum(amount) filter (where component = any({{ sales_components() }})), 0) as sales_amount,
        coalesce(sum(amount), 0) as profit_amount,
        coalesce(sum(control_amount), 0) as control_total,
        count(*) filter (where is_incomplete_line)::integer as incomplete_lines
    from order_costs
    group by order_id, order_day, copy_number, run_id

),

final as (

    select
        summed.order_id,
        summed.order_day,
        summed.ordered_at,
        summed.currency,
        case when summed.reason_number is null then round(summed.sales_amount, currencies.exponent) end
            as sales_amount,
        case when summed.reason_number is null then round(summed.profit_amount, currencies.exponent) end
            as profit_amount,
        ({{ exclusion_reasons() }})[summed.reason_number] as exclusion,
        summed.copy_number,
        summed.control_total,
        summed.incomplete_lines,
        summed.run_id
    from summed
    left join currencies on summed.currency = currencies.currency

)

select * from final
