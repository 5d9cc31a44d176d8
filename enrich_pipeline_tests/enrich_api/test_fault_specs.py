"""The language of faults, and when they strike: rules without a server."""

from __future__ import annotations

from datetime import timedelta
from typing import get_args
from zoneinfo import ZoneInfo

import pytest

from enrich_pipeline.enrich_api.errors import ConfigError
from enrich_pipeline.enrich_api.faults import Fault, FaultPlan, parse_fault
from enrich_pipeline.enrich_api.faults.plan import chooses
from enrich_pipeline.enrich_api.faults.specs import DESCRIPTIONS, FaultKind


def strikes(spec: str, *requests: tuple[str, set[str]]) -> list[bool]:
    plan = FaultPlan([parse_fault(spec)])
    return [bool(plan.strike(method, order_ids)) for method, order_ids in requests]


def test_a_fault_is_read_with_all_its_options() -> None:
    assert parse_fault("429:date,rate=0.25,count=3,after=1,method=post,seed=7,order=A,B=C") == Fault(
        kind="429", value="date", rate=0.25, count=3, after=1, method="POST", seed=7, order_id="A,B=C"
    )


@pytest.mark.parametrize("kind", get_args(FaultKind))
def test_every_kind_is_described_and_needs_no_option(kind: FaultKind) -> None:
    assert DESCRIPTIONS[kind]
    assert parse_fault("shifted:2" if kind == "shifted" else kind).kind == kind


@pytest.mark.parametrize(
    "spec",
    [
        "",
        "earthquake",
        "503,rate=2",
        "503,count=0",
        "503,count=many",
        "503,method=PUT",
        "503,colour=red",
        "503:soon",
        "latency:long",
        "shifted",
        "shifted:Mars/Base",
        "zeroed:1",
        "zeroed,method=GET",
        "truncated,method=POST",
        "no-refresh,rate=0.5",
    ],
)
def test_a_wrong_fault_is_refused(spec: str) -> None:
    with pytest.raises(ConfigError):
        parse_fault(spec)


def test_a_shift_is_a_zone_or_hours() -> None:
    assert parse_fault("shifted:Asia/Tokyo").shift_zone() == ZoneInfo("Asia/Tokyo")
    assert parse_fault("shifted:-5.5").shift_zone() == timedelta(hours=-5.5)


def test_a_count_limits_and_an_after_delays() -> None:
    assert strikes("503,count=2,after=1", *[("POST", set[str]())] * 5) == [False, True, True, False, False]


def test_a_method_and_an_order_restrict() -> None:
    requests = [("GET", {"A"}), ("POST", {"B"}), ("POST", {"A", "B"})]

    assert strikes("503,method=POST,order=A", *requests) == [False, False, True]
    assert strikes("zeroed", *requests) == [False, True, True]


def test_the_same_seed_strikes_the_same_requests() -> None:
    requests = [("POST", set[str]())] * 200

    first, again = strikes("500,rate=0.3,seed=1", *requests), strikes("500,rate=0.3,seed=1", *requests)

    assert first == again
    assert first != strikes("500,rate=0.3,seed=2", *requests)
    assert 30 < sum(first) < 90


def test_a_row_meets_the_same_fate_in_every_request() -> None:
    fault = parse_fault("zeroed,rate=0.5,seed=3")

    chosen = {number for number in range(100) if chooses(fault, f"A{number}")}

    assert chosen == {number for number in range(100) if chooses(fault, f"A{number}")}
    assert 25 < len(chosen) < 75


def test_withheld_refreshes_add_up_and_without_a_count_never_end() -> None:
    assert FaultPlan([parse_fault("no-refresh,count=2"), parse_fault("503")]).withheld_refreshes() == 2
    assert FaultPlan([parse_fault("no-refresh")]).withheld_refreshes() == 2**31 - 1
    assert FaultPlan().withheld_refreshes() == 0
