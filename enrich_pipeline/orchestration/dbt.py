"""dbt's marts as Dagster assets: read from the manifest that `enrich prepare` keeps, never parsed at load time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import dagster as dg

from enrich_pipeline.domain.errors import SettingsError
from enrich_pipeline.orchestration.flow import ORDER_COSTS, ORDER_PROFIT, RAW_ORDERS, FlowAsset
from enrich_pipeline.orchestration.lineage import COLUMN_LINEAGE
from enrich_pipeline.orchestration.metadata import table_metadata

MANIFEST = Path("target") / "manifest.json"

_SOURCES = ("order_lines", "refunds", "refund_lines", "unit_costs", "fee_rules", "order_transactions", "fx_rates")


def raw_source_specs() -> list[dg.AssetSpec]:
    """The raw tables beside the orders: external sources, which the warehouse's own loads keep up to date."""
    return [
        dg.AssetSpec(
            source_key(table),
            group_name=RAW_ORDERS.group,
            kinds={"postgres"},
            owners=[RAW_ORDERS.owner],
            description=f"`raw.{table}`, as the brand's systems load it.",
            metadata=table_metadata(f"raw.{table}"),
        )
        for table in _SOURCES
    ]


def source_key(table: str) -> dg.AssetKey:
    """The asset key of a raw table; the orders themselves are the flow's first asset."""
    return RAW_ORDERS.key if table == "orders" else dg.AssetKey(["raw", table])


def mart_specs(project_dir: Path) -> list[dg.AssetSpec]:
    """The specs of the two marts, with descriptions, columns and lineage from dbt.

    Raises:
        SettingsError: when there is no manifest; the message says how to prepare it.
    """
    manifest = _manifest(project_dir)
    return [
        _mart_spec(manifest, ORDER_COSTS, deps=[source_key(table) for table in ("orders", *_SOURCES)]),
        _mart_spec(manifest, ORDER_PROFIT, deps=[ORDER_COSTS.key]),
    ]


def _mart_spec(manifest: dict[str, Any], flow: FlowAsset, *, deps: list[dg.AssetKey]) -> dg.AssetSpec:
    node = _model(manifest, flow.key.path[-1])
    return dg.AssetSpec(
        flow.key,
        deps=deps,
        description=node["description"],
        group_name=flow.group,
        kinds=set(flow.kinds),
        owners=[flow.owner],
        metadata={
            "dagster/table_name": flow.table,
            "dagster/column_schema": dg.TableSchema(
                columns=[
                    dg.TableColumn(column["name"], _type_name(column["data_type"]), description=column["description"])
                    for column in node["columns"].values()
                ]
            ),
            "dagster/column_lineage": dg.TableColumnLineage(
                {
                    column: [
                        dg.TableColumnDep(source_key(table) if table in _RAW else _mart_key(table), source)
                        for table, source in sources
                    ]
                    for column, sources in COLUMN_LINEAGE[flow.key.path[-1]].items()
                }
            ),
        },
    )


_RAW = {"orders", *_SOURCES}


def _mart_key(name: str) -> dg.AssetKey:
    return {ORDER_COSTS.key.path[-1]: ORDER_COSTS.key, ORDER_PROFIT.key.path[-1]: ORDER_PROFIT.key}[name]


def _model(manifest: dict[str, Any], name: str) -> dict[str, Any]:
    for node in manifest["nodes"].values():
        if node["resource_type"] == "model" and node["name"] == name:
            return node
    raise SettingsError(f"dbt's manifest has no model {name}; run `make setup` to prepare it anew.")


def _manifest(project_dir: Path) -> dict[str, Any]:
    path = project_dir / MANIFEST
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        raise SettingsError(
            f"{path} is missing; run `make setup` (or `enrich prepare`) to prepare dbt's manifest."
        ) from None


def _type_name(data_type: str) -> str:
    """As people write it: `pg_catalog.` only keeps dbt from giving numbers a scale."""
    return data_type.removeprefix("pg_catalog.")
