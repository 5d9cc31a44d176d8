-- The estimated fees of each order, rule by rule, in the order's currency: what is charged, what of it comes back with
-- a refund, and what the refund costs. An actual transaction of the kind replaces them all.
with

orders as (

    select * from {{ ref('int_charged_orders') }}

),

fee_rules as (

    select * from {{ ref('int_fee_rules') }}

),

refunds as (

    select * from {{ ref('int_refunds') }}

),

transactions as (

    select * from {{ ref('int_transactions') }}

),

fx_rates as (

    select * from {{ ref('int_fx_rates') }}

),

refunded as (

    select
        order_key,
        sum(amount) as amount,
        case when bool_and(amount is not null and tax is not null) then sum(amount + tax) end as amount_with_tax
    from refunds
    group by order_key

),

actual as (

    select distinct
        order_key,
        component
    from transactions

),

applied as (

    select
        orders.order_key,
        orders.is_cancelled,
        fee_rules.fee_rule_id,
        case fee_rules.fee_kind
            when 'payment' then 'payment_fee'
            when 'marketplace' then 'marketplace_fee'
            when 'shipping' then 'shipping_cost'
            when 'handling' then 'handling_cost'
        end as component,
        fee_rules.percent,
        fee_rules.fixed_amount,
        fee_rules.minimum_amount,
        fee_rules.maximum_amount,
        fee_rules.tier_from,
        fee_rules.tier_to,
        fee_rules.refunded_part,
        fee_rules.refund_fee_percent,
        fee_rules.refund_fee_maximum,
        fee_rules.is_unreadable,
        fee_rules.is_ambiguous,
        -- Null, of a rule without a kind, is no payment: it must not vanish where the order charges nothing.
        coalesce(fee_rules.fee_kind = 'payment', false) as is_payment,
        orders.charged,
        case fee_rules.base_kind
            when 'items' then orders.items
            when 'items_shipping' then orders.items_shipping
            when 'items_shipping_tax' then orders.items_shipping_tax
        end as base,
        coalesce(fee_rules.percent, 0) <> 0 or fee_rules.is_tier as is_base_needed,
        -- Refunds are measured as the base is: with tax where it has tax.
        case
            when refunded.order_key is null then 0
            when fee_rules.base_kind = 'items_shipping_tax' then refunded.amount_with_tax
            else refunded.amount
        end as refunded_amount,
        -- A rule of percentages alone has no money of its own to convert.
        case
            when
                fee_rules.rule_currency = orders.currency
                or (
                    coalesce(fee_rules.fixed_amount, 0) = 0
                    and coalesce(fee_rules.minimum_amount, 0) = 0
                    and coalesce(fee_rules.maximum_amount, 0) = 0
                    and coalesce(fee_rules.refund_fee_maximum, 0) = 0
                    and not fee_rules.is_tier
                )
                then 1
            else fx_rates.rate
        end as rate
    from orders
    inner join fee_rules on orders.fee_context = fee_rules.fee_context
    left join refunded on orders.order_key = refunded.order_key
    left join fx_rates
        on
            orders.order_day = fx_rates.order_day
            and fee_rules.rule_currency = fx_rates.from_currency
            and orders.currency = fx_rates.to_currency

),

estimated as (

    select
        applied.*,
        applied.refunded_part = 'proportional' and applied.refunded_amount > 0 as is_proportional,
        applied.tier_from = 0 or applied.base > applied.tier_from * applied.rate as is_reached,
        case
            when applied.is_base_needed and applied.base is null then null
            when applied.base <= applied.tier_from * applied.rate and applied.tier_from > 0 then 0
            else
                least(
                    greatest(
                        coalesce(applied.percent, 0) * 0.01
                        * case
                            when applied.is_base_needed
                                then
                                    greatest(
                                        least(applied.base, applied.tier_to * applied.rate)
                                        - applied.tier_from * applied.rate,
                                        0
                                    )
                            else 0
                        end
                        + coalesce(applied.fixed_amount, 0) * applied.rate,
                        applied.minimum_amount * applied.rate
                    ),
                    applied.maximum_amount * applied.rate
                )
        end as fee
    from applied
    left join actual
        on
            applied.order_key = actual.order_key
            and applied.component = actual.component
    where
        actual.order_key is null
        -- A cancelled order has its fee back, unless the rule refunds nothing.
        and (not applied.is_cancelled or applied.refunded_part = 'none' or applied.is_unreadable)
        -- An order that charges nothing pays no payment fee.
        and not (applied.is_payment and coalesce(applied.charged <= 0, false))

),

decided as (

    select
        order_key,
        fee_rule_id,
        component,
        fee,
        case
            when refunded_part = 'all' and refunded_amount > 0 then fee
            when is_proportional and refunded_amount >= base then fee
            -- A quotient is the one number that may have to be cut off: multiplied first, and with decimals to spare.
            when is_proportional then fee * refunded_amount * 1.00000000000000000000 / base
            else 0
        end as fee_refund,
        case
            -- A tier that the order does not reach charges nothing, on a refund neither.
            when
                refunded_amount > 0
                and is_reached
                and (refund_fee_percent is not null or refund_fee_maximum is not null)
                then least(refund_fee_percent * 0.01 * fee, refund_fee_maximum * rate)
            else 0
        end as refund_fee,
        case
            when
                refunded_amount is null
                and (
                    refunded_part <> 'none'
                    or refund_fee_percent is not null
                    or refund_fee_maximum is not null
                )
                then 'incomplete_refund'
            when
                is_unreadable
                or (is_payment and charged is null)
                or ((is_base_needed or is_proportional) and base is null)
                then 'incomplete_fee'
            when is_ambiguous then 'ambiguous_fee'
            when rate is null then 'missing_fx'
        end as problem
    from estimated

)

select * from decided
