"""What the API's answers must look like, and what a caller gets from them.

Written from the vendor's guide and the contract profile alone; nothing is shared with the service, so that one
wrong field cannot hide in both. Amounts are decoded to Decimal from the digits that came, never through a float.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Annotated

import msgspec

AwareDatetime = Annotated[datetime, msgspec.Meta(tz=True)]


_MOST_DIGITS = 1000


def _refuse_nul(*texts: str | None) -> None:
    if any("\0" in text for text in texts if text):
        raise ValueError("a text has the character NUL in it")


class HeldOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An enriched order as the vendor holds it; what comes after `currency` is None where the vendor does not tell.

    Attributes:
        order_id: the sales channel's id.
        order_timestamp: as it was posted; zone-aware.
        sales_amount: in units of `currency`.
        profit_amount: likewise.
        currency: ISO 4217 code.
        status: `pending`, `applied` or `outside_window`; a word we do not know is kept as it came.
        original_sales_amount: what the vendor had before any enrichment.
        original_profit_amount: likewise.
        created_at: when the enrichment was first posted; zone-aware.
        updated_at: when it was last posted; zone-aware.
    """

    order_id: str
    order_timestamp: AwareDatetime
    sales_amount: Decimal
    profit_amount: Decimal
    currency: str
    status: str | None = None
    original_sales_amount: Decimal | None = None
    original_profit_amount: Decimal | None = None
    created_at: AwareDatetime | None = None
    updated_at: AwareDatetime | None = None

    def __post_init__(self) -> None:
        """Refuse what the decoder takes and no database could hold: no amounts, endless amounts, NUL in a text."""
        if not all(
            amount.is_finite() and abs(amount.adjusted()) < _MOST_DIGITS
            for amount in (self.sales_amount, self.profit_amount)
        ):
            raise ValueError("an amount is not a finite number")
        _refuse_nul(self.order_id, self.currency, self.status)


class RowError(msgspec.Struct, frozen=True, kw_only=True):
    """One order of a POST that the API refused; its neighbours are not affected.

    Attributes:
        index: the order's position in the request, from 0.
        order_id: as the API read it, or None when it could not.
        code: why, for programs: `unknown_order`, `invalid_amount`, ...
        message: why, for humans.
    """

    index: int
    order_id: str | None
    code: str
    message: str = ""

    def __post_init__(self) -> None:
        """Refuse what no database could hold."""
        _refuse_nul(self.order_id, self.code, self.message)


@dataclass(frozen=True, slots=True, kw_only=True)
class PostAnswer:
    """What became of one batch.

    Attributes:
        request_id: the vendor's name for the request, or None where it gives none.
        http_status: of the answer that counts, the last.
        attempts: requests sent; more than 1 after retries.
        latency_seconds: how long the last attempt took.
        accepted: orders the vendor took, or None where it does not tell.
        row_errors: orders it refused; empty also where it does not tell (`accepted` is None).
    """

    request_id: str | None
    http_status: int
    attempts: int
    latency_seconds: float
    accepted: int | None
    row_errors: tuple[RowError, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GetAnswer:
    """The rows of one GET, every one as it came, repeats too.

    Attributes:
        orders: in the vendor's order.
        attempts: requests sent; more than 1 after retries.
        latency_seconds: how long the last attempt took.
    """

    orders: list[HeldOrder]
    attempts: int
    latency_seconds: float


class PostReport(msgspec.Struct, frozen=True):
    """The wire form of a POST answer where the vendor reports on rows."""

    request_id: str
    received: int
    accepted: int
    rejected: int
    errors: list[RowError]

    def contradiction(self, order_count: int) -> str | None:
        """How the report contradicts itself or the `order_count` that was sent, or None when it does not."""
        indexes = {error.index for error in self.errors}
        if self.received != order_count:
            return f"it received {self.received} orders where {order_count} were sent"
        if self.accepted + self.rejected != self.received:
            return f"{self.accepted} accepted and {self.rejected} rejected are not the {self.received} it received"
        if len(indexes) != self.rejected or not indexes <= set(range(order_count)):
            return f"it rejected {self.rejected} orders and explains {len(indexes)}"
        return None


class HeldOrders(msgspec.Struct, frozen=True):
    """The wire form of a GET answer."""

    orders: list[HeldOrder]


class Problem(msgspec.Struct, frozen=True):
    """The wire form of an RFC 9457 problem document, as far as we read it; every member may be absent."""

    type: str | None = None
    title: str | None = None
    detail: str | None = None
    code: str | None = None
    request_id: str | None = None
