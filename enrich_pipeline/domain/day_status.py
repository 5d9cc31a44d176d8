"""One day as whoever looks after the store sees it: its last receipt, its last run, and until when it can be mended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from enrich_pipeline.domain.days import WINDOW_DAYS
from enrich_pipeline.domain.receipts import Receipt, StateLine
from enrich_pipeline.domain.states import State

# Excluded for what they are: no money is missing at the vendor because of them.
_RIGHTLY_EXCLUDED = {"test_order", "not_a_sale"}

_UNVERIFIED: tuple[State, ...] = ("outside_window", "rejected", "unknown", "ready", "awaiting_refresh", "mismatched")


@dataclass(frozen=True, slots=True, kw_only=True)
class DayStatus:
    """What is known of a day.

    Attributes:
        receipt: the newest one; None before the first.
        source_orders: orders that the source had when the day was last looked at; None if never.
        computed_at: when its marts were last computed; None if never.
        last_run_id: of the last upload that began.
        last_run_at: when it began; later than the receipt's when it did not get as far as a receipt.
    """

    order_day: date
    receipt: Receipt | None = None
    source_orders: int | None = None
    computed_at: datetime | None = None
    last_run_id: str | None = None
    last_run_at: datetime | None = None

    @property
    def last_day_to_mend(self) -> date:
        """The last day on which the vendor still applies changes to this one."""
        return self.order_day + timedelta(days=WINDOW_DAYS)

    @property
    def orders(self) -> int | None:
        """Orders of the source; None when nobody has looked."""
        return self.source_orders if self.receipt is None else self.receipt.orders

    @property
    def unverified(self) -> int:
        """Orders that should be at the vendor and are not proven to be."""
        if self.receipt is None:
            return self.source_orders or 0
        return sum(self.receipt.orders_in(state) for state in _UNVERIFIED)

    @property
    def stranded(self) -> dict[str, tuple[int, Decimal]]:
        """Orders with money that does not reach the vendor, and how much, by currency.

        Rejected, outside the window, or excluded for what somebody can mend. The money is the sum of quantity x unit
        price, the one amount that an excluded order has.
        """
        found: dict[str, tuple[int, Decimal]] = {}
        for line in self.receipt.states if self.receipt else ():
            if _is_stranded(line) and line.control_total > 0:
                orders, amount = found.get(line.currency, (0, Decimal(0)))
                found[line.currency] = (orders + line.orders, amount + line.control_total)
        return found


def _is_stranded(line: StateLine) -> bool:
    if line.state == "excluded":
        return line.reason not in _RIGHTLY_EXCLUDED
    return line.state in {"rejected", "outside_window"}
