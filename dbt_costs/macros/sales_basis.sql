{# What counts as sales. Profit is the same on every basis: it is always the sum of all components.

    net                   items - discounts + shipping - refunds (the default)
    net_without_shipping  items - discounts - refunds other than of shipping
    gross                 items, before discounts and refunds, without shipping
    with_tax              net + tax charged - tax refunded
#}
{% macro sales_components() -%}
    {%- set net = ['items', 'line_discount', 'order_discount', 'shipping', 'refund', 'shipping_refund'] -%}
    {%- set bases = {
        'net': net,
        'net_without_shipping': ['items', 'line_discount', 'order_discount', 'refund'],
        'gross': ['items'],
        'with_tax': net + ['tax', 'tax_refund'],
    } -%}
    {%- set basis = var('sales_basis') -%}
    {%- if execute and basis not in bases -%}
        {{ exceptions.raise_compiler_error(
            "sales_basis is '" ~ basis ~ "'; it must be one of " ~ bases | join(', ') ~ "."
        ) }}
    {%- endif -%}
    array['{{ bases.get(basis, net) | join("', '") }}']
{%- endmacro %}

{# Tax is the state's: on the basis that shows it in sales, a second row takes it out of profit again. #}
{% macro counts_tax() -%}
    {{ return(var('sales_basis') == 'with_tax') }}
{%- endmacro %}
