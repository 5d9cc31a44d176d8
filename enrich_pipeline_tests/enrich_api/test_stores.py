"""Several stores in one service: strictly apart, each on its own clock."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import psycopg
import pytest
from sqlalchemy import URL

from enrich_pipeline.enrich_api.channel_orders import import_channel_orders
from enrich_pipeline.enrich_api.config import ApiConfig
from enrich_pipeline.enrich_api.database import connect
from enrich_pipeline.enrich_api.errors import ConfigError
from enrich_pipeline.enrich_api.stores import add_store, all_stores, find_store
from enrich_pipeline.warehouse.embedded import API_ROLE, EmbeddedPostgres, libpq_url
from enrich_pipeline_tests.enrich_api.wire import codes, get, held, post, row
from enrich_pipeline_tests.support.api_server import RunningApi, running_api
from enrich_pipeline_tests.support.databases import fresh_database

# 18 June, 23:30 in New York, 19 June, 12:30 in Tokyo: the oldest days inside the window are 21 and 22 May.
NOW = datetime(2025, 6, 19, 3, 30, tzinfo=UTC)
MAY_21_IN_BOTH = datetime(2025, 5, 21, 13, tzinfo=UTC)


@dataclass(frozen=True)
class TwoStores:
    api: RunningApi
    new_york: str
    tokyo: str

    def as_store(self, key: str) -> RunningApi:
        self.api.key = key
        return self.api


@pytest.fixture(scope="module")
def stores(postgres: EmbeddedPostgres) -> Iterator[TwoStores]:
    """Both know SHARED and SAME-TIME; each knows one order of its own."""
    orders = [(name, MAY_21_IN_BOTH, "USD", 1, 1) for name in ("SHARED", "OLD", "NEW-YORK-ONLY")]
    with (
        fresh_database(postgres, owner=API_ROLE) as url,
        running_api(url, now=NOW, store_timezone="America/New_York", orders=orders) as api,
    ):
        with connect(api.config) as connection:
            store = add_store(connection, "tokyo", timezone="Asia/Tokyo", currency="JPY")
            theirs = [(name, MAY_21_IN_BOTH, None, 2, 2) for name in ("SHARED", "OLD", "TOKYO-ONLY")]
            import_channel_orders(connection, theirs, store_id=store.store_id)
        yield TwoStores(api, api.key, api.replace_key(store_id=store.store_id))


def test_a_stores_key_reaches_its_own_orders_only(stores: TwoStores) -> None:
    rows = [row("NEW-YORK-ONLY"), row("TOKYO-ONLY")]

    assert codes(post(stores.as_store(stores.new_york), *rows)) == [(1, "unknown_order")]
    assert codes(post(stores.as_store(stores.tokyo), *rows)) == [(0, "unknown_order")]
    assert held(stores.as_store(stores.tokyo), "NEW-YORK-ONLY") is None


def test_the_same_order_id_is_another_order_in_another_store(stores: TwoStores) -> None:
    post(stores.as_store(stores.new_york), row("SHARED", sales_amount="10"))
    before = get(stores.as_store(stores.new_york))
    post(stores.as_store(stores.tokyo), row("SHARED", sales_amount="20"))

    found = held(stores.as_store(stores.tokyo), "SHARED")
    assert found is not None
    assert (found["sales_amount"], found["original_sales_amount"]) == (20, 2)
    assert get(stores.as_store(stores.new_york)) == before


def test_a_key_generated_anew_leaves_other_stores_keys_alone(stores: TwoStores) -> None:
    with connect(stores.api.config) as connection:
        other = add_store(connection, "third", timezone="UTC", currency="USD")
    stores.api.replace_key(store_id=other.store_id)

    for key in (stores.new_york, stores.tokyo):
        get(stores.as_store(key))


def test_each_store_is_refreshed_for_itself_by_its_own_today(stores: TwoStores) -> None:
    for key in (stores.new_york, stores.tokyo):
        post(stores.as_store(key), row("OLD", order_timestamp=MAY_21_IN_BOTH.isoformat()))
    stores.api.refresh(store="tokyo")
    tokyo, new_york = (held(stores.as_store(key), "OLD") for key in (stores.tokyo, stores.new_york))
    assert tokyo is not None
    assert new_york is not None
    assert (tokyo["status"], new_york["status"]) == ("outside_window", "pending")

    stores.api.refresh()
    new_york = held(stores.as_store(stores.new_york), "OLD")
    assert new_york is not None
    assert new_york["status"] == "applied"


def test_orders_that_name_no_currency_are_in_their_stores(stores: TwoStores) -> None:
    with psycopg.connect(stores.api.config.database_url) as connection:
        rows = connection.execute(
            "SELECT original_currency FROM enrich_api.orders WHERE order_id = 'TOKYO-ONLY'"
        ).fetchall()
    assert rows == [("JPY",)]


@pytest.fixture
def connection(api_database: URL) -> Iterator[psycopg.Connection]:
    with connect(ApiConfig(database_url=libpq_url(api_database), store_timezone="Europe/Berlin")) as connection:
        yield connection


def test_the_default_store_is_the_configurations(connection: psycopg.Connection) -> None:
    [store] = all_stores(connection)
    assert (store.name, store.timezone, store.currency) == ("default", "Europe/Berlin", "USD")


@pytest.mark.parametrize(
    ("name", "timezone", "currency", "named"),
    [
        ("default", "UTC", "USD", "already"),
        ("", "UTC", "USD", "name"),
        (" edge", "UTC", "USD", "name"),
        ("two\nlines", "UTC", "USD", "name"),
        ("x", "Mars/Olympus", "USD", "--timezone"),
        ("x", "UTC", "usd", "--currency"),
    ],
)
def test_a_store_that_cannot_be_added_is_explained(
    connection: psycopg.Connection, name: str, timezone: str, currency: str, named: str
) -> None:
    with pytest.raises(ConfigError, match=named):
        add_store(connection, name, timezone=timezone, currency=currency)


def test_an_unknown_store_is_answered_with_those_that_there_are(connection: psycopg.Connection) -> None:
    add_store(connection, "berlin", timezone="Europe/Berlin", currency="EUR")

    with pytest.raises(ConfigError, match="There are: default, berlin"):
        find_store(connection, "paris")
