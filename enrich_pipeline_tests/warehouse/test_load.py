"""Loading a folder: all of it or nothing, and each thing that is wrong named by file, line and column."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL, Engine, text

from enrich_pipeline.domain.errors import LoadError
from enrich_pipeline.warehouse.engine import warehouse_engine
from enrich_pipeline.warehouse.load import load_folder
from enrich_pipeline.warehouse.raw_schema import ForeignRawSchemaError, create_raw_schema
from enrich_pipeline_tests.support.raw_folder import LINE, ORDER, RULE, csv_text, write_folder

REFUND = {"refund_id": "R1", "order_id": "1001", "refunded_at": "2026-11-23T09:00:00+01:00", "kind": "goods"}
FEE = {"transaction_id": "T1", "order_id": "1001", "kind": "payment_fee", "amount": "0.88"}


@pytest.fixture
def engine(database: URL) -> Iterator[Engine]:
    engine = warehouse_engine(database)
    yield engine
    engine.dispose()


def _rows(engine: Engine, query: str) -> list[tuple[Any, ...]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def _refusal(engine: Engine, folder: Path) -> list[str]:
    """What is wrong with the folder, one problem an entry."""
    with pytest.raises(LoadError) as refused:
        load_folder(engine, folder)
    first, *problems = str(refused.value).splitlines()
    assert first == "Nothing was loaded:"
    return problems


def test_a_folder_replaces_what_every_table_held(engine: Engine, tmp_path: Path) -> None:
    load_folder(engine, write_folder(tmp_path, orders=[ORDER], order_lines=[LINE, {**LINE, "line_id": "2"}]))
    counts = load_folder(engine, write_folder(tmp_path, orders=[{**ORDER, "order_id": "2002"}]))
    assert counts["orders"] == 1
    assert _rows(engine, "SELECT order_id FROM raw.orders") == [("2002",)]
    assert _rows(engine, "SELECT count(*) FROM raw.order_lines") == [(0,)]


def test_a_refused_folder_leaves_what_was_there(engine: Engine, tmp_path: Path) -> None:
    load_folder(engine, write_folder(tmp_path, orders=[ORDER]))
    _refusal(engine, write_folder(tmp_path, orders=[{**ORDER, "order_id": "2002"}, {**ORDER, "order_discount": "x"}]))
    assert _rows(engine, "SELECT order_id FROM raw.orders") == [("1001",)]


def test_the_looked_up_columns_are_indexed_again_after_loading(engine: Engine, tmp_path: Path) -> None:
    load_folder(engine, write_folder(tmp_path))
    load_folder(engine, write_folder(tmp_path, orders=[ORDER]))
    assert ("orders_ordered_at",) in _rows(engine, "SELECT indexname FROM pg_indexes WHERE schemaname = 'raw'")


def test_columns_may_stand_in_any_order_and_lines_may_end_as_on_windows_after_a_byte_order_mark(
    engine: Engine, tmp_path: Path
) -> None:
    folder = write_folder(tmp_path)
    (folder / "unit_costs.csv").write_bytes(
        b"\xef\xbb\xbfunit_cost,sku,updated_at,currency,effective_to,effective_from\r\n"
        b'4.25,"TEE, ""blue""",,,2026-12-31,2026-01-01\r\n'
    )
    load_folder(engine, folder)
    assert _rows(engine, "SELECT sku, effective_from::text, effective_to::text, unit_cost FROM raw.unit_costs") == [
        ('TEE, "blue"', "2026-01-01", "2026-12-31", Decimal("4.25"))
    ]


def test_other_files_in_the_folder_are_left_alone(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "expected.csv").write_bytes(b"\xff\x00 not ours")
    (tmp_path / "STORE").write_text("STORE_TIMEZONE=UTC\nSTORE_CURRENCY=USD\n")
    load_folder(engine, write_folder(tmp_path))


@pytest.mark.parametrize(
    "values",
    [
        {"order_discount": "NaN"},
        {"order_discount": "Infinity", "shipping_charged": "-Infinity"},
        {"tax_total": "1234567890123456789012345678901234567890.123456"},
        {"order_discount": "-5.00"},
        {"order_discount": "1.5e-3"},
        {"order_id": "🧦-ordér"},
        {"order_id": "9" * 10_000},
        {"order_id": 'a "quoted", id'},
        {"order_id": " edges "},
        {"order_id": ""},
        {"order_id": "\\."},
        {"document_type": "whatever"},
        {"currency": "US$"},
        {"is_test": "TRUE"},
        {"updated_at": ""},
        {"cancelled_at": "2026-11-22 23:30:00.123456+05:30"},
        {"cancelled_at": "2026-11-22T23:30-0800"},
    ],
)
def test_whatever_the_marts_can_judge_is_loaded_as_it_is(
    engine: Engine, tmp_path: Path, values: dict[str, str]
) -> None:
    load_folder(engine, write_folder(tmp_path, orders=[{**ORDER, **values}]))
    for column, value in values.items():
        same = f"SELECT {column} IS NOT DISTINCT FROM nullif(:value, '')::{_type_of(column)} FROM raw.orders"
        with engine.connect() as connection:
            assert connection.execute(text(same), {"value": value}).scalar_one()


