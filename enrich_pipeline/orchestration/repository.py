"""Puts the flow together for one store: assets, checks, job, schedule, resources."""

from __future__ import annotations

import dagster as dg

from enrich_pipeline.orchestration.assets.delivery import delivery_asset
from enrich_pipeline.orchestration.assets.order_marts import order_marts_asset
from enrich_pipeline.orchestration.assets.raw_orders import raw_orders_asset
from enrich_pipeline.orchestration.dbt import raw_source_specs
from enrich_pipeline.orchestration.jobs import daily_job
from enrich_pipeline.orchestration.partitions import store_days
from enrich_pipeline.orchestration.resources import enrich_api_resource, warehouse_resource
from enrich_pipeline.orchestration.schedules import schedules
from enrich_pipeline.orchestration.sensors import sensors
from enrich_pipeline.settings import PROJECT_ROOT, Settings


def build_definitions(settings: Settings) -> dg.Definitions:
    """The whole code location for the store that `settings` describe. Connects to nothing."""
    partitions = store_days(settings.first_day, settings.store_timezone, business_now=settings.enrich_now)
    return dg.Definitions(
        assets=[
            *raw_source_specs(),
            raw_orders_asset(partitions),
            order_marts_asset(partitions, PROJECT_ROOT / "dbt_costs"),
            delivery_asset(partitions),
        ],
        jobs=[daily_job()],
        schedules=schedules(settings),
        sensors=sensors(),
        resources={
            "warehouse": warehouse_resource(settings),
            "enrich_api": enrich_api_resource(settings),
        },
        # One process a run: the steps are a few seconds each, starting a process for each would be most of the time.
        executor=dg.in_process_executor,
    )
