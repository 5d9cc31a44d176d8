"""What is said of a driver's error: its kind and whether the warehouse was lost, never its words."""

from __future__ import annotations

import socket

import psycopg
import pytest
from psycopg import errors
from sqlalchemy import URL, text

from enrich_pipeline.domain.errors import DayError, WarehouseLostError
from enrich_pipeline.warehouse.driver import quoting_no_row, without_rows
from enrich_pipeline.warehouse.embedded import EmbeddedPostgres, libpq_url
from enrich_pipeline.warehouse.engine import warehouse_engine


@pytest.mark.parametrize(
    "error",
    [
        psycopg.OperationalError("consuming input failed: server closed the connection unexpectedly"),
        psycopg.OperationalError("connection failed: FATAL:  the database system is starting up"),
        psycopg.OperationalError("connection failed: FATAL:  sorry, too many clients already"),
        errors.AdminShutdown(),
        errors.CrashShutdown(),
        errors.CannotConnectNow(),
        errors.ConnectionFailure(),
    ],
    ids=repr,
)
def test_a_server_that_hung_up_or_is_not_up_yet_is_lost(error: psycopg.Error) -> None:
    assert isinstance(without_rows(error), WarehouseLostError)
    with pytest.raises(WarehouseLostError, match="while copying"), quoting_no_row("copying"):
        raise error


@pytest.mark.parametrize(
    "error",
    [
        psycopg.OperationalError('connection failed: FATAL:  password authentication failed for user "enrich"'),
        psycopg.OperationalError('connection failed: FATAL:  database "shop" does not exist'),
        errors.DiskFull("row 17"),
        errors.UndefinedTable("row 17"),
        psycopg.InterfaceError("row 17"),
    ],
    ids=repr,
)
def test_a_server_that_refuses_is_not_lost_and_its_words_are_not_repeated(error: psycopg.Error) -> None:
    said = without_rows(error)
    assert type(said) is DayError
    assert str(error) not in str(said)
    assert type(error).__name__ in str(said)


def test_nobody_who_listens_is_a_lost_warehouse() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        engine = warehouse_engine(URL.create("postgresql", "user", "secret", *nobody.getsockname(), "warehouse"))
        with pytest.raises(Exception, match="refused") as caught, engine.connect():
            pass
    assert isinstance(without_rows(caught.value), WarehouseLostError)


def test_a_database_that_is_not_there_is_not_a_lost_warehouse(postgres: EmbeddedPostgres) -> None:
    with pytest.raises(psycopg.OperationalError) as caught, psycopg.connect(libpq_url(postgres.url("nowhere"))):
        pass
    assert type(without_rows(caught.value)) is DayError


def test_a_connection_that_is_terminated_is_a_lost_warehouse(database: URL) -> None:
    engine = warehouse_engine(database)
    with pytest.raises(Exception, match="terminating") as caught, engine.connect() as connection:
        connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
    assert isinstance(without_rows(caught.value), WarehouseLostError)


def test_an_error_of_ours_is_passed_on_as_it_is() -> None:
    error = ValueError("ours")
    assert without_rows(error) is error
