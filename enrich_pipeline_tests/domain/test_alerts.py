"""What counts as an alert, when it begins and when it is over."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from enrich_pipeline.domain.alerts import (
    ALERT_KINDS,
    WHAT_TO_DO,
    Condition,
    FinishedRun,
    TooLate,
    changes,
    conditions,
    message,
)
from enrich_pipeline.domain.day_status import DayStatus
from enrich_pipeline.domain.receipts import Receipt, StateLine, TotalLine
from enrich_pipeline.domain.store import Store

STORE = Store(timezone="America/New_York", currency="USD")
TODAY = date(2026, 11, 25)
NOON = datetime(2026, 11, 25, 12, tzinfo=STORE.zone)
DAYS = [TODAY - timedelta(days=age) for age in range(35, -1, -1)]


def line(state: str, reason: str | None = None, orders: int = 1, money: str = "10") -> StateLine:
    return StateLine(
        state=state,
        reason=reason,
        currency="USD",
        orders=orders,
        control_total=Decimal(money),
        incomplete_lines=0,
        sales_amount=None if state == "excluded" else Decimal(money),
        profit_amount=None if state == "excluded" else Decimal(1),
    )


def receipt(day: date, *states: StateLine, **values: Any) -> Receipt:
    lines = states or (line("verified"),)
    source = TotalLine(
        currency="USD",
        orders=sum(each.orders for each in lines),
        control_total=sum((each.control_total for each in lines), Decimal(0)),
        incomplete_lines=0,
    )
    defaults: dict[str, Any] = {
        "run_id": "run",
        "partial": False,
        "sales_basis": "net",
        "source": (source,),
        "findings": 0,
        "applied": None,
        "computed_hash": "",
        "held_hash": "",
        "verified_sums_agree": True,
    }
    return Receipt(order_day=day, states=lines, **{**defaults, **values})


def days(**by_age: Receipt | DayStatus | None) -> list[DayStatus]:
    """The watched days, all verified but for `age_N=`, the day N days ago; today has no receipt yet."""
    given = {int(name.removeprefix("age_")): value for name, value in by_age.items()}
    found: list[DayStatus] = []
    for day in DAYS:
        age = (TODAY - day).days
        value = given.get(age, receipt(day) if age else None)
        found.append(value if isinstance(value, DayStatus) else DayStatus(order_day=day, receipt=value))
    return found


def wrong(statuses: list[DayStatus], **values: Any) -> dict[tuple[str, str], str]:
    defaults: dict[str, Any] = {"runs": [], "too_late": [], "store": STORE, "now": NOON, "receipt_due_hour": 6}
    return {(each.kind, each.subject): each.detail for each in conditions(statuses, **{**defaults, **values})}


def ago(age: int) -> date:
    return TODAY - timedelta(days=age)


def test_a_store_whose_days_are_verified_has_no_alert() -> None:
    assert wrong(days()) == {}


def test_findings_are_an_alert_of_their_day() -> None:
    assert wrong(days(age_3=receipt(ago(3), findings=2))) == {("findings", str(ago(3))): "2 findings"}


def test_a_day_that_does_not_add_up_is_an_alert_once_it_is_over() -> None:
    broken = {"verified_sums_agree": False}
    assert ("not_accounted_for", str(ago(2))) in wrong(days(age_2=receipt(ago(2), **broken)))
    assert wrong(days(age_0=receipt(TODAY, partial=True, **broken))) == {}


@pytest.mark.parametrize(
    ("state", "reason"),
    [("rejected", "invalid_id"), ("outside_window", None), ("excluded", "missing_cost"), ("excluded", "invalid_id")],
)
def test_money_that_cannot_go_is_an_alert(state: str, reason: str | None) -> None:
    found = wrong(days(age_2=receipt(ago(2), line("verified"), line(state, reason, 3, "120.50"))))
    assert found == {("stranded_money", str(ago(2))): "not at the vendor: 3 orders of 120.50 USD"}


@pytest.mark.parametrize(
    ("reason", "money"), [("test_order", "10"), ("not_a_sale", "10"), ("missing_cost", "0"), ("no_lines", "0")]
)
def test_what_is_rightly_excluded_or_worth_nothing_is_none(reason: str, money: str) -> None:
    assert wrong(days(age_2=receipt(ago(2), line("excluded", reason, 1, money)))) == {}


def test_the_orders_of_a_day_still_open_are_no_failure() -> None:
    assert wrong(days(age_0=receipt(TODAY, line("ready", "new"), line("rejected", "x"), partial=True))) == {}


@pytest.mark.parametrize("state", ["ready", "unknown", "mismatched", "awaiting_refresh"])
def test_unverified_orders_are_an_alert_in_the_last_days_of_the_window(state: str) -> None:
    assert wrong(days(age_24=receipt(ago(24), line(state)))) == {}
    found = wrong(days(age_25=receipt(ago(25), line(state))))
    assert found == {("near_window_end", str(ago(25))): "not verified: 1 order; the window ends on 2026-11-28"}


def test_a_day_near_the_end_that_never_got_a_receipt_is_an_alert() -> None:
    looked_at = DayStatus(order_day=ago(26), source_orders=7)
    assert list(wrong(days(age_26=looked_at))) == [("near_window_end", str(ago(26)))]


def test_yesterday_must_have_a_receipt_by_the_set_hour_of_the_stores_clock() -> None:
    without = days(age_1=None)
    assert wrong(without, now=datetime(2026, 11, 25, 5, 59, tzinfo=STORE.zone)) == {}
    late = datetime(2026, 11, 25, 11, tzinfo=UTC)  # six o'clock in New York
    assert wrong(without, now=late) == {("no_receipt", str(ago(1))): "no receipt by 06:00 on the store's clock"}


def test_a_receipt_of_the_day_while_it_was_open_is_not_its_receipt() -> None:
    (detail,) = wrong(days(age_1=receipt(ago(1), partial=True))).values()
    assert detail == "only a receipt of the day while it was open by 06:00 on the store's clock"


def test_a_store_that_never_had_a_receipt_has_not_begun() -> None:
    assert wrong([DayStatus(order_day=day) for day in DAYS]) == {}


def run(first: int, last: int, *, hour: int, succeeded: bool, run_id: str = "0123456789") -> FinishedRun:
    return FinishedRun(
        run_id=run_id,
        first=ago(first),
        last=ago(last),
        ended_at=datetime(2026, 11, 25, hour, tzinfo=UTC),
        succeeded=succeeded,
    )


def test_a_failed_run_is_one_alert_for_its_days_until_a_later_one_succeeds() -> None:
    failed = run(5, 3, hour=1, succeeded=False)
    assert wrong(days(), runs=[failed]) == {("run_failed", f"{ago(5)}..{ago(3)}"): "run 01234567 failed for 3 days"}
    assert wrong(days(), runs=[failed, run(9, 1, hour=2, succeeded=True)]) == {}


@pytest.mark.parametrize(
    ("last", "subject", "detail"),
    [
        (5, f"{ago(5)}", "run 01234567 failed"),
        (4, f"{ago(5)}..{ago(4)}", "run 01234567 failed for 2 days"),
    ],
)
def test_a_failed_run_is_told_with_its_first_and_last_day(last: int, subject: str, detail: str) -> None:
    assert wrong(days(), runs=[run(5, last, hour=1, succeeded=False)]) == {("run_failed", subject): detail}


def test_a_run_that_fails_again_is_the_same_alert() -> None:
    first = run(3, 3, hour=1, succeeded=False)
    again = run(3, 3, hour=2, succeeded=False, run_id="another one")
    assert wrong(days(), runs=[first]).keys() == wrong(days(), runs=[first, again]).keys()


def test_the_days_of_a_failed_run_that_got_their_receipt_are_not_among_its() -> None:
    failed = run(5, 3, hour=1, succeeded=False, run_id="range")
    good = {f"age_{age}": receipt(ago(age), run_id="range") for age in (5, 3)}
    assert list(wrong(days(**good), runs=[failed])) == [("run_failed", str(ago(4)))]


def test_a_day_that_a_guard_held_is_among_those_of_its_failed_run() -> None:
    held = replace(receipt(ago(4), run_id="range"), holds=("costs_are_missing: unit_costs is empty",))
    failed = run(4, 4, hour=1, succeeded=False, run_id="range")
    assert list(wrong(days(age_4=held), runs=[failed])) == [("run_failed", str(ago(4)))]


def test_a_failed_run_is_told_with_why_its_day_is_held() -> None:
    held = replace(receipt(ago(4), run_id="range"), holds=("costs_are_missing: unit_costs is empty",))
    failed = run(4, 4, hour=1, succeeded=False, run_id="range")
    (detail,) = wrong(days(age_4=held), runs=[failed]).values()
    assert detail == f"run range failed; {ago(4)}: held by costs_are_missing: unit_costs is empty"


def test_a_change_that_came_too_late_is_told_with_orders_and_money() -> None:
    found = wrong(days(), too_late=[TooLate(order_day=ago(30), orders=2, money="sales of 20 USD")])
    assert found[("changed_outside_window", str(ago(30)))].startswith("2 orders changed, sales of 20 USD;")


CONDITION = Condition(kind="findings", subject="2026-11-20", detail="2 findings")
KEY = ("findings", "2026-11-20")


def test_a_change_of_state_is_announced_once() -> None:
    first = changes([], [CONDITION], today=TODAY)
    assert (first.opened, first.recovered) == ((CONDITION,), ())
    again = changes([KEY], [CONDITION], today=TODAY)
    assert (again.opened, again.recovered) == ((), ())
    over = changes([KEY], [], today=TODAY)
    assert (over.opened, over.recovered) == ((), (KEY,))


def test_a_day_that_is_no_longer_watched_did_not_recover() -> None:
    old = ("findings", "2026-10-20")
    found = changes([old], [], today=TODAY)
    assert (found.recovered, found.expired) == ((), (old,))


def test_the_oldest_day_that_is_watched_can_still_recover() -> None:
    oldest = ("findings", str(DAYS[0]))
    found = changes([oldest], [], today=TODAY)
    assert (found.recovered, found.expired) == ((oldest,), ())


def test_a_message_says_what_is_wrong_what_to_do_and_what_is_over() -> None:
    said = message([CONDITION], [("no_receipt", "2026-11-24")])
    assert "[ALERT findings]" in said
    assert "2026-11-20: 2 findings" in said
    assert WHAT_TO_DO["findings"] in said
    assert "[RECOVERED no_receipt]" in said


def test_a_message_about_many_days_stays_short() -> None:
    many = [Condition(kind="findings", subject=str(day), detail="1 findings") for day in DAYS]
    assert "and 26 more" in message(many, [])
    assert "more" not in message(many[:10], []).splitlines()[-2]


def test_every_kind_says_what_to_do() -> None:
    assert set(WHAT_TO_DO) == set(ALERT_KINDS)
