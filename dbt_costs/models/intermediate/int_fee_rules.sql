-- Which fee rules hold for each day, channel and gateway. A rule that names its channel wins over one that names its
-- gateway, and that over one that names neither, wherever their tiers overlap; what remains adds up.
with

orders as (

    select * from {{ ref('int_orders') }}

),

fee_rules as (

    select * from {{ ref('stg_fee_rules') }}

),

contexts as (

    select distinct
        fee_context,
        order_day,
        channel,
        payment_gateway
    from orders

),

candidates as (

    select
        contexts.fee_context,
        fee_rules.rule_key,
        fee_rules.fee_rule_id,
        fee_rules.fee_kind,
        fee_rules.percent,
        fee_rules.fixed_amount,
        fee_rules.minimum_amount,
        fee_rules.maximum_amount,
        fee_rules.rule_currency,
        fee_rules.base_kind,
        fee_rules.tier_from,
        fee_rules.tier_to,
        fee_rules.is_tier,
        fee_rules.refunded_part,
        fee_rules.refund_fee_percent,
        fee_rules.refund_fee_maximum,
        fee_rules.is_unreadable,
        case when fee_rules.channel = '' then 0 else 2 end
        + case when fee_rules.payment_gateway = '' then 0 else 1 end as specificity
    from contexts
    inner join fee_rules
        on
            contexts.order_day between fee_rules.effective_from and fee_rules.effective_to
            and fee_rules.channel in ('', contexts.channel)
            and fee_rules.payment_gateway in ('', contexts.payment_gateway)

),

overlapping as (

    -- Pairs of rules of one kind that would charge the same part of the base twice.
    select
        rules.fee_context,
        rules.rule_key,
        rivals.rule_key as rival_key,
        rivals.specificity > rules.specificity as is_beaten,
        rivals.specificity = rules.specificity as is_equal
    from candidates as rules
    inner join candidates as rivals
        on
            rules.fee_context = rivals.fee_context
            and rules.fee_kind = rivals.fee_kind
            and rules.rule_key <> rivals.rule_key
            and rules.tier_from < coalesce(rivals.tier_to, 'Infinity')
            and rivals.tier_from < coalesce(rules.tier_to, 'Infinity')

),

beaten as (

    select distinct
        fee_context,
        rule_key
    from overlapping
    where is_beaten

),

tied as (

    select distinct
        overlapping.fee_context,
        overlapping.rule_key
    from overlapping
    left join beaten
        on
            overlapping.fee_context = beaten.fee_context
            and overlapping.rival_key = beaten.rule_key
    where overlapping.is_equal and beaten.rule_key is null

),

holding as (

    select
        candidates.*,
        tied.rule_key is not null as is_ambiguous
    from candidates
    left join beaten
        on
            candidates.fee_context = beaten.fee_context
            and candidates.rule_key = beaten.rule_key
    left join tied
        on
            candidates.fee_context = tied.fee_context
            and candidates.rule_key = tied.rule_key
    where beaten.rule_key is null

)

select * from holding
