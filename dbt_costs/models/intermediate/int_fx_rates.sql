-- The rate that holds on each day asked for: the day's own, else the latest of the seven days before.
with

fx_rates as (

    select * from {{ ref('stg_fx_rates') }}

),

days as (

    select calendar.order_day::date as order_day
    from generate_series({{ first_day() }}, {{ last_day() }}, interval '1 day') as calendar (order_day)

),

by_rate_date as (

    -- Two different rates of one date are none: which of them is right cannot be known.
    select
        days.order_day,
        fx_rates.from_currency,
        fx_rates.to_currency,
        fx_rates.rate_date,
        case when min(fx_rates.rate) = max(fx_rates.rate) then min(fx_rates.rate) end as rate
    from days
    inner join fx_rates
        on fx_rates.rate_date between days.order_day - 7 and days.order_day
    where fx_rates.rate > 0
    group by days.order_day, fx_rates.from_currency, fx_rates.to_currency, fx_rates.rate_date

),

latest as (

    select distinct on (order_day, from_currency, to_currency)
        order_day,
        from_currency,
        to_currency,
        rate
    from by_rate_date
    order by order_day asc, from_currency asc, to_currency asc, rate_date desc

)

select * from latest
