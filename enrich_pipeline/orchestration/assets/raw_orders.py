"""`raw_orders`: the day's orders in the warehouse, looked at before anything is computed from them."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from enrich_pipeline.orchestration.flow import RAW_ORDERS
from enrich_pipeline.orchestration.metadata import source_metadata, spec_of
from enrich_pipeline.orchestration.partitions import selected_days
from enrich_pipeline.orchestration.resources import WarehouseResource
from enrich_pipeline.steps.check_source import check_source_day

_DESCRIPTION = """
The warehouse's orders of one store-local day. Nothing is copied: the day's **control totals** (orders, and the
unrounded sum of quantity x unit price by currency) are recorded by a query of their own. The receipt at the end of
the flow must add up to them.
"""

IDS_ARE_UNIQUE = dg.AssetCheckSpec(
    "order_ids_are_unique",
    asset=RAW_ORDERS.key,
    description="No order id of the day stands twice in raw.orders. Every copy of one that does is excluded.",
)


def raw_orders_asset(partitions: dg.DailyPartitionsDefinition) -> dg.AssetsDefinition:
    """Build the asset for the store's days."""

    @dg.multi_asset(
        name="raw_orders",
        specs=[spec_of(RAW_ORDERS, _DESCRIPTION)],
        check_specs=[IDS_ARE_UNIQUE],
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def raw_orders(
        context: dg.AssetExecutionContext, warehouse: WarehouseResource
    ) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
        repeated: dict[str, int] = {}
        with warehouse.run_context(context.run_id) as run:
            for day in selected_days(context, warehouse.store_timezone):
                check = check_source_day(run, day)
                context.log.info("%s: %d orders in the source", day.key, check.orders)
                context.add_asset_metadata(source_metadata(check), partition_key=day.key)
                if check.repeated_ids:
                    repeated[day.key] = check.repeated_ids
        yield dg.MaterializeResult(asset_key=RAW_ORDERS.key)
        yield dg.AssetCheckResult(
            asset_key=RAW_ORDERS.key,
            check_name=IDS_ARE_UNIQUE.name,
            passed=not repeated,
            severity=dg.AssetCheckSeverity.WARN,
            description=(
                f"{sum(repeated.values())} order ids stand more than once and are excluded as duplicate_order: remove "
                "the wrong copies from the source, then run the day again."
                if repeated
                else None
            ),
            metadata={"enrich/repeated_order_ids_by_day": repeated},
        )

    return raw_orders
