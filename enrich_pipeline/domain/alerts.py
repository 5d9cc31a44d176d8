"""What is worth waking somebody for, and when to say so: once when it begins, once when it is over. Pure.

A condition is a kind and a subject, a day or a range of days; while it lasts it is one alert, however many runs see it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal, get_args

from enrich_pipeline.domain.day_status import DayStatus
from enrich_pipeline.domain.days import WINDOW_DAYS, local_day
from enrich_pipeline.domain.receipts import Receipt, in_currency
from enrich_pipeline.domain.store import Store

AlertKind = Literal[
    "run_failed",
    "no_receipt",
    "findings",
    "not_accounted_for",
    "stranded_money",
    "near_window_end",
    "changed_outside_window",
]

ALERT_KINDS: tuple[AlertKind, ...] = get_args(AlertKind)

WATCHED_DAYS = 35
"""Days before today that are looked at: the window, and a week in which what went wrong at its end still shows."""

_NEAR_THE_END = timedelta(days=WINDOW_DAYS - 3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """Something that is wrong now."""

    kind: AlertKind
    subject: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishedRun:
    """A run of Dagster's that ended, for one day or a range of days, both included."""

    run_id: str
    first: date
    last: date
    ended_at: datetime
    succeeded: bool

    def covers(self, day: date) -> bool:
        """Whether the run was for this day."""
        return self.first <= day <= self.last


