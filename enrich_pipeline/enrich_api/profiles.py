"""Contract profiles: everything the vendor's guide leaves open, as named settings of the service.

`full` is this service at its best. `minimal` is the poorest vendor that still fits the guide. A client that works
against both works against whatever lies between.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time
from types import MappingProxyType
from typing import Literal

ProfileName = Literal["full", "minimal"]
Precision = Literal["microsecond", "second"]

_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceProfile:
    """What the service answers, accepts and limits.

    Attributes:
        post_answer: `report` tells what became of each row; `empty` is `{}`, whatever became of them.
        get_row: `five_fields` as posted; `status` adds status, originals and when it was created and updated.
        shown: whether GET shows a posted row `at_once` (pending), or only `after_refresh` (until then the row as
            of the refresh before, if there was one).
        largest_batch: orders in one POST.
        largest_body_bytes: bytes of one POST's body, after decompression.
        largest_limit: the largest `limit` of a GET.
        default_limit: the `limit` of a GET that names none.
        end_inclusive: whether an order at exactly `end` belongs to the window.
        precision: of times, posted and asked for; what is finer is cut off.
        requests_per_minute: for each key, over any sixty seconds; None for no limit.
        refresh_at: the wall-clock time in the store's zone of the daily data refresh.
    """

    name: ProfileName
    post_answer: Literal["report", "empty"]
    get_row: Literal["status", "five_fields"]
    shown: Literal["at_once", "after_refresh"]
    largest_batch: int
    largest_body_bytes: int
    largest_limit: int
    default_limit: int = 100
    end_inclusive: bool = True
    precision: Precision
    requests_per_minute: int | None
    refresh_at: time = time(3)


FULL = ServiceProfile(
    name="full",
    post_answer="report",
    get_row="status",
    shown="at_once",
    largest_batch=1000,
    largest_body_bytes=8 * _MIB,
    largest_limit=1000,
    precision="microsecond",
    requests_per_minute=None,
)

MINIMAL = ServiceProfile(
    name="minimal",
    post_answer="empty",
    get_row="five_fields",
    shown="after_refresh",
    largest_batch=500,
    largest_body_bytes=1 * _MIB,
    largest_limit=100,
    precision="second",
    requests_per_minute=600,
)

PROFILES: Mapping[ProfileName, ServiceProfile] = MappingProxyType({"full": FULL, "minimal": MINIMAL})
