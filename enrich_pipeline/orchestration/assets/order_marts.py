"""`order_costs` and `order_profit`: the marts that dbt computes, a range of days in one go."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluation

from enrich_pipeline.orchestration.checks import DayChecks, check_outputs, day_check_spec
from enrich_pipeline.orchestration.dbt import mart_specs
from enrich_pipeline.orchestration.flow import ORDER_COSTS, ORDER_PROFIT
from enrich_pipeline.orchestration.metadata import cost_metadata, profit_metadata
from enrich_pipeline.orchestration.partitions import selected_days
from enrich_pipeline.orchestration.resources import WarehouseResource
from enrich_pipeline.orchestration.retries import again_when_the_warehouse_is_lost
from enrich_pipeline.steps.compute import compute_profit, review_costs_of_day
from enrich_pipeline.warehouse.computed_days import what_is_not_computed
from enrich_pipeline.warehouse.day_profit import DayProfit, day_profit

_INCOMPLETE = ("missing_cost", "ambiguous_cost", "ambiguous_fee", "missing_fx")


def order_marts_asset(partitions: dg.DailyPartitionsDefinition, project_dir: Path) -> dg.AssetsDefinition:
    """Build the two marts' asset from dbt's kept manifest."""
    marts_agree = day_check_spec(
        "marts_agree",
        ORDER_PROFIT,
        partitions,
        description=(
            "Both marts hold the day as one run computed it, and each order's profit is the sum of its costs' rows. "
            "Nothing of a day for which this fails is uploaded."
        ),
    )
    costs_are_complete = day_check_spec(
        "costs_are_complete",
        ORDER_PROFIT,
        partitions,
        description="Every order that should be sent has a cost for each line, one fee rule, and its exchange rates.",
    )

    @dg.multi_asset(
        name="order_marts",
        specs=mart_specs(project_dir),
        check_specs=[marts_agree, costs_are_complete],
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def order_marts(
        context: dg.AssetExecutionContext, warehouse: WarehouseResource
    ) -> Iterator[dg.MaterializeResult[Any] | AssetCheckEvaluation | dg.Output[Any]]:
        days = selected_days(context, warehouse.store_timezone)
        without_cost: dict[str, int] = {}
        disagreements: dict[str, str | None] = {}
        with again_when_the_warehouse_is_lost(context), warehouse.run_context(context.run.run_id) as run:
            unequal = compute_profit(
                run, days[0], days[-1], url=warehouse.url(), project_dir=project_dir, log_dir=warehouse.log_dir()
            )
            for day in days:
                with run.engine.connect() as connection:
                    profit = day_profit(connection, day.day)
                    disagreements[day.key] = unequal.get(day.day) or what_is_not_computed(connection, day.day)
                context.log.info(
                    "%s: profit of %d orders, %d excluded", day.key, profit.computed, sum(profit.exclusions.values())
                )
                context.add_asset_metadata(
                    cost_metadata(profit.components, review_costs_of_day(run, day)),
                    ORDER_COSTS.key,
                    partition_key=day.key,
                )
                context.add_asset_metadata(profit_metadata(profit), ORDER_PROFIT.key, partition_key=day.key)
                without_cost[day.key] = _without_cost(profit)
        yield dg.MaterializeResult(asset_key=ORDER_COSTS.key)
        yield dg.MaterializeResult(asset_key=ORDER_PROFIT.key)
        checks = DayChecks(context)
        # A bad day must not stop the good ones of its range: the upload refuses it by itself. Where no day is good,
        # there is nothing to go on for.
        blocking = all(disagreements.values())
        for day in days:
            yield checks.result(marts_agree, day.key, problem=disagreements[day.key], blocking=blocking)
            count = without_cost[day.key]
            yield checks.result(
                costs_are_complete,
                day.key,
                problem=(
                    f"{count} orders are not sent for want of one clear cost, fee or exchange rate. enrich.order_costs "
                    "names the line, sku or rule (`where exclusion is not null`): add what is missing, then "
                    "materialise the day again."
                    if count
                    else None
                ),
                severity=dg.AssetCheckSeverity.WARN,
                metadata={"enrich/orders_without_cost": count},
            )
        yield from check_outputs(context, [marts_agree, costs_are_complete])

    return order_marts


def _without_cost(profit: DayProfit) -> int:
    return sum(profit.exclusions.get(reason, 0) for reason in _INCOMPLETE)
