"""The peer: what one writes in an hour with FastAPI, pydantic and SQLite, each commit on the disk before its answer."""

from __future__ import annotations

import os
import sqlite3
import threading
from datetime import datetime
from decimal import Decimal

from fastapi import FastAPI
from pydantic import BaseModel

SCHEMA = """
PRAGMA journal_mode = WAL;
CREATE TABLE orders (
    order_id TEXT PRIMARY KEY, order_timestamp TEXT, sales_amount TEXT, profit_amount TEXT, currency TEXT
) WITHOUT ROWID;
"""
_UPDATE = """
UPDATE orders SET order_timestamp = ?, sales_amount = ?, profit_amount = ?, currency = ? WHERE order_id = ?
"""


class Order(BaseModel):
    """A row."""

    order_id: str
    order_timestamp: datetime
    sales_amount: Decimal
    profit_amount: Decimal
    currency: str = "USD"


class Batch(BaseModel):
    """A body."""

    orders: list[Order]


app = FastAPI()
_lock = threading.Lock()
_database = sqlite3.connect(os.environ.get("PLAIN_DATABASE", ":memory:"), check_same_thread=False)
_database.execute("PRAGMA synchronous = FULL")


@app.post("/enrich/orders")
def enrich(batch: Batch) -> dict[str, int]:
    """Store a batch in one commit."""
    values = [
        (o.order_timestamp.isoformat(), str(o.sales_amount), str(o.profit_amount), o.currency, o.order_id)
        for o in batch.orders
    ]
    with _lock, _database:
        accepted = _database.executemany(_UPDATE, values).rowcount
    return {"received": len(values), "accepted": accepted}
