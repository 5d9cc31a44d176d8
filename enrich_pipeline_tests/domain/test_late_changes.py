"""Planning reruns: which days, as which runs, under which keys, and what the cursor remembers."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta

from enrich_pipeline.domain.late_changes import DayComparison, LateChangesPlan, is_full_look_due, plan

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
START = date(2026, 11, 1)


def day(number: int, current: str = "new", recorded: str | None = "old", by: str | None = "run") -> DayComparison:
    return DayComparison(order_day=START + timedelta(days=number), current=current, recorded=recorded, recorded_by=by)


def planned(*days: DayComparison, cursor: str | None = None) -> LateChangesPlan:
    return plan(cursor, days, window_start=START, probe="probe", now=NOW)


def test_adjacent_days_are_one_run_and_others_runs_of_their_own() -> None:
    ranges = [(rerun.first.day, rerun.last.day) for rerun in planned(day(0), day(1), day(3), day(5, "old")).reruns]
    assert ranges == [(1, 2), (4, 4)]
    ranges = [(rerun.first.day, rerun.last.day) for rerun in planned(day(0), day(2), day(3), day(4)).reruns]
    assert ranges == [(1, 1), (3, 5)]


def test_a_run_key_is_the_day_the_run_that_computed_it_and_its_fingerprint() -> None:
    (rerun,) = planned(day(0)).reruns
    assert rerun.run_key == "2026-11-01 run>new"


def test_a_day_that_changes_back_and_forth_has_a_new_key_each_time() -> None:
    steps = [day(0, "b", "a", "1"), day(0, "a", "b", "2"), day(0, "b", "a", "3"), day(0, "a", "b", "4")]
    assert len({rerun.run_key for step in steps for rerun in planned(step).reruns}) == 4


def test_a_change_that_comes_back_between_two_looks_is_asked_for_again() -> None:
    cursor = planned(day(0, "b", "a", "1")).cursor
    assert len(planned(day(0, "b", "a", "3"), cursor=cursor).reruns) == 1


def test_the_run_key_of_several_days_is_their_range_and_a_digest_of_their_steps() -> None:
    (rerun,) = planned(day(0), day(1)).reruns
    # Should a key ever be written otherwise, every run that waits is asked for twice.
    assert rerun.run_key == "2026-11-01..2026-11-02 8082da31fddf93662587665bc3258f5d"


def test_the_same_change_has_the_same_key_though_the_cursor_is_lost() -> None:
    assert planned(day(0), day(1)).reruns == planned(day(0), day(1)).reruns
    assert planned(day(0), day(1)).reruns != planned(day(0), day(1, "newer")).reruns


def test_a_change_is_asked_for_once() -> None:
    first = planned(day(0), day(2))
    again = planned(day(0), day(2), cursor=first.cursor)
    assert again.reruns == ()
    assert "asked for before" in again.reason


def test_a_day_that_changes_once_more_is_asked_for_once_more() -> None:
    first = planned(day(0), day(1))
    (rerun,) = planned(day(0), day(1, "newer"), cursor=first.cursor).reruns
    assert rerun.first == START + timedelta(days=1)


def test_a_day_computed_before_fingerprints_were_kept_is_run() -> None:
    assert len(planned(day(0, "new", None)).reruns) == 1


def test_days_before_the_window_are_told_and_not_run() -> None:
    found = planned(day(-1))
    assert (found.reruns, len(found.outside)) == ((), 1)
    assert "outside the window" in found.reason


def test_the_first_day_of_the_window_is_run() -> None:
    found = planned(day(0))
    assert (len(found.reruns), found.outside) == (1, ())


def test_the_reason_counts_what_is_run_what_waits_and_what_is_outside() -> None:
    assert planned().reason == "no further day has changed since it was computed."
    waiting = planned(day(0)).cursor
    assert planned(day(-1), day(0), day(1), day(2), cursor=waiting).reason == (
        "2 days changed and are run again; 1 were asked for before and have not been computed yet; "
        "1 outside the window changed and are reported."
    )


def test_a_cursor_that_an_earlier_process_kept_is_read() -> None:
    kept = {"version": 2, "requested": {"2026-11-01": "run>new"}, "probe": "probe", "looked_at": NOW.isoformat()}
    assert planned(day(0), cursor=json.dumps(kept)).reruns == ()


def test_a_cursor_of_another_version_begins_anew() -> None:
    cursor = json.dumps({"version": 1, "requested": {"2026-11-01": "run>new"}})
    assert len(planned(day(0), cursor=cursor).reruns) == 1


def test_days_are_compared_when_something_was_touched_and_every_hour() -> None:
    cursor = planned().cursor
    assert is_full_look_due(None, probe="probe", now=NOW)
    assert not is_full_look_due(cursor, probe="probe", now=NOW + timedelta(minutes=59))
    assert is_full_look_due(cursor, probe="other", now=NOW)
    assert is_full_look_due(cursor, probe="probe", now=NOW + timedelta(hours=1))
