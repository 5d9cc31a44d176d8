{# Why an order must not be sent, in the order in which they are looked for: the first that holds is its reason. #}
{% macro exclusion_reasons() -%}
    array[
        'duplicate_order', 'invalid_id', 'test_order', 'not_a_sale', 'invalid_currency', 'no_lines', 'incomplete_line',
        'incomplete_shipping', 'incomplete_refund', 'incomplete_fee', 'missing_cost', 'ambiguous_cost',
        'ambiguous_fee', 'missing_fx'
    ]
{%- endmacro %}

{# Not empty, at most 255 characters, no space of any kind at either end, no control character. #}
{% macro is_valid_id(column) -%}
    coalesce(
        char_length({{ column }}) between 1 and 255
        and {{ column }} !~ '[\u0001-\u001f\u007f-\u009f]'
        and {{ column }} !~ '^[\u0020\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]'
        and {{ column }} !~ '[\u0020\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]$',
        false
    )
{%- endmacro %}
