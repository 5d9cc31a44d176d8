"""What a day's costs leave open or contradict is named, with the orders and the money concerned."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from sqlalchemy import insert

from enrich_pipeline.steps.check_source import check_source_day
from enrich_pipeline.steps.compute import review_costs_of_day
from enrich_pipeline.warehouse import raw_tables
from enrich_pipeline.warehouse.cost_review import CostReview, OverRefund, OverRestock, UnclearCost, UnclearTotal
from enrich_pipeline_tests.support.small_store import SmallStore

_ADD_COST = """
    INSERT INTO raw.unit_costs (sku, effective_from, effective_to, unit_cost)
    VALUES ('B', CAST(:day AS date) + CAST(:first AS integer), CAST(:day AS date) + CAST(:last AS integer), :amount)
"""


def _cost(store: SmallStore, first: int | None, last: int | None, amount: str | None = "1.00") -> None:
    """A cost of sku B from `first` to `last`, in days after the store's day; None is open."""
    store.execute(_ADD_COST, day=store.day.day, first=first, last=last, amount=amount and Decimal(amount))


def _refund(store: SmallStore, order_id: str | None, amount: str, **columns: object) -> None:
    row = {"refund_id": f"R-{order_id}", "order_id": order_id, "refunded_at": store.day.start, "kind": "goods"}
    with store.engine.begin() as connection:
        connection.execute(insert(raw_tables.refunds), [{**row, "amount": Decimal(amount), "tax": 0, **columns}])


def _review(store: SmallStore) -> CostReview:
    run = store.context()
    store.compute(run)
    return review_costs_of_day(run, store.day)


def test_a_gap_between_two_costs_is_named_with_its_days_orders_and_money(store: SmallStore) -> None:
    store.place("O1", lines=(("B", "2", "10.00"), ("A", "1", "5.00")))
    store.place("O2", lines=(("B", "1", "10.00"),))
    _cost(store, None, -3)
    _cost(store, 2, None)
    review = _review(store)
    since, until = store.day.day - timedelta(days=2), store.day.day + timedelta(days=1)
    assert review.unclear == (UnclearCost("B", "gap", since, until, 2, "USD", Decimal(30)),)
    assert review.totals == (UnclearTotal("gap", "USD", 1, 2, Decimal(30)),)


def test_an_overlap_is_named_with_the_days_on_which_costs_contradict_each_other(store: SmallStore) -> None:
    store.place("O1", lines=(("B", "1", "10.00"),))
    _cost(store, None, 0)
    _cost(store, -1, None, "2.00")
    since, until = store.day.day - timedelta(days=1), store.day.day
    assert _review(store).unclear == (UnclearCost("B", "overlap", since, until, 1, "USD", Decimal(10)),)


def test_a_cost_without_an_amount_is_told_from_a_gap(store: SmallStore) -> None:
    store.place("O1", lines=(("B", "1", "10.00"),))
    _cost(store, None, None, None)
    assert _review(store).unclear == (UnclearCost("B", "empty", None, None, 1, "USD", Decimal(10)),)


def test_an_order_with_two_unclear_skus_counts_once_in_the_total(store: SmallStore) -> None:
    store.place("O1", lines=(("B", "1", "10.00"), ("C", "1", "1.00")))
    review = _review(store)
    assert [cost.sku for cost in review.unclear] == ["B", "C"]
    assert review.totals == (UnclearTotal("gap", "USD", 2, 1, Decimal(11)),)


def test_currencies_are_never_summed_together(store: SmallStore) -> None:
    store.place("O1", lines=(("B", "1", "10.00"),))
    store.place("O2", lines=(("B", "1", "7.00"),), currency="EUR")
    assert [(total.currency, total.money) for total in _review(store).totals] == [
        ("EUR", Decimal(7)),
        ("USD", Decimal(10)),
    ]


def test_costs_that_are_clear_leave_nothing_to_name(store: SmallStore) -> None:
    store.place("O1")
    _refund(store, "O1", "10.00")
    assert _review(store) == CostReview(
        unclear=(), totals=(), over_refunds=(), over_restocks=(), over_restocked_lines=0
    )


def test_a_refund_above_the_sale_is_reported_with_its_excess(store: SmallStore) -> None:
    store.place("O1")
    _refund(store, "O1", "12.50")
    assert _review(store).over_refunds == (OverRefund("USD", 1, Decimal("2.50")),)


def test_restocking_above_what_was_sold_is_reported_by_line(store: SmallStore) -> None:
    store.place("O1", lines=(("A", "2", "10.00"),))
    _refund(store, "O1", "5.00")
    with store.engine.begin() as connection:
        row = {"refund_id": "R-O1", "line_id": "1", "quantity": Decimal(3), "restocked": True}
        connection.execute(insert(raw_tables.refund_lines), [row])
    review = _review(store)
    assert review.over_restocks == (OverRestock("O1", "1", Decimal(2), Decimal(3)),)
    assert review.over_restocked_lines == 1


def test_refunds_without_an_order_are_summed_apart_from_what_cannot_be_read(store: SmallStore) -> None:
    _refund(store, None, "3.00")
    _refund(store, "nowhere", "4.00")
    _refund(store, "gone", "NaN")
    check = check_source_day(store.context(), store.day)
    assert (check.refunds_without_order, check.refunds_without_order_amount) == (3, Decimal(7))
