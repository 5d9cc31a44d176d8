"""Every rule of money in `dbt_costs`, broken once: where, what stands there, and what is written in its place."""

from __future__ import annotations

from typing import NamedTuple


class Broken(NamedTuple):
    """One rule, broken. `before` stands in the file exactly once."""

    rule: str
    file: str
    before: str
    after: str


_ORDERS = "models/intermediate/int_orders.sql"
_LINES = "models/intermediate/int_order_lines.sql"
_COSTED = "models/intermediate/int_costed_lines.sql"
_COSTS = "models/intermediate/int_unit_costs.sql"
_CHARGED = "models/intermediate/int_charged_orders.sql"
_REFUNDS = "models/intermediate/int_refunds.sql"
_RESTOCKED = "models/intermediate/int_restocked_lines.sql"
_TRANSACTIONS = "models/intermediate/int_transactions.sql"
_RULES = "models/intermediate/int_fee_rules.sql"
_FEES = "models/intermediate/int_fees.sql"
_RATES = "models/intermediate/int_fx_rates.sql"
_COMPONENTS = "models/intermediate/int_components.sql"
_EXCLUSIONS = "models/intermediate/int_exclusions.sql"
_ORDER_COSTS = "models/marts/order_costs.sql"
_PROFIT = "models/marts/order_profit.sql"
_STG_FEES = "models/staging/stg_fee_rules.sql"
_STG_TRANSACTIONS = "models/staging/stg_order_transactions.sql"
_STG_COSTS = "models/staging/stg_unit_costs.sql"
_STG_ORDERS = "models/staging/stg_orders.sql"
_STG_LINES = "models/staging/stg_order_lines.sql"
_BASIS = "macros/sales_basis.sql"
_DAYS = "macros/days.sql"
_REASONS = "macros/exclusions.sql"
_NUMBERS = "macros/numbers.sql"

