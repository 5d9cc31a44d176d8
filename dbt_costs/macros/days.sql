{# The store-local days asked for. A day is the wall clock's: it has 23, 24 or 25 hours, and half hours in some zones. #}

{% macro text_var(name) -%}
    '{{ var(name) | string | replace("'", "''") }}'
{%- endmacro %}

{% macro first_day() -%}
    {{ text_var('first_day') }}::date
{%- endmacro %}

{% macro last_day() -%}
    {{ text_var('last_day') }}::date
{%- endmacro %}

{% macro store_day(instant) -%}
    ({{ instant }} at time zone {{ text_var('store_timezone') }})::date
{%- endmacro %}

{% macro start_of_day(day) -%}
    (({{ day }})::timestamp at time zone {{ text_var('store_timezone') }})
{%- endmacro %}
