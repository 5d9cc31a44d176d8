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

{# The day's first instant. Where a clock is turned back at midnight, midnight comes twice; PostgreSQL takes the second.
   Made of functions that the planner evaluates, so that it knows how many orders to expect. #}
{% macro start_of_day(day) -%}
    {%- set midnight = '(' ~ day ~ ')::timestamp' -%}
    {%- set zone = text_var('store_timezone') -%}
    {%- set an_hour_before = '((' ~ midnight ~ ' at time zone ' ~ zone ~ ") - interval '1 hour')" -%}
    case
        when {{ an_hour_before }} at time zone {{ zone }} = {{ midnight }} then {{ an_hour_before }}
        else {{ midnight }} at time zone {{ zone }}
    end
{%- endmacro %}