EXCLUSIONS: tuple[Broken, ...] = (
    Broken("duplicate_order", _EXCLUSIONS, "('duplicate_order', orders.is_duplicate)", "('duplicate_order', false)"),
    Broken("duplicate_order: wherever its copies stand", _ORDERS, "having count(*) > 1", "having count(*) > 2"),
    Broken("duplicate_order: of no id", _ORDERS, "orders_without_id) > 1", "orders_without_id) > 9"),
    Broken("invalid_id", _EXCLUSIONS, "('invalid_id', not orders.is_id_valid)", "('invalid_id', false)"),
    Broken("invalid_id: over 255 characters", _REASONS, "between 1 and 255", "between 1 and 999"),
    Broken("invalid_id: empty", _REASONS, "between 1 and 255", "between 0 and 255"),
    Broken("invalid_id: control characters", _REASONS, r"'[\u0001-\u001f\u007f-\u009f]'", r"'[\u0001]'"),
    Broken("invalid_id: a space in front", _REASONS, r"!~ '^[\u0020\u00a0", r"!~ '^[\u0001"),
    Broken("invalid_id: a space behind", _REASONS, r"\u205f\u3000]$'", r"\u205f\u3000]\n'"),
    Broken("test_order", _EXCLUSIONS, "('test_order', orders.is_test)", "('test_order', false)"),
    Broken("not_a_sale", _EXCLUSIONS, "('not_a_sale', not orders.is_sale)", "('not_a_sale', false)"),
    Broken("not_a_sale: without a document type", _ORDERS, "= 'sale', false) as is_sale", "= 'sale', true) as is_sale"),
    Broken("invalid_currency", _EXCLUSIONS, "not orders.is_currency_valid", "false"),
    Broken("no_lines", _EXCLUSIONS, "not orders.is_cancelled and not orders.has_lines", "false"),
    Broken(
        "no_lines: a cancelled order needs none",
        _EXCLUSIONS,
        "not orders.is_cancelled and not orders.has_lines",
        "not orders.has_lines",
    ),
    Broken("incomplete_line", _LINES, "line_amount is not null and discount is not null and ", ""),
    Broken("incomplete_line: its discount", _LINES, " and discount is not null", ""),
    Broken("incomplete_line: a broken cost at the sale", _LINES, " and not is_unit_cost_broken as", " as"),
    Broken(
        "incomplete_line: the order's discount",
        _EXCLUSIONS,
        "not orders.is_cancelled and orders.order_discount is null",
        "false",
    ),
    Broken("incomplete_shipping", _EXCLUSIONS, "not orders.is_cancelled and orders.shipping_charged is null", "false"),
    Broken("incomplete_refund", _EXCLUSIONS, "where amount is null{%", "where false{%"),
    Broken("incomplete_refund: restocked without quantity", _RESTOCKED, "restocked.quantity is null\n", "false\n"),
    Broken("incomplete_refund: a line the order does not have", _RESTOCKED, "or sold.order_key is null", ""),
    Broken("incomplete_refund: either of two lines", _RESTOCKED, "case when min(unit_cost) = max(unit_cost) then", "case when true then"),
    Broken("incomplete_fee: an empty amount", _TRANSACTIONS, " or transactions.amount is null then", " then"),
    Broken("incomplete_fee: a flow of money", _STG_TRANSACTIONS, "'sale', 'capture', 'authorization', 'void', 'refund'", "'sale'"),
    Broken("incomplete_fee: an unknown kind", _STG_FEES, "or coalesce(kind, '') not in", "or kind || '' is null and kind not in"),
    Broken("incomplete_fee: an unknown base", _STG_FEES, "or coalesce(base, '') not in", "or base = 'x' and base not in"),
    Broken("incomplete_fee: an unknown refunded", _STG_FEES, "or coalesce(refunded, '') not in", "or refunded = 'x' and refunded not in"),
    Broken("incomplete_fee: neither percent nor fixed", _STG_FEES, "(percent is null and fixed is null)", "false"),
    Broken("incomplete_fee: a base that is not known", _FEES, "or ((is_base_needed or is_proportional) and base is null)", ""),
    Broken("missing_cost", _COSTED, "when unit_costs.sku is null then 'missing_cost'", ""),
    Broken("missing_cost: an empty cost", _COSTS, "when max(unit_cost) is null then 'missing_cost'", ""),
    Broken("ambiguous_cost", _COSTS, "when count(*) > 1 then 'ambiguous_cost'", ""),
    Broken("ambiguous_fee", _FEES, "when is_ambiguous then 'ambiguous_fee'", ""),
    Broken("missing_fx: a cost", _COSTS, "when max(converted_cost) is null then 'missing_fx'", ""),
    Broken("missing_fx: a fee", _FEES, "when rate is null then 'missing_fx'", ""),
    Broken("missing_fx: a transaction", _TRANSACTIONS, "then 'missing_fx'", "then null"),
    Broken("the first reason that holds is the order's", _PROFIT, "min(array_position(", "max(array_position("),
    Broken("NaN is no number", _NUMBERS, "case when {{ column }} > '-Infinity' and {{ column }} < 'Infinity'", "case when {{ column }} > '-Infinity'"),
    Broken("a broken number is not absent", _NUMBERS, "in ('NaN', 'Infinity', '-Infinity')", "in ('NaN')"),
)  # fmt: skip