def _type_of(column: str) -> str:
    return {"is_test": "boolean", "updated_at": "timestamptz", "cancelled_at": "timestamptz"}.get(
        column, "numeric" if column in ("order_discount", "shipping_charged", "tax_total") else "text"
    )


@pytest.mark.parametrize(
    ("table", "row", "problem"),
    [
        ("orders", {**ORDER, "order_discount": "1,50"}, "order_discount: '1,50' is no number; write one like -12.50"),
        ("orders", {**ORDER, "tax_total": "0x1F"}, "tax_total: '0x1F' is no number"),
        ("orders", {**ORDER, "tax_total": "1_000"}, "tax_total: '1_000' is no number"),
        ("orders", {**ORDER, "tax_total": "$5"}, "tax_total: '$5' is no number"),
        ("orders", {**ORDER, "is_test": "perhaps"}, "is_test: 'perhaps' is no boolean; write true or false"),
        ("orders", {**ORDER, "ordered_at": ""}, "ordered_at: the field is empty; an order without a time belongs to"),
        ("orders", {**ORDER, "ordered_at": "2026-11-22T10:00:00"}, "ordered_at: '2026-11-22T10:00:00' is a time with"),
        ("orders", {**ORDER, "cancelled_at": "2026-11-22 10:00"}, "cancelled_at: '2026-11-22 10:00' is a time without"),
        ("orders", {**ORDER, "ordered_at": "2026-13-01T10:00:00Z"}, "ordered_at: '2026-13-01T10:00:00Z' is no time"),
        ("orders", {**ORDER, "ordered_at": "2026-11-22"}, "ordered_at: '2026-11-22' is no time"),
        ("orders", {**ORDER, "ordered_at": "now"}, "ordered_at: 'now' is no time; write one like 2026-11-23T14:05"),
        ("orders", {**ORDER, "updated_at": "infinity"}, "updated_at: 'infinity' is no time"),
        ("orders", {**ORDER, "tax_total": "z" * 500}, f"tax_total: '{'z' * 60}...' is no number"),
        ("order_lines", {**LINE, "quantity": "two"}, "quantity: 'two' is no number"),
        ("unit_costs", {"sku": "TEE", "effective_from": "2026-02-30"}, "effective_from: '2026-02-30' is no date"),
        ("unit_costs", {"sku": "TEE", "effective_to": "31.12.2026"}, "effective_to: '31.12.2026' is no date; write"),
        ("unit_costs", {"sku": "TEE", "effective_to": "infinity"}, "effective_to: 'infinity' is no date"),
        ("refunds", {**REFUND, "kind": "other"}, "kind: 'other' is not one of goods, shipping, discount, manual, gift"),
        ("refunds", {**REFUND, "kind": ""}, "kind: the field is not one of goods"),
        ("fee_rules", {**RULE, "kind": "tax"}, "kind: 'tax' is not one of payment, marketplace, shipping, handling"),
        ("fee_rules", {**RULE, "base": "total"}, "base: 'total' is not one of items, items_shipping, items"),
        ("fee_rules", {**RULE, "refunded": "no"}, "refunded: 'no' is not one of none, proportional, all"),
        *(
            ("order_transactions", {**FEE, "kind": kind}, f"kind: '{kind}' is a flow of money and not a cost")
            for kind in ("sale", "capture", "authorization", "void", "refund", "Refund")
        ),
    ],
)  # fmt: skip
def test_a_value_that_cannot_be_read_is_named_by_line_and_column(
    engine: Engine, tmp_path: Path, table: str, row: dict[str, str], problem: str
) -> None:
    [found] = _refusal(engine, write_folder(tmp_path, **{table: [row]}))
    assert found.startswith(f"{table}.csv, line 2, column {problem}")


def test_the_line_is_the_files_own_also_after_fields_that_hold_newlines(engine: Engine, tmp_path: Path) -> None:
    rows = [{**ORDER, "channel": "two\nlines"}, {**ORDER, "channel": 'three\r\n"\nlines'}, {**ORDER, "tax_total": "x"}]
    [problem] = _refusal(engine, write_folder(tmp_path, orders=rows))
    assert problem.startswith("orders.csv, line 7, column tax_total")


def test_a_row_repeated_byte_for_byte_is_refused_with_both_lines(engine: Engine, tmp_path: Path) -> None:
    other = {**ORDER, "order_id": "2002"}
    [problem] = _refusal(engine, write_folder(tmp_path, orders=[ORDER, other, ORDER]))
    assert problem == "orders.csv, line 2 and line 4, the whole row: stands twice, byte for byte; leave one out"


def test_an_order_id_that_stands_twice_with_another_content_is_loaded(engine: Engine, tmp_path: Path) -> None:
    load_folder(engine, write_folder(tmp_path, orders=[ORDER, {**ORDER, "channel": "pos"}]))
    assert _rows(engine, "SELECT count(*) FROM raw.orders") == [(2,)]


