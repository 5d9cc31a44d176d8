"""Whether what became of a day's orders adds up to what the source holds."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal, Inexact

import pytest

from enrich_pipeline.domain.receipts import Receipt, StateLine, TotalLine, in_currency, plain
from enrich_pipeline_tests.domain.test_alerts import line, receipt

DAY = date(2026, 11, 1)
STATES = (line("verified", orders=2, money="20.50"), line("excluded", "missing_cost", 1, "5"))
RECEIPT = receipt(DAY, *STATES)
(SOURCE,) = RECEIPT.source


def test_orders_are_counted_over_all_currencies_and_in_each_state() -> None:
    euros = replace(SOURCE, currency="EUR", orders=4)
    assert replace(RECEIPT, source=(SOURCE, euros)).orders == 7
    assert (RECEIPT.orders_in("verified"), RECEIPT.orders_in("excluded"), RECEIPT.orders_in("ready")) == (2, 1, 0)


def test_amounts_of_a_state_are_summed_by_currency() -> None:
    states = (*STATES, line("verified", "again", 1, "0.01"), line("ready", "new", 1, "9"))
    assert receipt(DAY, *states).amounts_in("verified") == {"USD": (Decimal("20.51"), Decimal(2))}


@pytest.mark.parametrize("unknown", ["sales_amount", "profit_amount"])
def test_a_line_without_its_amounts_adds_none(unknown: str) -> None:
    states = (line("verified"), replace(line("verified", "odd"), **{unknown: None}))
    assert receipt(DAY, *states).amounts_in("verified") == {"USD": (Decimal(10), Decimal(1))}


def test_sums_beyond_28_digits_are_exact() -> None:
    states = (line("verified", money="1E+40"), line("verified", "small", money="0.01"))
    assert receipt_of(states).amounts_in("verified")["USD"][0] == Decimal("1" + "0" * 40 + ".01")


def test_a_sum_that_cannot_be_exact_is_refused() -> None:
    states = (line("verified", money="1E+9999"), line("verified", "small", money="0.01"))
    with pytest.raises(Inexact):
        receipt_of(states).amounts_in("verified")


def receipt_of(states: tuple[StateLine, ...]) -> Receipt:
    return replace(RECEIPT, states=states)


def test_a_day_whose_states_add_up_to_the_source_is_accounted_for() -> None:
    assert RECEIPT.differences == ()
    assert RECEIPT.is_accounted_for is True


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"orders": 4}, "4 orders of 25.5 (0 incomplete lines)"),
        ({"control_total": Decimal("25.51")}, "3 orders of 25.51 (0 incomplete lines)"),
        ({"incomplete_lines": 2}, "3 orders of 25.5 (2 incomplete lines)"),
    ],
)
def test_a_day_that_does_not_add_up_says_where(values: dict[str, object], words: str) -> None:
    broken = replace(RECEIPT, source=(replace(SOURCE, **values),))
    assert broken.differences == (
        f"USD: the source has {words}, the states add up to 3 orders of 25.5 (0 incomplete lines)",
    )
    assert broken.is_accounted_for is False


def test_a_currency_that_only_one_side_knows_is_a_difference_each() -> None:
    broken = replace(RECEIPT, source=(SOURCE, replace(SOURCE, currency="EUR")), states=(*STATES, euroless()))
    assert [sentence.split(":")[0] for sentence in broken.differences] == ["no currency", "EUR"]


def euroless() -> StateLine:
    return replace(line("excluded", "invalid_currency"), currency="")


def test_incomplete_lines_are_summed_over_the_states() -> None:
    states = tuple(replace(each, incomplete_lines=2) for each in STATES)
    assert replace(RECEIPT, source=(replace(SOURCE, incomplete_lines=4),), states=states).is_accounted_for


def test_sums_read_back_that_differ_are_a_difference() -> None:
    (sentence,) = replace(RECEIPT, verified_sums_agree=False).differences
    assert "read back" in sentence


def test_a_day_whose_orders_were_all_sent_is_settled() -> None:
    assert RECEIPT.unsettled == ()


def test_orders_that_were_not_sent_or_whose_answer_is_not_known_leave_a_day_unsettled() -> None:
    sent_in_part = receipt(DAY, line("verified", orders=2), line("ready", "new", 3), line("unknown", "timeout", 1))
    assert sent_in_part.unsettled == ("4 of 6 orders were not sent, or their answer is not known",)


def test_a_day_that_guards_held_is_unsettled_for_that_alone() -> None:
    held = replace(receipt(DAY, line("ready", "new", 3)), holds=("profit_moves: too much",))
    assert held.unsettled == ("held by profit_moves: too much",)


def test_a_day_that_is_still_open_is_not_expected_to_be_sent() -> None:
    assert replace(receipt(DAY, line("ready", "new", 3)), partial=True).unsettled == ()


def test_receipts_are_equal_in_what_became_of_the_orders_not_in_the_run() -> None:
    assert RECEIPT.equals(replace(RECEIPT, run_id="another", upload_requests=9))
    for other in (
        replace(RECEIPT, order_day=date(2026, 11, 2)),
        replace(RECEIPT, source=()),
        replace(RECEIPT, states=()),
        replace(RECEIPT, computed_hash="other"),
        replace(RECEIPT, held_hash="other"),
    ):
        assert not RECEIPT.equals(other)


def test_a_receipt_from_before_requests_were_counted_has_none() -> None:
    assert (RECEIPT.upload_requests, RECEIPT.upload_retries, RECEIPT.read_requests) == (0, 0, 0)


@pytest.mark.parametrize("each", STATES)
def test_a_state_line_is_read_as_it_was_written(each: StateLine) -> None:
    assert StateLine.from_dict(each.as_dict()) == each


def test_a_source_line_is_read_as_it_was_written() -> None:
    assert TotalLine.from_dict(SOURCE.as_dict()) == SOURCE
    assert SOURCE.as_dict()["control_total"] == "25.5"


@pytest.mark.parametrize(("amount", "text"), [("10.50", "10.5"), ("100", "100"), ("1E+3", "1000"), ("0.00", "0")])
def test_an_amount_is_written_plainly(amount: str, text: str) -> None:
    assert plain(Decimal(amount)) == text


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        ("32.9", "USD", "32.90"),
        ("1E+3", "USD", "1000.00"),
        ("-0.5", "KWD", "-0.500"),
        ("32.9055", "USD", "32.9055"),
        ("1200.0", "JPY", "1200"),
        ("1.5", "", "1.5"),
        ("2", "", "2"),
        ("7", "XAU", "7"),
    ],
)
def test_an_amount_of_a_currency_has_its_decimals_and_loses_none(amount: str, currency: str, text: str) -> None:
    assert in_currency(Decimal(amount), currency) == text