@dataclass(frozen=True, slots=True, kw_only=True)
class TooLate:
    """A day outside the window that changed: how many orders, and their sales by currency, as a person reads it."""

    order_day: date
    orders: int
    money: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What is to be announced: conditions that are new, and alerts, as (kind, subject), that are over or too old."""

    opened: tuple[Condition, ...]
    recovered: tuple[tuple[str, str], ...]
    expired: tuple[tuple[str, str], ...]


def changes(open_alerts: Iterable[tuple[str, str]], conditions: Sequence[Condition], *, today: date) -> Changes:
    """Compare what was open with what is wrong now.

    A day that is no longer watched did not recover: its alert ends without a word.
    """
    known = set(open_alerts)
    present = {(condition.kind, condition.subject): condition for condition in conditions}
    over = known - present.keys()
    horizon = (today - timedelta(days=WATCHED_DAYS)).isoformat()
    # A subject begins with its first day, which sorts as text.
    expired = {alert for alert in over if alert[1][:10] < horizon}
    return Changes(
        opened=tuple(condition for alert, condition in present.items() if alert not in known),
        recovered=tuple(sorted(over - expired)),
        expired=tuple(sorted(expired)),
    )


def conditions(
    days: Sequence[DayStatus],
    *,
    runs: Sequence[FinishedRun],
    too_late: Sequence[TooLate],
    store: Store,
    now: datetime,
    receipt_due_hour: int,
) -> list[Condition]:
    """Everything that is wrong now.

    Args:
        days: the watched days, ascending.
        runs: finished runs of the last days, in any order.
        too_late: changed days outside the window.
        store: whose zone says what day it is.
        now: the business clock, zone-aware.
        receipt_due_hour: the hour, on the store's clock, by which yesterday must have a receipt.
    """
    today = local_day(now, store.zone)
    return [
        *_failed_runs(days, runs),
        *missing_receipt(days, store=store, now=now, due_hour=receipt_due_hour),
        *(found for day in days for found in _of_day(day, today)),
        *(
            Condition(
                kind="changed_outside_window",
                subject=day.order_day.isoformat(),
                detail=f"{_orders(day.orders)} changed, {day.money}; the vendor does not apply that by itself",
            )
            for day in too_late
        ),
    ]


def missing_receipt(days: Sequence[DayStatus], *, store: Store, now: datetime, due_hour: int) -> list[Condition]:
    """Yesterday without a receipt of the whole day, once that is due. A store that never had one has not begun."""
    today = local_day(now, store.zone)
    yesterday = today - timedelta(days=1)
    if now.astimezone(store.zone).hour < due_hour or not any(day.receipt for day in days):
        return []
    receipt = next((day.receipt for day in days if day.order_day == yesterday), None)
    if receipt is not None and not receipt.partial:
        return []
    state = "only a receipt of the day while it was open" if receipt else "no receipt"
    return [
        Condition(
            kind="no_receipt", subject=yesterday.isoformat(), detail=f"{state} by {due_hour:02}:00 on the store's clock"
        )
    ]


def _of_day(day: DayStatus, today: date) -> list[Condition]:
    subject, receipt = day.order_day.isoformat(), day.receipt
    found: list[Condition] = []
    if receipt is not None and receipt.findings:
        found.append(Condition(kind="findings", subject=subject, detail=f"{receipt.findings} findings"))
    if receipt is not None and not receipt.partial:
        if not receipt.is_accounted_for:
            found.append(Condition(kind="not_accounted_for", subject=subject, detail="; ".join(receipt.differences)))
        if day.stranded:
            money = ", ".join(
                f"{_orders(orders)} of {in_currency(amount, currency or '')} {currency or '(no currency)'}"
                for currency, (orders, amount) in sorted(day.stranded.items())
            )
            found.append(Condition(kind="stranded_money", subject=subject, detail=f"not at the vendor: {money}"))
    if today - day.order_day >= _NEAR_THE_END and day.unverified:
        found.append(
            Condition(
                kind="near_window_end",
                subject=subject,
                detail=f"not verified: {_orders(day.unverified)}; the window ends on {day.last_day_to_mend}",
            )
        )
    return found


def _failed_runs(days: Sequence[DayStatus], runs: Sequence[FinishedRun]) -> list[Condition]:
    """A failed run for as long as no later run of its days succeeded; days that its receipts settle are none of its."""
    failing: dict[str, list[DayStatus]] = {}
    newest_first = sorted(runs, key=lambda run: run.ended_at, reverse=True)
    for day in days:
        last = next((run for run in newest_first if run.covers(day.order_day)), None)
        if last is None or last.succeeded:
            continue
        if not _is_settled_by(last, day.receipt):
            failing.setdefault(last.run_id, []).append(day)
    return [_run_failed(run_id, covered) for run_id, covered in failing.items()]


def _run_failed(run_id: str, covered: Sequence[DayStatus]) -> Condition:
    """The alert of a run, with why the first of its days is unsettled, where its receipts say so."""
    first, last = covered[0].order_day, covered[-1].order_day
    detail = f"run {run_id[:8]} failed" + (f" for {len(covered)} days" if len(covered) > 1 else "")
    for day in covered:
        if day.receipt is not None and day.receipt.run_id == run_id and day.receipt.unsettled:
            detail += f"; {day.order_day}: {'; '.join(day.receipt.unsettled)}"
            break
    return Condition(
        kind="run_failed", subject=first.isoformat() if first == last else f"{first}..{last}", detail=detail
    )


def _is_settled_by(run: FinishedRun, receipt: Receipt | None) -> bool:
    return receipt is not None and receipt.run_id == run.run_id and receipt.is_accounted_for and not receipt.unsettled


WHAT_TO_DO: Mapping[AlertKind, str] = {
    "run_failed": "Open the run in Dagster: its error says what happened. Running the same days again is safe.",
    "no_receipt": "See whether the daily schedule and its daemon run (`enrich doctor`), then `enrich run` for the day.",
    "findings": "enrich.mismatches names each with its likely cause. Running the day again sends what differs.",
    "not_accounted_for": "Run the day again, from raw_orders on.",
    "stranded_money": "enrich.order_states says which orders and why: complete the costs, or tell the vendor.",
    "near_window_end": "Run the days now: afterwards the vendor applies no change by itself.",
    "changed_outside_window": "Agree it with the vendor, then run the day with --allow-outside-window, or let it be.",
}
"""The first thing to do about each kind; the runbook has the rest."""

_TITLES: Mapping[AlertKind, str] = {
    "run_failed": "A run failed",
    "no_receipt": "Yesterday has no receipt",
    "findings": "What the vendor holds differs",
    "not_accounted_for": "A day does not add up",
    "stranded_money": "Money does not reach the vendor",
    "near_window_end": "Unverified orders near the end of the window",
    "changed_outside_window": "A day changed after its window had ended",
}

_SHOWN = 10


def message(opened: Sequence[Condition], recovered: Sequence[tuple[str, str]]) -> str:
    """One message for all that changed: a paragraph a kind, first what is wrong, then what is over."""
    paragraphs: list[str] = []
    for kind in ALERT_KINDS:
        lines = [f"{each.subject}: {each.detail}" for each in opened if each.kind == kind]
        if lines:
            paragraphs.append(f"[ALERT {kind}] {_TITLES[kind]}\n{_listed(lines)}\n{WHAT_TO_DO[kind]}")
    for kind in ALERT_KINDS:
        subjects = [subject for of_kind, subject in recovered if of_kind == kind]
        if subjects:
            paragraphs.append(f"[RECOVERED {kind}] {_TITLES[kind]}: no longer\n{_listed(subjects)}")
    return "\n\n".join(paragraphs)


def _listed(lines: list[str]) -> str:
    more = [f"- and {len(lines) - _SHOWN} more"] if len(lines) > _SHOWN else []
    return "\n".join([*(f"- {line}" for line in lines[:_SHOWN]), *more])


def _orders(count: int) -> str:
    return "1 order" if count == 1 else f"{count} orders"
