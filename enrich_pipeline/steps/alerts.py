"""Looks for what is wrong, notes what has changed, and tells it: to the log, and to a webhook where there is one."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import date, timedelta

from sqlalchemy import Connection

from enrich_pipeline.domain.alerts import (
    WATCHED_DAYS,
    Condition,
    FinishedRun,
    TooLate,
    changes,
    conditions,
    message,
)
from enrich_pipeline.domain.days import local_day
from enrich_pipeline.domain.receipts import in_currency
from enrich_pipeline.steps.context import RunContext
from enrich_pipeline.warehouse.alerts import lock_alerts, mark_told, note_changes, open_alerts, untold_alerts
from enrich_pipeline.warehouse.day_status import day_statuses
from enrich_pipeline.warehouse.outside_changes import OutsideChange, outside_changes

_logger = logging.getLogger(__name__)


def watch(
    run: RunContext,
    *,
    runs: Sequence[FinishedRun],
    receipt_due_hour: int,
    tell: Callable[[str], object] | None,
) -> str:
    """Compare what is wrong with what was, tell the difference in one message, and return a line about it.

    May be repeated, and by several processes: what was told is noted in the warehouse by the transaction that tells it.

    Args:
        run: its business clock says which day is today.
        runs: finished runs of the last days.
        receipt_due_hour: the hour of the store's clock by which yesterday must have its receipt.
        tell: posts a message. What it raises passes through: the message stays untold, and is told the next time.
    """
    today = local_day(run.business_now, run.store.zone)
    with run.engine.begin() as connection:
        lock_alerts(connection)
        found = _conditions(connection, run, runs, receipt_due_hour, today)
        note_changes(connection, changes(open_alerts(connection), found, today=today))
    with run.engine.begin() as connection:
        lock_alerts(connection)
        told = _tell(connection, tell)
    return f"{len(found)} alerts are open; {told} changes were told."


def _conditions(
    connection: Connection, run: RunContext, runs: Sequence[FinishedRun], receipt_due_hour: int, today: date
) -> list[Condition]:
    return conditions(
        day_statuses(connection, today - timedelta(days=WATCHED_DAYS), today),
        runs=runs,
        too_late=[_too_late(change) for change in outside_changes(connection)],
        store=run.store,
        now=run.business_now,
        receipt_due_hour=receipt_due_hour,
    )


def _tell(connection: Connection, tell: Callable[[str], object] | None) -> int:
    untold = untold_alerts(connection)
    if not untold:
        return 0
    opened = [Condition(kind=a.kind, subject=a.subject, detail=a.detail) for a in untold if a.is_open]  # type: ignore[arg-type]  # written by us
    recovered = [(alert.kind, alert.subject) for alert in untold if not alert.is_open]
    said = message(opened, recovered)
    (_logger.warning if opened else _logger.info)("%s", said)
    if tell is not None:
        tell(said)
    mark_told(connection, [(alert.kind, alert.subject) for alert in untold])
    return len(untold)


def _too_late(change: OutsideChange) -> TooLate:
    money = ", ".join(
        f"sales of {in_currency(sales, currency)} {currency}" for currency, (sales, _) in sorted(change.amounts.items())
    )
    return TooLate(order_day=change.order_day, orders=change.orders, money=money or "no sales")
