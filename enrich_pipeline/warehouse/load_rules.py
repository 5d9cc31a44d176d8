"""What a row of a raw table's file must be like before it is loaded: types, vocabularies, no row twice.

The raw tables themselves take anything their types allow, NaN and Infinity too: naming what is wrong with an order is
the marts' work. Refused here is what cannot be read, or would be read as something else without a word.
"""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Boolean, Column, Connection, Date, Numeric, Table, TextClause, text
from sqlalchemy.dialects.postgresql import TIMESTAMP

_ROWS_SHOWN = 3
_CHARACTERS_SHOWN = 60

# PostgreSQL reads more than people write: `0x1F`, `1_000`, `yesterday`, `noon`. So a value must also look like one of
# ours. Patterns of LIKE say it, at a fifth of the cost of regular expressions.
_NUMBER = """pg_input_is_valid({0}, 'numeric') AND (translate({0}, ' 0123456789.+-eE', '') = ''
    OR lower({0}) IN ('nan', 'infinity', '+infinity', '-infinity', 'inf', '+inf', '-inf'))"""
_DATE = "{0} LIKE '____-__-__' AND pg_input_is_valid({0}, 'date')"
_TIME = "{0} LIKE '____-__-_____:__%' AND pg_input_is_valid({0}, 'timestamptz')"
_AFTER_MINUTES = 17
_ZONED = f"substr({{0}}, {_AFTER_MINUTES}) LIKE ANY ('{{{{%Z,%+__,%-__,%+__:__,%-__:__,%+____,%-____}}}}')"

_VOCABULARIES: dict[tuple[str, str], tuple[str, ...]] = {
    ("refunds", "kind"): ("goods", "shipping", "discount", "manual", "gift_card"),
    ("fee_rules", "kind"): ("payment", "marketplace", "shipping", "handling"),
    ("fee_rules", "base"): ("items", "items_shipping", "items_shipping_tax"),
    ("fee_rules", "refunded"): ("none", "proportional", "all"),
}

_MONEY_FLOWS = ("sale", "capture", "authorization", "void", "refund")


class Problem(NamedTuple):
    """Something wrong with a file.

    Attributes:
        records: the records it is about, from 1.
        place: the column, or the whole row.
        message: what is there, and what is expected.
        similar: how many more records have the same wrong with them.
    """

    records: tuple[int, ...]
    place: str
    message: str
    similar: int = 0


class _Rule(NamedTuple):
    column: str
    broken: str
    """The SQL condition under which a row breaks the rule."""
    expected: str


def find_problems(connection: Connection, table: Table, staging: str) -> list[Problem]:
    """Judge a file that was copied as text into `staging`: the first rows that break each rule, then repeated rows."""
    rules = [rule for column in table.columns for rule in _rules(table.name, column)]
    problems: list[Problem] = []
    if _any_broken(connection, staging, rules):
        problems = sorted(problem for rule in rules for problem in _broken(connection, staging, rule))
    return problems + _repeated(connection, table, staging)


def _rules(table: str, column: Column[object]) -> list[_Rule]:
    name, kind = column.name, column.type
    rules: list[_Rule] = []
    if isinstance(kind, Numeric):
        rules.append(_Rule(name, f"NOT ({_NUMBER.format(name)})", "is no number; write one like -12.50"))
    elif isinstance(kind, Boolean):
        rules.append(_Rule(name, f"NOT pg_input_is_valid({name}, 'boolean')", "is no boolean; write true or false"))
    elif isinstance(kind, Date):
        rules.append(_Rule(name, f"NOT ({_DATE.format(name)})", "is no date; write one like 2026-11-23"))
    elif isinstance(kind, TIMESTAMP):
        is_time, is_zoned = _TIME.format(name), _ZONED.format(name)
        zoned = "write one like 2026-11-23T14:05:00-05:00, or with Z for UTC"
        rules.append(_Rule(name, f"NOT ({is_time})", f"is no time; {zoned}"))
        rules.append(_Rule(name, f"{is_time} AND NOT {is_zoned}", f"is a time without a zone; {zoned}"))
    if (table, name) == ("orders", "ordered_at"):
        rules.append(_Rule(name, f"{name} IS NULL", "is empty; an order without a time belongs to no day"))
    if words := _VOCABULARIES.get((table, name)):
        rules.append(_Rule(name, f"({name} IN {_list(words)}) IS NOT TRUE", f"is not one of {', '.join(words)}"))
    if (table, name) == ("order_transactions", "kind"):
        flow = f"lower(btrim({name})) IN {_list(_MONEY_FLOWS)}"
        rules.append(_Rule(name, flow, "is a flow of money and not a cost of the order; leave such rows out"))
    return rules


def _list(words: tuple[str, ...]) -> str:
    return "(" + ", ".join(f"'{word}'" for word in words) + ")"


def _any_broken(connection: Connection, staging: str, rules: list[_Rule]) -> bool:
    """Whether any rule is broken: one pass over a good file, instead of one a rule."""
    condition = " OR ".join(f"({rule.broken})" for rule in rules)
    return bool(connection.execute(_sql(f"SELECT EXISTS (SELECT FROM {staging} WHERE {condition})")).scalar_one())


def _broken(connection: Connection, staging: str, rule: _Rule) -> list[Problem]:
    rows = connection.execute(
        _sql(f"""
            SELECT record_number, left({rule.column}, {_CHARACTERS_SHOWN + 1}) AS value, count(*) OVER () AS broken
            FROM {staging} WHERE {rule.broken} ORDER BY record_number LIMIT {_ROWS_SHOWN}
        """)
    ).all()
    return [
        Problem(
            (row.record_number,),
            f"column {rule.column}",
            f"{_shown(row.value)} {rule.expected}",
            similar=row.broken - len(rows) if row is rows[-1] else 0,
        )
        for row in rows
    ]


def _repeated(connection: Connection, table: Table, staging: str) -> list[Problem]:
    columns = ", ".join(column.name for column in table.columns)
    rows = connection.execute(
        _sql(f"""
            SELECT (array_agg(record_number ORDER BY record_number))[1:2] AS records, count(*) OVER () AS repeated
            FROM {staging} GROUP BY {columns} HAVING count(*) > 1 ORDER BY min(record_number) LIMIT {_ROWS_SHOWN}
        """)
    ).all()
    return [
        Problem(
            tuple(row.records),
            "the whole row",
            "stands twice, byte for byte; leave one out",
            similar=row.repeated - len(rows) if row is rows[-1] else 0,
        )
        for row in rows
    ]


def _sql(statement: str) -> TextClause:
    # Colons are the patterns' and the slices': nothing here is a parameter.
    return text(statement.replace(":", r"\:"))


def _shown(value: str | None) -> str:
    if value is None:
        return "the field"
    return repr(value if len(value) <= _CHARACTERS_SHOWN else value[:_CHARACTERS_SHOWN] + "...")
