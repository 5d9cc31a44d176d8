"""`raw_orders`: the day's orders in the warehouse, looked at before anything is computed from them."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluation

from enrich_pipeline.orchestration.checks import DayChecks, check_outputs, day_check_spec
from enrich_pipeline.orchestration.flow import RAW_ORDERS
from enrich_pipeline.orchestration.metadata import source_metadata, spec_of
from enrich_pipeline.orchestration.partitions import selected_days
from enrich_pipeline.orchestration.resources import WarehouseResource
from enrich_pipeline.orchestration.retries import again_when_the_warehouse_is_lost
from enrich_pipeline.steps.check_source import check_source_day

_DESCRIPTION = """
The warehouse's orders of one store-local day. By default nothing is copied; with `SOURCE_URL` the day is landed first.
The day's **control totals** (orders, and the unrounded sum of quantity x unit price by currency) are recorded by a
query of their own. The receipt at the end of
the flow must add up to them.
"""


def raw_orders_asset(partitions: dg.DailyPartitionsDefinition) -> dg.AssetsDefinition:
    """Build the asset for the store's days."""
    ids_are_unique = day_check_spec(
        "order_ids_are_unique",
        RAW_ORDERS,
        partitions,
        description="No order id of the day stands twice in raw.orders. Every copy of one that does is excluded.",
    )

    @dg.multi_asset(
        name="raw_orders",
        specs=[spec_of(RAW_ORDERS, _DESCRIPTION)],
        check_specs=[ids_are_unique],
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def raw_orders(
        context: dg.AssetExecutionContext, warehouse: WarehouseResource
    ) -> Iterator[dg.MaterializeResult[Any] | AssetCheckEvaluation | dg.Output[Any]]:
        repeated: dict[str, int] = {}
        with again_when_the_warehouse_is_lost(context), warehouse.run_context(context.run.run_id) as run:
            for day in selected_days(context, warehouse.store_timezone):
                check = check_source_day(run, day)
                context.log.info("%s: %d orders in the source", day.key, check.orders)
                context.add_asset_metadata(source_metadata(check), partition_key=day.key)
                repeated[day.key] = check.repeated_ids
        yield dg.MaterializeResult(asset_key=RAW_ORDERS.key)
        checks = DayChecks(context)
        for day_key, count in repeated.items():
            yield checks.result(
                ids_are_unique,
                day_key,
                problem=(
                    f"{count} order ids stand more than once and are excluded as duplicate_order: remove the wrong "
                    "copies from the source, then materialise the day again."
                    if count
                    else None
                ),
                severity=dg.AssetCheckSeverity.WARN,
                metadata={"enrich/repeated_order_ids": count},
            )
        yield from check_outputs(context, [ids_are_unique])

    return raw_orders
