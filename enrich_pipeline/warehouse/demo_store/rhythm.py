"""When people buy: more at weekends than on Mondays, in the evening rather than at night, on the store's wall clock."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np

from enrich_pipeline.domain.days import StoreDay
from enrich_pipeline.warehouse.demo_store.money import Integers

_WEEKDAYS = (90, 88, 92, 98, 110, 120, 112)  # Monday to Sunday
_HOURS = (14, 8, 5, 4, 4, 7, 14, 26, 38, 48, 56, 60, 64, 60, 56, 55, 58, 64, 72, 82, 88, 76, 52, 28)

_SLOT_SECONDS = 1800  # every clock change moves the clock by a multiple of half an hour


def orders_a_day(days: list[date], orders_per_day: int) -> list[int]:
    """How many orders each day has: `len(days) * orders_per_day` in all, by the weekday's weight."""
    weights = np.array([_WEEKDAYS[day.weekday()] for day in days], dtype=np.int64)
    total = len(days) * orders_per_day
    until = np.cumsum(weights) * total // int(weights.sum())
    return np.diff(until, prepend=0).tolist()


def order_seconds(day: StoreDay, count: int, random: np.random.Generator) -> Integers:
    """When `count` orders of the day came in, as seconds since 1970 in UTC, ascending; none outside the day."""
    start, end = int(day.start.timestamp()), int(day.end.timestamp())
    slots = np.arange(start, end, _SLOT_SECONDS, dtype=np.int64)
    hours = [(day.start + timedelta(seconds=int(slot) - start)).astimezone(day.zone).hour for slot in slots]
    weights = np.array([_HOURS[hour] for hour in hours], dtype=np.float64)
    chosen = random.choice(slots, size=count, p=weights / weights.sum())
    width = np.minimum(_SLOT_SECONDS, end - chosen)
    return np.sort(chosen + random.integers(0, width, dtype=np.int64))
