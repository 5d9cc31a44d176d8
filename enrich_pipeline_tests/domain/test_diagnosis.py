from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrich_pipeline.domain.diagnosis import Side, diagnose, find_causes, suspect_other_store

ZONE = ZoneInfo("America/New_York")


def side(sales="269.94", profit="-65.40", currency="USD", at=datetime(2025, 6, 10, 20, 19, tzinfo=UTC)):
    return Side(at, Decimal(sales), Decimal(profit), currency)


SENT = side()


def kinds(held, sent=SENT, **options):
    return [cause.kind for cause in find_causes(sent, held, zone=ZONE, **options)]


def test_equal_sides_have_no_cause_however_they_are_written():
    assert kinds(side("269.940", "-65.4", at=SENT.order_timestamp.astimezone(ZONE))) == []
    assert diagnose(SENT, SENT, zone=ZONE) is None


@pytest.mark.parametrize(
    ("held", "kind"),
    [
        (side("0", "0.00"), "zeroed"),
        (side("-65.40", "269.94"), "swapped"),
        (side("269.94", "65.40"), "sign_lost"),
        (side("269.94", "0"), "negative_dropped"),
        (side("26994", "-6540"), "hundredfold"),
        (side("26994", "-65.40"), "hundredfold"),
        (side("2.6994", "-0.654"), "hundredth"),
        (side("2.70", "-0.65"), "hundredth"),
        (side("269.94000000000005", "-65.40"), "float_noise"),
        (side("269.9400024414", "-65.4000015259"), "float_noise"),
        (side("270", "-65"), "whole_units"),
        (side("269", "-65"), "whole_units"),
        (side("269.94", "-65"), "whole_units"),
    ],
)
def test_each_way_to_spoil_an_amount_is_recognised(held, kind):
    assert kinds(held) == [kind]


@pytest.mark.parametrize("held", [side("271.10", "-65.40"), side("26994", "-65"), side("0", "-65.40")])
def test_an_amount_that_fits_no_rule_gets_no_cause(held):
    assert kinds(held) == []
    assert diagnose(SENT, held, zone=ZONE) is None


@pytest.mark.parametrize(
    ("sales", "held", "expected"),
    [
        ("-0.50", "0", ["negative_dropped"]),
        ("0.50", "0", ["whole_units"]),
        ("1.00", "0.01", ["hundredth"]),
        ("0.60", "0.01", []),
        ("2.50", "0.03", ["hundredth"]),
        ("0.01", "0.010001", ["float_noise"]),
        ("0.01", "0.0100015", []),
        ("269.94", "269", ["whole_units"]),
        ("270.00", "269", []),
    ],
)
def test_the_smallest_and_the_closest_amounts_get_the_right_cause(sales, held, expected):
    assert kinds(side(held), sent=side(sales)) == expected


def test_what_holds_a_payload_sent_earlier_is_stale_whatever_else_it_looks_like():
    first = side("0", "0")
    assert kinds(first, earlier=[side("1.00"), first]) == ["stale_revision"]


def test_an_earlier_payload_with_one_other_value_is_not_what_is_held():
    assert kinds(side("0", "0"), earlier=[side("0", "0", currency="EUR")]) == ["zeroed"]


@pytest.mark.parametrize(
    ("sent", "held", "sentence"),
    [
        (
            side(currency="EUR"),
            side(),
            (
                "It is held in USD where EUR was sent, the API's default, as if none had been sent;"
                " the amounts are the same."
            ),
        ),
        (side(), side(currency="EUR"), "It is held in EUR where USD was sent; the amounts are the same."),
        (
            side("100.00", "-50.00"),
            side("92.00", "-46.00", currency="EUR"),
            "It is held in EUR where USD was sent, converted at about 0.9200.",
        ),
        (side("100.00", "50.00"), side("92.00", "11.00", currency="EUR"), "It is held in EUR where USD was sent."),
    ],
)
def test_another_currency_is_told_as_a_label_a_default_or_a_conversion(sent, held, sentence):
    assert diagnose(sent, held, zone=ZONE) == sentence


@pytest.mark.parametrize(
    ("sent", "held", "rate"),
    [
        (("100.00", "50.00"), ("92.00", "46.10"), "0.9200"),
        (("92.00", "-46.00"), ("100.00", "-50.00"), "1.0870"),
        (("0.50", "0.50"), ("0.46", "0.46"), "0.9200"),
        (("0.00", "50.00"), ("0.01", "46.00"), "0.9200"),
        (("0.50", "50.00"), ("-0.46", "46.00"), "0.9200"),
        (("100.00", "50.00"), ("200.00", "99.00"), "2.0000"),  # a hundredth apart, no further
    ],
)
def test_the_rate_of_a_conversion_is_the_one_of_the_first_amount_that_can_have_one(sent, held, rate):
    assert diagnose(side(*sent), side(*held, currency="EUR"), zone=ZONE).endswith(f"converted at about {rate}.")


def test_a_time_shift_carries_its_hours_and_zone():
    (cause,) = find_causes(SENT, replace(SENT, order_timestamp=SENT.order_timestamp - timedelta(hours=4)), zone=ZONE)
    assert cause.kind == "time_shift"
    assert (cause.shift.by, cause.shift.zone) == (timedelta(hours=-4), "America/New_York")


def test_an_order_spoilt_in_two_ways_gets_both_causes_in_one_text():
    held = side("0", "0", at=SENT.order_timestamp - timedelta(hours=4))
    assert kinds(held) == ["zeroed", "time_shift"]
    assert diagnose(SENT, held, zone=ZONE) == (
        "Both amounts were set to 0. It is held 4 h earlier: the store's wall clock (America/New_York) was read as UTC."
    )


def test_of_an_order_that_is_not_held_nothing_can_be_recognised():
    assert diagnose(SENT, None, zone=ZONE) is None


@pytest.mark.parametrize(
    ("orders", "missing", "suspected"), [(100, 100, True), (100, 90, True), (100, 89, False), (10, 9, True)]
)
def test_a_day_that_is_nearly_all_missing_hints_at_another_stores_key(orders, missing, suspected):
    cause = suspect_other_store(orders, missing)
    assert (cause is not None) is suspected
    assert cause is None or "WORKMAGIC_API_KEY may be another store's" in cause.sentence


def test_a_handful_of_missing_orders_hints_at_nothing():
    assert suspect_other_store(9, 9) is None


cents = st.decimals(-100_000, 100_000, places=2)


@given(sales=cents, profit=cents, held_sales=st.decimals(allow_nan=False, allow_infinity=False), held_profit=cents)
def test_any_two_sides_can_be_compared(sales, profit, held_sales, held_profit):
    sent, held = side(str(sales), str(profit)), side(str(held_sales), str(held_profit))
    causes = find_causes(sent, held, zone=ZONE)
    assert len(causes) <= 1
    assert not causes or sent != held


@given(sales=cents, profit=cents)
def test_cents_taken_for_units_are_recognised_for_every_amount(sales, profit):
    sent = side(str(sales), str(profit))
    found = kinds(side(str(sales * 100), str(profit * 100)), sent=sent)
    assert found == (["hundredfold"] if sales or profit else [])
