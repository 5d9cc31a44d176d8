"""Which days guards hold, and what they say."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrich_pipeline.domain.guards import CurrencyChange, DayFacts, GuardLimits, guard_day

LIMITS = GuardLimits(
    excluded_share=Decimal("0.5"),
    changed_share=Decimal("0.5"),
    profit_share=Decimal("0.5"),
    zeroed_share=Decimal("0.1"),
    fewest_orders=10,
)


def facts(**values: Any) -> DayFacts:
    return DayFacts(**{"source_orders": 100, "computed_orders": 100, "exclusions": {}, **values})


def change(**values: Any) -> CurrencyChange:
    counts = {"held": 100, "new": 0, "changed": 0, "again": 0, "zeroed": 0}
    amounts = dict.fromkeys(
        ("sales_before", "sales_after", "profit_before", "profit_after", "profit_moved"), Decimal(0)
    )
    return CurrencyChange(**{"currency": "USD", **counts, **amounts, "profit_held": Decimal(1000), **values})


def guards(day: DayFacts, *changes: CurrencyChange, limits: GuardLimits = LIMITS) -> list[str]:
    return [hold.guard for hold in guard_day(day, changes, limits)]


def test_a_usual_day_is_sent() -> None:
    usual = change(new=3, changed=20, profit_moved=Decimal(500))
    assert guards(facts(exclusions={"missing_cost": 50}), usual) == []


def test_a_day_without_orders_after_days_with_many_is_held() -> None:
    empty = facts(source_orders=0, computed_orders=0, orders_before=(40, 10, 30))
    assert guards(empty) == ["source_is_empty"]


@pytest.mark.parametrize("values", [{"orders_before": (40, 9, 30)}, {"orders_before": ()}, {"is_open": True}])
def test_a_day_without_orders_is_not_held_where_that_happens_or_it_has_only_begun(values: dict[str, Any]) -> None:
    quiet = {"source_orders": 0, "computed_orders": 0, "orders_before": (40, 10, 30), **values}
    assert guards(facts(**quiet)) == []


def test_the_first_day_of_a_store_may_be_empty_however_few_orders_count() -> None:
    limits = GuardLimits(fewest_orders=1)
    assert guards(facts(source_orders=0, computed_orders=0), limits=limits) == []


def test_a_day_that_lost_orders_on_the_way_is_held() -> None:
    assert guards(facts(computed_orders=99)) == ["orders_are_lost"]


def test_a_day_that_got_further_orders_on_the_way_is_sent() -> None:
    assert guards(facts(computed_orders=101)) == []


def test_a_day_is_held_when_there_are_no_costs_at_all() -> None:
    assert guards(facts(exclusions={"missing_cost": 1}, has_costs=False)) == ["costs_are_missing"]


def test_a_store_whose_lines_bring_their_costs_needs_no_list_of_them() -> None:
    assert guards(facts(has_costs=False)) == []


def test_a_day_of_which_most_lack_a_cost_is_held() -> None:
    assert guards(facts(exclusions={"missing_cost": 50, "no_lines": 1})) == ["costs_are_missing"]


def test_a_day_of_which_most_are_excluded_is_held() -> None:
    assert guards(facts(exclusions={"incomplete_line": 50, "missing_cost": 1})) == ["too_many_excluded"]


def test_orders_that_the_source_itself_marks_hold_nothing() -> None:
    assert guards(facts(exclusions={"test_order": 60, "not_a_sale": 30})) == []


def test_a_day_that_would_change_most_of_what_is_held_is_held() -> None:
    assert guards(facts(), change(changed=51)) == ["too_many_changed"]


def test_a_day_that_would_move_most_of_the_profit_is_held_whatever_its_direction() -> None:
    assert guards(facts(), change(changed=10, profit_moved=Decimal("500.01"))) == ["profit_moves"]


def test_a_day_that_would_become_0_is_held() -> None:
    assert guards(facts(), change(changed=11, zeroed=11)) == ["amounts_are_zeroed"]


def test_each_currency_is_judged_by_itself() -> None:
    euro = change(currency="EUR", held=20, changed=11)
    assert guards(facts(), change(changed=40), euro) == ["too_many_changed"]


def test_few_orders_hold_nothing() -> None:
    few = change(held=9, changed=9, zeroed=9, profit_moved=Decimal(999))
    assert guards(facts(source_orders=9, computed_orders=9, exclusions={"missing_cost": 9}), few) == []


@given(changed=st.integers(0, 1000), moved=st.decimals(0, 10**9, places=2))
def test_a_limit_of_1_is_off(changed: int, moved: Decimal) -> None:
    one = Decimal(1)
    off = GuardLimits(excluded_share=one, changed_share=one, profit_share=one, zeroed_share=one)
    wild = change(held=changed // 2, changed=changed, zeroed=changed, profit_moved=moved)
    assert guards(facts(exclusions={"incomplete_line": 100}), wild, limits=off) == []


@given(part=st.integers(10, 100), limit=st.decimals("0", "0.99", places=2))
def test_a_share_holds_above_its_limit_and_not_at_it(part: int, limit: Decimal) -> None:
    limits = GuardLimits(excluded_share=limit, fewest_orders=10)
    held = guards(facts(exclusions={"incomplete_line": part}), limits=limits)
    assert bool(held) == (Decimal(part) / 100 > limit)


def test_what_a_guard_says_names_what_to_do() -> None:
    days = (facts(exclusions={"missing_cost": 51}), facts(exclusions={"no_lines": 51}), facts(computed_orders=9))
    said = [hold.message for day in days for hold in guard_day(day, [], LIMITS)]
    assert all("run the day again" in message for message in said)
    assert "51 of 100 orders are excluded, 51 of them as missing_cost. Complete unit_costs" in said[0]
    assert "51 of 100 orders are excluded, 51 of them as no_lines. Mend the source" in said[1]