FEE_RULES: tuple[Broken, ...] = (
    Broken("percent", _FEES, "coalesce(applied.percent, 0) * 0.01", "coalesce(applied.percent, 0) * 0.02"),
    Broken("fixed", _FEES, "coalesce(applied.fixed_amount, 0) * applied.rate", "0"),
    Broken("minimum", _FEES, "applied.minimum_amount * applied.rate", "null::numeric"),
    Broken("maximum", _FEES, "applied.maximum_amount * applied.rate", "null::numeric"),
    Broken("base items", _FEES, "when 'items' then orders.items", "when 'items' then orders.items_shipping"),
    Broken("base items_shipping", _FEES, "then orders.items_shipping\n", "then orders.items\n"),
    Broken("base items_shipping_tax", _FEES, "then orders.items_shipping_tax", "then orders.items_shipping"),
    Broken("base after line discounts", _CHARGED, "sum(line_amount - discount)", "sum(line_amount)"),
    Broken("base after the order discount", _CHARGED, "end - orders.order_discount as items", "end as items"),
    Broken("base_from", _FEES, "- applied.tier_from * applied.rate,", ","),
    Broken("base_from: a tier that is not reached", _FEES, "when applied.base <= applied.tier_from * applied.rate and applied.tier_from > 0 then 0", ""),
    Broken("base_to", _FEES, "least(applied.base, applied.tier_to * applied.rate)", "applied.base"),
    Broken("effective_from", _RULES, "contexts.order_day between fee_rules.effective_from and", "contexts.order_day <= "),
    Broken("effective_to", _RULES, "between fee_rules.effective_from and fee_rules.effective_to", ">= fee_rules.effective_from"),
    Broken("effective_from is included", _RULES, "contexts.order_day between fee_rules.effective_from", "contexts.order_day - 1 between fee_rules.effective_from"),
    Broken("effective_to is included", _RULES, "and fee_rules.effective_to", "and fee_rules.effective_to - 1"),
    Broken("channel", _RULES, "and fee_rules.channel in ('', contexts.channel)", ""),
    Broken("payment_gateway", _RULES, "and fee_rules.payment_gateway in ('', contexts.payment_gateway)", ""),
    Broken("an empty channel means any", _RULES, "and fee_rules.channel in ('', contexts.channel)", "and fee_rules.channel = contexts.channel"),
    Broken("an empty gateway means any", _RULES, "in ('', contexts.payment_gateway)", "in (contexts.payment_gateway)"),
    Broken("a named one wins", _RULES, "where beaten.rule_key is null\n\n)\n\nselect", "\n)\n\nselect"),
    Broken("channel before gateway", _RULES, "channel = '' then 0 else 2", "channel = '' then 0 else 1"),
    Broken("rules of one tier alone contend", _RULES, "and rules.tier_from < coalesce(rivals.tier_to, 'Infinity')", ""),
    Broken("rules of one kind alone contend", _RULES, "and rules.fee_kind = rivals.fee_kind", ""),
    Broken("refunded none", _STG_FEES, "coalesce(nullif(refunded, ''), 'none')", "coalesce(nullif(refunded, ''), 'all')"),
    Broken("refunded all", _FEES, "refunded_part = 'all' and refunded_amount > 0 then fee", "false then fee"),
    Broken("refunded proportional", _FEES, "applied.refunded_part = 'proportional' and applied.refunded_amount > 0", "false"),
    Broken("refunded proportional: at most the fee", _FEES, "when is_proportional and refunded_amount >= base then fee", ""),
    Broken("refunded proportional: with tax where the base has it", _FEES, "when fee_rules.base_kind = 'items_shipping_tax' then refunded.amount_with_tax", ""),
    Broken("refund_fee_percent", _FEES, "refund_fee_percent * 0.01 * fee", "null::numeric"),
    Broken("refund_fee_maximum", _FEES, ", refund_fee_maximum * rate)", ")"),
    Broken("refund fee: only with a refund", _FEES, "when\n                refunded_amount > 0\n                and is_reached", "when\n                is_reached"),
    Broken("refund fee: not of a tier that is not reached", _FEES, "                and is_reached\n", ""),
    Broken("currency", _FEES, "else fx_rates.rate\n        end as rate", "else 1\n        end as rate"),
    Broken("currency: the store's when empty", _STG_FEES, "coalesce(nullif(currency, ''), {{ text_var('store_currency') }})", "coalesce(nullif(currency, ''), 'GBP')"),
    Broken("kind shipping", _FEES, "when 'shipping' then 'shipping_cost'", "when 'shipping' then 'handling_cost'"),
    Broken("kind handling", _FEES, "when 'handling' then 'handling_cost'", "when 'handling' then 'shipping_cost'"),
    Broken("an order that charges nothing pays no payment fee", _FEES, "and not (applied.is_payment and coalesce(applied.charged <= 0, false))", ""),
    Broken("a rule without a kind is no payment", _FEES, "coalesce(fee_rules.fee_kind = 'payment', false) as is_payment", "fee_rules.fee_kind = 'payment' as is_payment"),
    Broken("only the payment fee asks what is charged", _FEES, "not (applied.is_payment and coalesce", "not (coalesce"),
    Broken("actual transactions replace estimates", _FEES, "actual.order_key is null\n", "true\n"),
    Broken("of their own kind alone", _FEES, "and applied.component = actual.component", ""),
    Broken("an estimate says so", _COMPONENTS, "true as is_estimate", "false as is_estimate"),
    Broken("an estimate names its rule", _COMPONENTS, "fees.fee_rule_id as rule_id", "null as rule_id"),
)  # fmt: skip

