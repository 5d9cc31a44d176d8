"""Folders of CSV files as `enrich load` takes them: empty tables, but for the rows that a test gives."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from enrich_pipeline.warehouse.raw_tables import RAW_TABLES

ORDER = {"order_id": "1001", "ordered_at": "2026-11-22T10:00:00Z", "document_type": "sale", "currency": "USD"}
LINE = {"order_id": "1001", "line_id": "1", "sku": "TEE", "quantity": "1", "unit_price": "19.99"}
RULE = {"fee_rule_id": "card", "kind": "payment", "base": "items", "refunded": "none", "percent": "2.9"}

Rows = Sequence[Mapping[str, str]]

_COLUMNS = {table.name: [column.name for column in table.columns] for table in RAW_TABLES}


def write_folder(folder: Path, **tables: Rows) -> Path:
    """Write every raw table's file; a row names only the columns that it fills."""
    for name in _COLUMNS:
        (folder / f"{name}.csv").write_text(csv_text(name, tables.get(name, [])), encoding="utf-8", newline="")
    return folder


def csv_text(table: str, rows: Rows) -> str:
    """A table's file, every field quoted (the csv module leaves a lone carriage return bare), lines ending in LF."""
    text = io.StringIO()
    writer = csv.DictWriter(text, _COLUMNS[table], lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
