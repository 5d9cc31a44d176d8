-- The unit cost of each sku on each day on which it was sold without a cost of its own, in the order's currency.
with

order_lines as (

    select * from {{ ref('int_order_lines') }}

),

unit_costs as (

    select * from {{ ref('stg_unit_costs') }}

),

fx_rates as (

    select * from {{ ref('int_fx_rates') }}

),

needed as (

    select distinct
        sku,
        order_day,
        currency
    from order_lines
    where needs_cost_of_sku

),

matched as (

    select
        needed.sku,
        needed.order_day,
        needed.currency,
        unit_costs.unit_cost,
        unit_costs.unit_cost
        * case when unit_costs.cost_currency = needed.currency then 1 else fx_rates.rate end as converted_cost
    from needed
    inner join unit_costs
        on
            needed.sku = unit_costs.sku
            and needed.order_day between unit_costs.effective_from and unit_costs.effective_to
    left join fx_rates
        on
            needed.order_day = fx_rates.order_day
            and unit_costs.cost_currency = fx_rates.from_currency
            and needed.currency = fx_rates.to_currency

),

decided as (

    select
        sku,
        order_day,
        currency,
        max(converted_cost) as unit_cost,
        case
            when count(*) > 1 then 'ambiguous_cost'
            when max(unit_cost) is null then 'missing_cost'
            when max(converted_cost) is null then 'missing_fx'
        end as problem
    from matched
    group by sku, order_day, currency

)

select * from decided
