"""The URLs of databases: what is one, and that a wrong one is refused with its variable's name and without itself."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest
from pydantic import SecretStr
from sqlalchemy import make_url

from enrich_pipeline.domain.errors import SettingsError
from enrich_pipeline.warehouse.embedded import Database, database_url
from enrich_pipeline.warehouse.source_database import source_engine
from enrich_pipeline_tests.support.own_server import PASSWORD

_VARIABLES = {
    "warehouse": "WAREHOUSE_URL",
    "dagster": "DAGSTER_STORAGE_URL",
    "enrich_api": "ENRICH_API_DATABASE_URL",
}
_WRONG = [
    PASSWORD,
    f"postgresql://brand:{PASSWORD}@127.0.0.1:port/x",
    f"postgresql://brand:{PASSWORD}@db..example.com/x",
    f"oracle://brand:{PASSWORD}@host/x",
]


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg", "postgresql+psycopg2"])
def test_a_postgresql_url_is_taken_in_each_of_its_usual_forms(scheme: str) -> None:
    url = database_url(SecretStr(f"{scheme}://brand@db.example.com:5433/shop"), "warehouse", data_dir=Path("unused"))
    assert url.render_as_string() == "postgresql+psycopg://brand@db.example.com:5433/shop"


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://brand@/shop?host=" + "/a-folder-with-a-long-name" * 4,
        "postgresql+psycopg://brand@" + "%2Fa-folder-with-a-long-name" * 4 + "/shop",
        "postgresql+psycopg://brand@db1.example.com,db2.example.com/shop",
    ],
)
def test_a_sockets_folder_and_several_hosts_are_taken(url: str) -> None:
    assert database_url(SecretStr(url), "warehouse", data_dir=Path("unused")) == make_url(url)


@pytest.mark.parametrize("database", get_args(Database))
@pytest.mark.parametrize("url", _WRONG)
def test_a_url_that_no_driver_reads_is_refused_by_its_variable_and_not_repeated(database: Database, url: str) -> None:
    with pytest.raises(SettingsError, match=_VARIABLES[database]) as raised:
        database_url(SecretStr(url), database, data_dir=Path("unused"))
    assert PASSWORD not in str(raised.value)


@pytest.mark.parametrize("url", _WRONG)
def test_a_source_that_no_driver_reads_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(SettingsError, match="SOURCE_URL") as raised:
        source_engine(SecretStr(url))
    assert PASSWORD not in str(raised.value)


def test_a_source_whose_driver_is_not_there_says_so() -> None:
    with pytest.raises(SettingsError, match="needs a driver that is not installed"):
        source_engine(SecretStr("mysql+nosuchdriver://brand@db.example.com/shop"))


def test_a_source_may_be_a_postgres_url_too() -> None:
    engine = source_engine(SecretStr("postgres://brand@db.example.com/shop"))
    assert engine.url.render_as_string() == "postgresql+psycopg://brand@db.example.com/shop"
    engine.dispose()
