select
    -- ids
    fee_rule_id,
    row_number() over () as rule_key,

    -- where it holds: an empty channel or gateway means any; store-local days, both included
    kind as fee_kind,
    coalesce(channel, '') as channel,
    coalesce(payment_gateway, '') as payment_gateway,
    coalesce(effective_from, '-infinity') as effective_from,
    coalesce(effective_to, 'infinity') as effective_to,

    -- how much: money in the rule's currency
    {{ finite('percent') }} as percent,
    {{ finite('fixed') }} as fixed_amount,
    {{ finite('minimum') }} as minimum_amount,
    {{ finite('maximum') }} as maximum_amount,
    coalesce(nullif(currency, ''), {{ text_var('store_currency') }}) as rule_currency,

    -- of what: the slice of the base from tier_from to tier_to
    coalesce(base, '') as base_kind,
    greatest(coalesce({{ finite('base_from') }}, 0), 0) as tier_from,
    {{ finite('base_to') }} as tier_to,
    base_to is not null or coalesce(base_from, 0) > 0 as is_tier,

    -- what comes back when the order is refunded
    coalesce(nullif(refunded, ''), 'none') as refunded_part,
    {{ finite('refund_fee_percent') }} as refund_fee_percent,
    {{ finite('refund_fee_maximum') }} as refund_fee_maximum,

    -- a rule that cannot be read
    (
        (percent is null and fixed is null)
        or {{ is_broken('percent') }}
        or {{ is_broken('fixed') }}
        or {{ is_broken('minimum') }}
        or {{ is_broken('maximum') }}
        or {{ is_broken('base_from') }}
        or {{ is_broken('base_to') }}
        or {{ is_broken('refund_fee_percent') }}
        or {{ is_broken('refund_fee_maximum') }}
        or coalesce(kind, '') not in ('payment', 'marketplace', 'shipping', 'handling')
        or coalesce(base, '') not in ('', 'items', 'items_shipping', 'items_shipping_tax')
        or coalesce(refunded, '') not in ('', 'none', 'proportional', 'all')
    ) as is_unreadable

from {{ source('raw', 'fee_rules') }}
