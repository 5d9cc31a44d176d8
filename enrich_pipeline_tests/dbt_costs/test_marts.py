"""The dbt project as a whole: its contracts, its manners in a process that is not its own, and what its errors say."""

from __future__ import annotations

import json
import os
import socket
import socketserver
import threading
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL
from sqlalchemy.dialects import postgresql

from enrich_pipeline.domain.errors import DayError, SettingsError, WarehouseLostError
from enrich_pipeline.warehouse.mart_tables import order_costs, order_profit
from enrich_pipeline.warehouse.marts import compute_days
from enrich_pipeline_tests.dbt_costs.compiled_marts import PROJECT_DIR
from enrich_pipeline_tests.dbt_costs.small_store import DAY, SmallStore, line, order, sold


def manifest(prepared: Path) -> dict[str, Any]:
    return json.loads((prepared / "manifest.json").read_text())


def test_contracts_are_the_tables_that_exist(prepared: Path) -> None:
    for table in (order_costs, order_profit):
        contract = manifest(prepared)["nodes"][f"model.enrich_costs.{table.name}"]["columns"].values()
        assert [(column["name"], column["data_type"].removeprefix("pg_catalog.").upper()) for column in contract] == [
            (column.name, column.type.compile(postgresql.dialect())) for column in table.columns
        ]


def test_every_column_of_a_mart_and_every_model_is_described(prepared: Path) -> None:
    models = [node for node in manifest(prepared)["nodes"].values() if node["resource_type"] == "model"]
    assert len(models) > 20
    assert [model["name"] for model in models if not model["description"]] == []
    columns = [column for model in models for column in model["columns"].values()]
    assert [column["name"] for column in columns if not column["description"]] == []


def test_one_model_alone_reads_the_source(prepared: Path) -> None:
    nodes = manifest(prepared)["nodes"]
    parents = nodes["model.enrich_costs.order_profit"]["depends_on"]["nodes"]
    assert set(parents) == {
        "model.enrich_costs.order_costs",
        "model.enrich_costs.stg_currencies",
        "source.enrich_costs.enrich.computed_days",
    }


def test_a_run_warns_of_nothing_and_prints_nothing(store: SmallStore, capfd: pytest.CaptureFixture[str]) -> None:
    events: list[Any] = []
    store.load(*sold())

    store.compute(on_event=events.append)

    assert events
    assert [event.info.msg for event in events if event.info.level in {"warn", "error"}] == []
    assert capfd.readouterr() == ("", "")


def test_the_log_goes_where_it_is_asked_to(store: SmallStore, tmp_path: Path) -> None:
    store.compute(work_dir=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["dbt.log"]
    assert "enrich.order_profit" in (tmp_path / "dbt.log").read_text()


def test_a_run_leaves_the_environment_as_it_was(store: SmallStore) -> None:
    before = dict(os.environ)
    store.compute()
    assert dict(os.environ) == before


def test_a_second_run_in_one_process_computes_its_own_days(store: SmallStore) -> None:
    store.load(order("A"), line("A"), order("B", ordered_at="2026-03-11T12:00:00Z"), line("B"))
    store.compute(DAY)
    store.compute(DAY.replace(day=11))
    assert [row["order_id"] for row in store.profits()] == ["A", "B"]


def test_a_failed_run_says_why_and_changes_nothing(store: SmallStore) -> None:
    store.load(*sold())
    store.compute()

    with pytest.raises(DayError, match=r"(?s)2026-03-10.*sales_basis is 'best'; it must be one of net, "):
        store.compute(sales_basis="best", marts=["order_profit"])

    assert len(store.profits()) == 1


def test_a_warehouse_that_hangs_up_on_dbt_is_lost_and_nothing_is_changed(store: SmallStore) -> None:
    store.load(*sold())

    def hang_up(event: Any) -> None:
        # At the last moment: before it, dbt opens its connection anew.
        if event.info.name == "SQLQuery" and "insert into" in event.data.sql:
            store.query("""
                SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE application_name = 'enrich_pipeline dbt' AND datname = current_database()
            """)

    with pytest.raises(WarehouseLostError, match="2026-03-10"):
        store.compute(on_event=hang_up)
    assert store.profits() == []


def test_a_database_that_is_not_there_is_not_a_lost_warehouse(store: SmallStore) -> None:
    with pytest.raises(DayError, match="nowhere") as caught:
        SmallStore(store.url.set(database="nowhere"), store.compiler).compute()
    assert not caught.value.retryable


def test_an_unprepared_project_says_how_to_prepare_it(store: SmallStore, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="enrich prepare"):
        store.compute(target_dir=tmp_path)


def test_an_error_does_not_carry_the_password(store: SmallStore) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = URL.create("postgresql", "user", "hunter2", *nobody.getsockname(), "warehouse")
        with pytest.raises(DayError) as caught:
            compute_days(
                url=url,
                project_dir=PROJECT_DIR,
                store=store.store,
                first=DAY,
                last=DAY,
                run_id="run",
                target_dir=store.compiler.prepared,
            )
    assert "127.0.0.1" in str(caught.value)
    assert "hunter2" not in str(caught.value)


class _ToSocket(socketserver.BaseRequestHandler):
    """Passes a TCP connection on to the server's Unix socket."""

    def handle(self) -> None:
        with socket.socket(socket.AF_UNIX) as target:
            target.connect(self.server.socket_path)  # type: ignore[attr-defined]  # set below
            back = threading.Thread(target=_pump, args=(target, self.request))
            back.start()
            _pump(self.request, target)
            back.join()


def _pump(source: socket.socket, target: socket.socket) -> None:
    while data := source.recv(65536):
        target.sendall(data)
    target.shutdown(socket.SHUT_WR)


def test_a_warehouse_is_reached_over_tcp_too(store: SmallStore) -> None:
    store.load(*sold())
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _ToSocket) as server:
        server.socket_path = f"{store.url.query['host']}/.s.PGSQL.5432"  # type: ignore[attr-defined]  # the handler's
        threading.Thread(target=server.serve_forever).start()
        url = URL.create("postgresql+psycopg", store.url.username, "any@/:", *server.server_address, store.url.database)
        try:
            SmallStore(url, store.compiler).compute()
        finally:
            server.shutdown()
    assert len(store.profits()) == 1
