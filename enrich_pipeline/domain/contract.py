"""What the vendor's API is taken to do wherever its guide is silent: one named setting each, in two profiles.

The guide shows a POST and a GET and says nothing of answers, errors, limits and paging. Every assumption that
code makes beyond the guide is a field here, so that another vendor is another profile, not other code.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Literal

Precision = Literal["second", "microsecond"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractProfile:
    """What a vendor's Enrich Order API can do, and how much it takes at once.

    Attributes:
        name: what settings and receipts call the profile.
        post_answers_row_errors: whether POST says which rows it refused; else it answers `{}` and says nothing.
        get_rows_carry_status: whether GET rows say if they are applied, and carry the original amounts.
        shows_rows: whether a posted row shows in GET at once, or only after the vendor's next data refresh.
        max_batch_orders: most orders in one POST.
        max_body_bytes: most bytes in one POST body.
        takes_gzip: whether a POST body may come compressed.
        max_get_limit: largest `limit` of one GET.
        end_inclusive: whether GET returns a row that stands exactly at `end`. A row at `start` always is.
        timestamp_precision: what an `order_timestamp` keeps; anything finer is cut off before it is sent.
        requests_per_minute: the rate limit, or None when there is none.
        refresh_time: when the vendor refreshes its data, on the store's wall clock.
    """

    name: str
    post_answers_row_errors: bool
    get_rows_carry_status: bool
    shows_rows: Literal["at_once", "after_refresh"]
    max_batch_orders: int
    max_body_bytes: int
    takes_gzip: bool
    max_get_limit: int
    end_inclusive: bool
    timestamp_precision: Precision
    requests_per_minute: int | None
    refresh_time: time

    @property
    def tick(self) -> timedelta:
        """The smallest step between two timestamps that the vendor can tell apart."""
        return timedelta(seconds=1) if self.timestamp_precision == "second" else timedelta(microseconds=1)


FULL = ContractProfile(
    name="full",
    post_answers_row_errors=True,
    get_rows_carry_status=True,
    shows_rows="at_once",
    max_batch_orders=1000,
    max_body_bytes=8 * 1024 * 1024,
    takes_gzip=True,
    max_get_limit=1000,
    end_inclusive=True,
    timestamp_precision="microsecond",
    requests_per_minute=None,
    refresh_time=time(3),
)
"""Our own service at its best."""

MINIMAL = ContractProfile(
    name="minimal",
    post_answers_row_errors=False,
    get_rows_carry_status=False,
    shows_rows="after_refresh",
    max_batch_orders=500,
    max_body_bytes=1024 * 1024,
    takes_gzip=False,
    max_get_limit=100,
    end_inclusive=True,
    timestamp_precision="second",
    requests_per_minute=600,
    refresh_time=time(3),
)
"""The poorest vendor that fits the guide."""

_PROFILES = {profile.name: profile for profile in (FULL, MINIMAL)}


def profile_named(name: str) -> ContractProfile:
    """The profile that `CONTRACT_PROFILE` names.

    Raises:
        ValueError: when there is none of that name.
    """
    try:
        return _PROFILES[name]
    except KeyError:
        raise ValueError(f"no contract profile is named {name!r}; there are {', '.join(_PROFILES)}") from None


def floor_instant(instant: datetime, precision: Precision) -> datetime:
    """`instant` as the vendor keeps it: whatever is finer than `precision` is cut off, never rounded up.

    Rounding up could push an order's last half-second into the next day.
    """
    return instant.replace(microsecond=0) if precision == "second" else instant