MONEY: tuple[Broken, ...] = (
    Broken("sales: quantity x unit price", _LINES, "order_lines.quantity * order_lines.unit_price as line_amount", "order_lines.unit_price as line_amount"),
    Broken("sales: less line discounts", _COMPONENTS, "-costed_lines.discount)", "0)"),
    Broken("sales: less the order discount", _COMPONENTS, "-orders.order_discount)", "0)"),
    Broken("sales: plus shipping charged", _COMPONENTS, "('shipping', orders.shipping_charged)", "('shipping', 0)"),
    Broken("sales: less refunds", _COMPONENTS, "(refunds.component, -refunds.amount)", "(refunds.component, 0)"),
    Broken("sales: refunds of shipping too", _REFUNDS, "then 'shipping_refund'", "then 'refunded_shipping'"),
    Broken("sales: tax never counts", _BASIS, "return(var('sales_basis') == 'with_tax')", "return(true)"),
    Broken("profit: less quantity x unit cost", _COMPONENTS, "-costed_lines.quantity * costed_lines.unit_cost", "-costed_lines.unit_cost"),
    Broken("profit: plus restocked quantity x the line's cost", _RESTOCKED, "restocked.quantity * sold.unit_cost as amount", "sold.unit_cost as amount"),
    Broken("profit: only what is restocked", _RESTOCKED, "where refund_lines.is_restocked", "where true"),
    Broken("profit: restocked at the same line's cost", _RESTOCKED, "group by order_key, line_id", "group by order_key, line_id, quantity"),
    Broken("profit: less transactions", _COMPONENTS, "-amount as amount\n    from transactions", "amount as amount\n    from transactions"),
    Broken("profit: less fees", _COMPONENTS, "(fees.component, -fees.fee)", "(fees.component, fees.fee)"),
    Broken("profit: plus what comes back of fees", _COMPONENTS, "('fee_refund', fees.fee_refund)", "('fee_refund', 0)"),
    Broken("profit: less refund fees", _COMPONENTS, "('refund_fee', -fees.refund_fee)", "('refund_fee', 0)"),
    Broken("profit: a cost at the sale wins", _COSTED, "coalesce(order_lines.unit_cost, unit_costs.unit_cost)", "coalesce(unit_costs.unit_cost, order_lines.unit_cost)"),
    Broken("gift cards are no sales", _LINES, "not orders.is_cancelled and not order_lines.is_gift_card as is_sold", "not orders.is_cancelled as is_sold"),
    Broken("gift cards need no cost", _LINES, "not orders.is_cancelled and not order_lines.is_gift_card\n", "not orders.is_cancelled\n"),
    Broken("gift-card refunds count for nothing", _REFUNDS, "and refunds.refund_kind <> 'gift_card'", ""),
    Broken("a cancelled order sells 0", _ORDER_COSTS, "case when costed_lines.is_sold then costed_lines.line_amount else 0 end", "costed_lines.line_amount"),
    Broken("a cancelled order's discount and shipping are ignored", _COMPONENTS, "where not orders.is_cancelled and parts.amount <> 0", "where parts.amount <> 0"),
    Broken("a cancelled order's refunds are ignored", _REFUNDS, "not orders.is_cancelled\n        and ", ""),
    Broken("a cancelled order's lines are ignored", _EXCLUSIONS, "where not is_cancelled and (not is_complete", "where (not is_complete"),
    Broken("a cancelled order has its fees back, but those not refunded", _FEES, "and (not applied.is_cancelled or applied.refunded_part = 'none' or applied.is_unreadable)", ""),
    Broken("a cancelled order pays fees that are not refunded", _FEES, "(not applied.is_cancelled or applied.refunded_part = 'none' or ", "(not applied.is_cancelled or "),
    Broken("a cancelled order without lines is there", _COMPONENTS, "    from orders\n    where is_cancelled", "    from orders\n    where false"),
    Broken("amounts are rounded, sales", _PROFIT, "round(summed.sales_amount, currencies.exponent)", "summed.sales_amount"),
    Broken("amounts are rounded, profit", _PROFIT, "round(summed.profit_amount, currencies.exponent)", "trunc(summed.profit_amount, currencies.exponent)"),
    Broken("rounded to the currency's exponent", _PROFIT, "round(summed.profit_amount, currencies.exponent)", "round(summed.profit_amount, 2)"),
    Broken("a missing number is never 0", _ORDER_COSTS, "then case when costed_lines.is_sold then costed_lines.line_amount else 0 end\n        end as amount", "then case when costed_lines.is_sold then costed_lines.line_amount else 0 end\n            else 0\n        end as amount"),
    Broken("an excluded order has no amounts", _PROFIT, "case when summed.reason_number is null then round(summed.sales_amount", "case when true then round(summed.sales_amount"),
    Broken("control totals add every line", _PROFIT, "coalesce(sum(control_amount), 0) as control_total", "coalesce(max(control_amount), 0) as control_total"),
    Broken("incomplete lines are counted apart", _PROFIT, "count(*) filter (where is_incomplete_line)", "count(*) filter (where false)"),
    Broken("basis net_without_shipping", _BASIS, "'net_without_shipping': ['items', 'line_discount', 'order_discount', 'refund']", "'net_without_shipping': net"),
    Broken("basis gross", _BASIS, "'gross': ['items']", "'gross': net"),
    Broken("basis with_tax", _BASIS, "net + ['tax', 'tax_refund']", "net"),
    Broken("basis with_tax: tax is no profit", _COMPONENTS, "('tax_owed', -orders.tax_total),", ""),
    Broken("basis with_tax: refunded tax is no loss", _COMPONENTS, "('tax_refund_owed', refunds.tax),", ""),
)  # fmt: skip