def test_many_problems_are_told_at_once_and_alike_ones_are_counted(engine: Engine, tmp_path: Path) -> None:
    orders = [{**ORDER, "order_id": str(number), "tax_total": "?", "is_test": "?"} for number in range(50)]
    problems = _refusal(engine, write_folder(tmp_path, orders=orders, refunds=[{**REFUND, "kind": "?"}]))
    assert [problem.split(":")[0] for problem in problems] == [
        "orders.csv, line 2, column is_test",
        "orders.csv, line 2, column tax_total",
        "orders.csv, line 3, column is_test",
        "orders.csv, line 3, column tax_total",
        "orders.csv, line 4, column is_test",
        "orders.csv, line 4, column tax_total",
        "refunds.csv, line 2, column kind",
    ]
    assert problems[4].endswith("(and 47 more like it)")


def test_no_more_than_twenty_problems_are_shown(engine: Engine, tmp_path: Path) -> None:
    folder = write_folder(tmp_path)
    (folder / "orders.csv").write_text(csv_text("orders", []) + "too,few\n" * 25)
    problems = _refusal(engine, folder)
    assert len(problems) == 21
    assert problems[-1] == "... and 5 more problems"


def _bytes_of(rows: bytes) -> bytes:
    return b"refund_id,line_id,quantity,restocked,updated_at\n" + rows


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "line 1: the file is empty; its first line must name the columns refund_id, line_id, quantity"),
        (b"refund_id,line_id,quantity,restocked\n", "line 1: column updated_at is missing"),
        (
            _bytes_of(b"").replace(b"line_id", b"lineid"),
            "line 1: column line_id is missing; column 'lineid' is not one",
        ),
        (_bytes_of(b"").replace(b"line_id", b"line_id,line_id"), "line 1: column line_id stands twice"),
        (_bytes_of(b"R1,1,1,t,\nR2,1,1\n"), "line 3: 3 fields, expected 5, as the header names"),
        (_bytes_of(b'"R\n1",1,1,t,\nR2,1,1,t,,\n'), "line 4: 6 fields, expected 5"),
        (_bytes_of(b"R1,1,1,t,\n\n"), "line 3: 1 fields, expected 5"),
        (_bytes_of(b"R1,1,1,t,\nR2,\xff\xfe,1,t,\n"), r"line 3, column line_id: b'\xff' is not UTF-8"),
        (_bytes_of(b"R1,1,1,t,\nR2,a\0b,1,t,\n"), r"line 3, column line_id: b'a\x00b' holds a NUL byte"),
        (_bytes_of(b'R1,1,1,t,\n"R2,1,1,t,\nR3,1,1,t,\n'), "line 3: a quoted field that begins here is never closed"),
        (_bytes_of(b"R1,1,1,t,\nR2,1,1,t,\r\n"), r"line 3: the line ends in b'\r\n', those before in b'\n'"),
        (_bytes_of(b"R1,1\r,1,t,\n"), "line 2: a carriage return outside quotes"),
    ],
)
def test_a_file_that_is_no_proper_csv_is_refused_with_its_line(
    engine: Engine, tmp_path: Path, content: bytes, problem: str
) -> None:
    folder = write_folder(tmp_path)
    (folder / "refund_lines.csv").write_bytes(content)
    [found] = _refusal(engine, folder)
    assert found.startswith(f"refund_lines.csv, {problem}")


def test_missing_files_are_named(engine: Engine, tmp_path: Path) -> None:
    folder = write_folder(tmp_path)
    (folder / "fx_rates.csv").unlink()
    (folder / "refunds.csv").unlink()
    with pytest.raises(LoadError, match=r"refunds\.csv, fx_rates\.csv missing"):
        load_folder(engine, folder)


def test_progress_runs_to_its_end(engine: Engine, tmp_path: Path) -> None:
    told: list[tuple[int, int, str]] = []
    folder = write_folder(tmp_path, orders=[ORDER])
    load_folder(engine, folder, on_progress=lambda done, total, what: told.append((done, total, what)))
    assert [done for done, _, _ in told] == sorted(done for done, _, _ in told)
    assert told[-1] == (told[0][1], told[0][1], "fx_rates.csv")


def test_a_raw_schema_that_somebody_else_made_is_refused_and_left_alone(engine: Engine, tmp_path: Path) -> None:
    with engine.begin() as connection:
        connection.execute(text("CREATE SCHEMA raw; CREATE TABLE raw.orders AS SELECT 'theirs' AS order_id"))
    with pytest.raises(ForeignRawSchemaError, match="WAREHOUSE_URL") as refused:
        load_folder(engine, write_folder(tmp_path))
    assert refused.value.exit_code == 2
    assert _rows(engine, "SELECT order_id FROM raw.orders") == [("theirs",)]


def test_creating_our_schema_again_keeps_what_it_holds(engine: Engine, tmp_path: Path) -> None:
    load_folder(engine, write_folder(tmp_path, orders=[ORDER]))
    with engine.begin() as connection:
        create_raw_schema(connection)
    assert _rows(engine, "SELECT count(*) FROM raw.orders") == [(1,)]
