"""Filters and pages from a query string. A page begins after the last row of the one before, however far in it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from starlette.datastructures import QueryParams

PAGE_ROWS = 50

Outcome = Literal["", "succeeded", "failed", "rejected"]


@dataclass(frozen=True, slots=True)
class Filters:
    """What a list is narrowed to. Times are typed on the store's wall clock; one that cannot be read is left out.

    Attributes:
        search: an id or the beginning of one.
        choice: the page's own selection: a status, an outcome or a code.
        start: the first instant, or None.
        end: the instant after the last, or None.
        start_text: as typed.
        end_text: as typed.
        method: of a request.
        after: where the page begins: the last row of the page before.
    """

    search: str = ""
    choice: str = ""
    start: datetime | None = None
    end: datetime | None = None
    start_text: str = ""
    end_text: str = ""
    method: str = ""
    after: str = ""

    @property
    def are_set(self) -> bool:
        """Whether anything is left out."""
        return bool(self.search or self.choice or self.start or self.end or self.method)

    def query(self, **changes: str) -> str:
        """The query string of these filters, with changes; empty ones are left out."""
        values = {
            "search": self.search,
            "choice": self.choice,
            "from": self.start_text,
            "to": self.end_text,
            "method": self.method,
        } | changes
        return urlencode({name: value for name, value in values.items() if value})


def read_filters(query: QueryParams, zone: ZoneInfo) -> Filters:
    """Read the filters of a request."""
    start_text, end_text = query.get("from", ""), query.get("to", "")
    start, end = _moment(start_text, zone), _moment(end_text, zone)
    return Filters(
        search=plain(query.get("search", "")).strip(),
        choice=plain(query.get("choice", "")),
        start=start,
        end=end,
        start_text=start_text if start else "",
        end_text=end_text if end else "",
        method=query.get("method", "") if query.get("method") in {"GET", "POST"} else "",
        after=plain(query.get("after", "")),
    )


def _moment(text: str, zone: ZoneInfo) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)


def plain(text: str) -> str:
    """Text as PostgreSQL can take it: it has no character zero."""
    return text.replace("\x00", "")
