{# NaN and infinities are no numbers: staging turns what must be a number into null, the one word for "missing". #}

{% macro finite(column) -%}
    case when {{ column }} > '-Infinity' and {{ column }} < 'Infinity' then {{ column }} end
{%- endmacro %}

{# For what may be empty: a value that is there and no number is broken, not absent. #}
{% macro is_broken(column) -%}
    coalesce({{ column }} in ('NaN', 'Infinity', '-Infinity'), false)
{%- endmacro %}
