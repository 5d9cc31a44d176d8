"""What the OpenAPI document cannot say: `start` is not after `end`. Loaded by schemathesis, never by pytest."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import schemathesis


@schemathesis.hook
def before_call(_context: Any, case: Any, _kwargs: dict[str, Any]) -> None:
    """Put the ends of a window in order, where both are times; whatever else was generated stays."""
    query = case.query or {}
    try:
        start, end = datetime.fromisoformat(query["start"]), datetime.fromisoformat(query["end"])
        is_reversed = start > end
    except (KeyError, TypeError, ValueError):
        return
    if is_reversed:
        query["start"], query["end"] = query["end"], query["start"]
