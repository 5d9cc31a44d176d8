"""`order_costs` and `order_profit`: the marts that dbt computes, a range of days in one go."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg

from enrich_pipeline.orchestration.dbt import mart_specs
from enrich_pipeline.orchestration.flow import ORDER_COSTS, ORDER_PROFIT
from enrich_pipeline.orchestration.metadata import profit_metadata
from enrich_pipeline.orchestration.partitions import selected_days
from enrich_pipeline.orchestration.resources import WarehouseResource
from enrich_pipeline.steps.compute import compute_profit
from enrich_pipeline.warehouse.day_profit import DayProfit, day_profit

COSTS_ARE_COMPLETE = dg.AssetCheckSpec(
    "costs_are_complete",
    asset=ORDER_PROFIT.key,
    description="Every order that should be sent has a cost for each line, one fee rule, and its exchange rates.",
)

_INCOMPLETE = ("missing_cost", "ambiguous_cost", "ambiguous_fee", "missing_fx")


def order_marts_asset(partitions: dg.DailyPartitionsDefinition, project_dir: Path) -> dg.AssetsDefinition:
    """Build the two marts' asset from dbt's kept manifest."""

    @dg.multi_asset(
        name="order_marts",
        specs=mart_specs(project_dir),
        check_specs=[COSTS_ARE_COMPLETE],
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def order_marts(
        context: dg.AssetExecutionContext, warehouse: WarehouseResource
    ) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
        days = selected_days(context, warehouse.store_timezone)
        incomplete: dict[str, int] = {}
        with warehouse.run_context(context.run_id) as run:
            compute_profit(
                run, days[0], days[-1], url=warehouse.url(), project_dir=project_dir, log_dir=warehouse.log_dir()
            )
            for day in days:
                with run.engine.connect() as connection:
                    profit = day_profit(connection, day.day)
                context.log.info(
                    "%s: profit of %d orders, %d excluded", day.key, profit.computed, sum(profit.exclusions.values())
                )
                context.add_asset_metadata(
                    {"dagster/partition_row_count": profit.components}, ORDER_COSTS.key, partition_key=day.key
                )
                context.add_asset_metadata(profit_metadata(profit), ORDER_PROFIT.key, partition_key=day.key)
                if count := _without_cost(profit):
                    incomplete[day.key] = count
        yield dg.MaterializeResult(asset_key=ORDER_COSTS.key)
        yield dg.MaterializeResult(asset_key=ORDER_PROFIT.key)
        yield dg.AssetCheckResult(
            asset_key=ORDER_PROFIT.key,
            check_name=COSTS_ARE_COMPLETE.name,
            passed=not incomplete,
            severity=dg.AssetCheckSeverity.WARN,
            description=(
                f"{sum(incomplete.values())} orders are not sent for want of one clear cost, fee or exchange rate. "
                "enrich.order_costs names the line, sku or rule (`where exclusion is not null`)."
                if incomplete
                else None
            ),
            metadata={"enrich/orders_without_cost_by_day": incomplete},
        )

    return order_marts


def _without_cost(profit: DayProfit) -> int:
    return sum(profit.exclusions.get(reason, 0) for reason in _INCOMPLETE)
