"""When the data refresh comes, and what it applies."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import psycopg
import pytest
from sqlalchemy import URL

from enrich_pipeline.enrich_api.config import ApiConfig
from enrich_pipeline.enrich_api.database import Database, connect
from enrich_pipeline.enrich_api.refresh import RefreshResult, latest_due, refresh_if_due
from enrich_pipeline.enrich_api.stores import all_stores
from enrich_pipeline.warehouse.embedded import libpq_url
from enrich_pipeline_tests.enrich_api.wire import held, post, row
from enrich_pipeline_tests.support.api_server import running_api

NEW_YORK = ZoneInfo("America/New_York")
# 23:30 on 19 June in New York: today there is the 19th, and the oldest day inside the window is 22 May.
LATE_ON_THE_19TH = datetime(2025, 6, 20, 3, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("ordered_at", "status"),
    [
        (datetime(2025, 5, 22, 0, 0, tzinfo=NEW_YORK), "applied"),
        (datetime(2025, 5, 21, 23, 59, 59, tzinfo=NEW_YORK), "outside_window"),
        (datetime(2024, 1, 1, tzinfo=UTC), "outside_window"),
    ],
)
def test_an_order_is_applied_up_to_28_store_days_after_its_own(
    api_database: URL, ordered_at: datetime, status: str
) -> None:
    orders = [("A", ordered_at, "USD", 1, 1)]
    with running_api(api_database, store_timezone="America/New_York", now=LATE_ON_THE_19TH, orders=orders) as api:
        post(api, row("A", order_timestamp=ordered_at.isoformat()))
        pending = held(api, "A", start="2024-01-01T00:00:00Z")
        api.refresh()
        refreshed = held(api, "A", start="2024-01-01T00:00:00Z")

    assert pending is not None
    assert refreshed is not None
    assert (pending["status"], refreshed["status"]) == ("pending", status)


def test_the_window_can_be_lifted(api_database: URL) -> None:
    orders = [("A", datetime(2020, 1, 1, tzinfo=UTC), "USD", 1, 1)]
    with running_api(api_database, allow_outside_window=True, orders=orders) as api:
        post(api, row("A", order_timestamp="2020-01-01T00:00:00Z"))
        assert api.refresh() == RefreshResult(applied=1, outside_window=0)
        found = held(api, "A", start="2020-01-01T00:00:00Z")

    assert found is not None
    assert found["status"] == "applied"


def test_a_new_post_is_pending_again_and_a_replay_is_not(api_database: URL) -> None:
    now = datetime(2025, 6, 20, tzinfo=UTC)
    with running_api(api_database, now=now, orders=[("A", now, "USD", 1, 1)]) as api:
        post(api, row("A", sales_amount="1"))
        api.refresh()
        post(api, row("A", sales_amount="1"))
        replayed = held(api, "A")
        post(api, row("A", sales_amount="2"))
        changed = held(api, "A")
        assert api.refresh() == RefreshResult(applied=1, outside_window=0)
        assert api.refresh() == RefreshResult(applied=0, outside_window=0)

    assert replayed is not None
    assert changed is not None
    assert (replayed["status"], changed["status"]) == ("applied", "pending")


@pytest.mark.parametrize(
    ("moment", "due"),
    [
        (datetime(2025, 6, 20, 7, 0, tzinfo=UTC), datetime(2025, 6, 20, 7, 0, tzinfo=UTC)),
        (datetime(2025, 6, 20, 6, 59, 59, tzinfo=UTC), datetime(2025, 6, 19, 7, 0, tzinfo=UTC)),
        (datetime(2025, 3, 9, 12, 0, tzinfo=UTC), datetime(2025, 3, 9, 7, 0, tzinfo=UTC)),  # 23-hour day
        (datetime(2025, 11, 2, 12, 0, tzinfo=UTC), datetime(2025, 11, 2, 8, 0, tzinfo=UTC)),  # 25-hour day
    ],
)
def test_the_daily_refresh_is_due_at_three_on_the_stores_clock(moment: datetime, due: datetime) -> None:
    assert latest_due(moment, at=time(3), zone=NEW_YORK) == due


def test_a_due_refresh_comes_once_and_one_slept_through_is_made_up_for(api_database: URL) -> None:
    config = ApiConfig(database_url=libpq_url(api_database), store_timezone="America/New_York")
    with connect(config) as connection:
        connection.execute("UPDATE enrich_api.stores SET refreshed_at = '2025-06-18T12:00:00Z'")
        [store] = all_stores(connection)

    async def look(*moments: datetime) -> list[bool]:
        database = Database(config)
        await database.open()
        try:
            return [await refresh_if_due(database, config, store, moment=moment) for moment in moments]
        finally:
            await database.close()

    three = datetime(2025, 6, 19, 3, tzinfo=NEW_YORK)
    assert asyncio.run(look(three - timedelta(seconds=1))) == [False]
    assert asyncio.run(look(three + timedelta(hours=5), three + timedelta(hours=6))) == [True, False]
    with psycopg.connect(config.database_url) as connection:
        assert connection.execute("SELECT count(*) FROM enrich_api.refreshes").fetchone() == (1,)
