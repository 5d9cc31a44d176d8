"""Contract profiles: everything the vendor's guide leaves open, as named settings of the service.

`full` is this service at its best. `minimal` is the poorest vendor that still fits the guide. A client that works
against both works against whatever lies between.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import time
from types import MappingProxyType
from typing import Any, Literal, get_type_hints

import msgspec

from enrich_pipeline.enrich_api.errors import ConfigError

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
        largest_body_bytes: bytes of one POST's body, as it comes and after decompression.
        gzip: whether a POST's body may come with `Content-Encoding: gzip`.
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
    gzip: bool
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
    gzip=True,
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
    gzip=False,
    largest_limit=100,
    precision="second",
    requests_per_minute=600,
)

PROFILES: Mapping[ProfileName, ServiceProfile] = MappingProxyType({"full": FULL, "minimal": MINIMAL})


def with_settings(profile: ServiceProfile, settings: Iterable[str]) -> ServiceProfile:
    """The profile with some settings otherwise, each `NAME=VALUE`: to stand in for a vendor that lies between the two.

    Raises:
        ConfigError: when there is no such setting, or it cannot have that value.
    """
    kinds = get_type_hints(ServiceProfile)
    changes: dict[str, Any] = {}
    for text in settings:
        name, _, value = text.partition("=")
        if name == "name" or name not in kinds:
            names = ", ".join(sorted(set(kinds) - {"name"}))
            raise ConfigError(f"There is no setting {name!r} of a contract profile. There are: {names}.")
        try:
            changes[name] = msgspec.convert("null" if value == "none" else value, kinds[name], strict=False)
        except msgspec.ValidationError:
            raise ConfigError(f"{value!r} is no value of the setting {name}.") from None
        if type(changes[name]) is int and changes[name] < 1:
            raise ConfigError(f"{name} must be at least 1.")
    return replace(profile, **changes)