COSTS_AND_DAYS: tuple[Broken, ...] = (
    Broken("cost: the first day is included", _COSTS, "needed.order_day between unit_costs.effective_from", "needed.order_day - 1 between unit_costs.effective_from"),
    Broken("cost: the last day is included", _COSTS, "and unit_costs.effective_to", "and unit_costs.effective_to - 1"),
    Broken("cost: open when empty, from", _STG_COSTS, "coalesce(effective_from, '-infinity')", "coalesce(effective_from, 'infinity')"),
    Broken("cost: open when empty, to", _STG_COSTS, "coalesce(effective_to, 'infinity')", "coalesce(effective_to, '-infinity')"),
    Broken("cost: empty currency is the store's", _STG_COSTS, "coalesce(nullif(currency, ''), {{ text_var('store_currency') }})", "coalesce(nullif(currency, ''), 'GBP')"),
    Broken("cost: converted", _COSTS, "case when unit_costs.cost_currency = needed.currency then 1 else fx_rates.rate end", "1"),
    Broken("cost: skus are case-sensitive", _COSTS, "needed.sku = unit_costs.sku", "lower(needed.sku) = lower(unit_costs.sku)"),
    Broken("transaction: converted", _TRANSACTIONS, "case when transactions.transaction_currency = orders.currency then 1 else fx_rates.rate end", "1"),
    Broken("transaction: empty currency is the store's", _STG_TRANSACTIONS, "coalesce(nullif(currency, ''), {{ text_var('store_currency') }})", "coalesce(nullif(currency, ''), 'GBP')"),
    Broken("rate: the seven days before", _RATES, "between days.order_day - 7 and", "between days.order_day - 6 and"),
    Broken("rate: not older", _RATES, "between days.order_day - 7 and", "between days.order_day - 8 and"),
    Broken("rate: none of the future", _RATES, "and days.order_day\n    where", "and days.order_day + 1\n    where"),
    Broken("rate: the latest", _RATES, "rate_date desc", "rate_date asc"),
    Broken("rate: above 0", _RATES, "where fx_rates.rate > 0", "where true"),
    Broken("rate: two of one date are none", _RATES, "case when min(fx_rates.rate) = max(fx_rates.rate) then min(fx_rates.rate) end", "min(fx_rates.rate)"),
    Broken("day: from its first microsecond", _ORDERS, "ordered_at >= {{ start_of_day(first_day()) }}", "ordered_at > {{ start_of_day(first_day()) }}"),
    Broken("day: to its last", _ORDERS, "and ordered_at < {{ start_of_day(last_day() ~ ' + 1') }}", "and ordered_at <= {{ start_of_day(last_day() ~ ' + 1') }}"),
    Broken("day: the store's clock", _DAYS, "at time zone {{ text_var('store_timezone') }})::date", "at time zone 'UTC')::date"),
    Broken("day: the first of two midnights", _DAYS, "then {{ an_hour_before }}", "then {{ midnight }} at time zone {{ zone }}"),
    Broken("test orders say so themselves", _STG_ORDERS, "coalesce(is_test, false)", "coalesce(is_test, true)"),
    Broken("gift cards say so themselves", _STG_LINES, "coalesce(is_gift_card, false)", "coalesce(is_gift_card, true)"),
)  # fmt: skip

BROKEN_RULES: tuple[Broken, ...] = (*EXCLUSIONS, *FEE_RULES, *MONEY, *COSTS_AND_DAYS)
