"""The flow, to be read first: five assets, in the order the data takes, and what they are called everywhere.

    raw_orders -> order_costs -> order_profit -> enriched_upload -> upload_verification

One partition is one store-local day. The keys are scripted against and do not change.
"""

from __future__ import annotations

from typing import NamedTuple

import dagster as dg


class FlowAsset(NamedTuple):
    """One asset of the flow: its key, where the UI groups it, what it is made with, and who answers for it."""

    key: dg.AssetKey
    group: str
    kinds: frozenset[str]
    owner: str
    table: str | None


RAW_ORDERS = FlowAsset(
    dg.AssetKey("raw_orders"), "source", frozenset({"postgres"}), "team:data-engineering", "raw.orders"
)
ORDER_COSTS = FlowAsset(
    dg.AssetKey("order_costs"), "profit", frozenset({"dbt", "postgres"}), "team:finance-data", "enrich.order_costs"
)
ORDER_PROFIT = FlowAsset(
    dg.AssetKey("order_profit"), "profit", frozenset({"dbt", "postgres"}), "team:finance-data", "enrich.order_profit"
)
ENRICHED_UPLOAD = FlowAsset(
    dg.AssetKey("enriched_upload"),
    "vendor",
    frozenset({"python", "api"}),
    "team:data-engineering",
    "enrich.upload_ledger",
)
UPLOAD_VERIFICATION = FlowAsset(
    dg.AssetKey("upload_verification"),
    "vendor",
    frozenset({"python", "api", "postgres"}),
    "team:data-engineering",
    "enrich.receipts",
)

FLOW: tuple[FlowAsset, ...] = (RAW_ORDERS, ORDER_COSTS, ORDER_PROFIT, ENRICHED_UPLOAD, UPLOAD_VERIFICATION)
"""The five assets in flow order."""

DELIVERY_STEP = "upload_and_verification"
"""The step that uploads and verifies; run config of the upload stands under this name."""

DAILY_JOB = "daily_enrichment"
DAILY_SCHEDULE = "daily_enrichment_schedule"
HOURLY_SCHEDULE = "hourly_enrichment_schedule"
LATE_CHANGES_SENSOR = "late_changes_sensor"
AWAITING_REFRESH_SENSOR = "awaiting_refresh_sensor"
ALERTS_SENSOR = "alerts_sensor"
