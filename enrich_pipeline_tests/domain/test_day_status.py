"""A day as whoever looks after the store sees it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from enrich_pipeline.domain.day_status import DayStatus
from enrich_pipeline_tests.domain.test_alerts import line, receipt

DAY = date(2026, 11, 1)


def test_a_day_can_be_mended_until_its_window_ends() -> None:
    assert DayStatus(order_day=DAY).last_day_to_mend == date(2026, 11, 29)


def test_the_orders_of_a_day_are_its_receipts_and_before_that_the_sources() -> None:
    assert DayStatus(order_day=DAY).orders is None
    assert DayStatus(order_day=DAY, source_orders=7).orders == 7
    assert DayStatus(order_day=DAY, source_orders=7, receipt=receipt(DAY, line("verified", orders=5))).orders == 5


def test_without_a_receipt_no_order_is_verified() -> None:
    assert DayStatus(order_day=DAY).unverified == 0
    assert DayStatus(order_day=DAY, source_orders=7).unverified == 7


def test_an_excluded_order_waits_for_no_verification() -> None:
    states = (line("verified", orders=1), line("excluded", "test_order", 2), line("ready", "new", 4))
    assert DayStatus(order_day=DAY, receipt=receipt(DAY, *states)).unverified == 4


def test_stranded_money_is_summed_by_currency_and_counts_the_smallest_amount() -> None:
    states = (line("rejected", "x", 2, "0.01"), line("outside_window", None, 3, "5"), line("ready", "new", 9, "70"))
    assert DayStatus(order_day=DAY, receipt=receipt(DAY, *states)).stranded == {"USD": (5, Decimal("5.01"))}
