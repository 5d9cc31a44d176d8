"""What one sees on an asset and on each of its partitions: descriptions, numbers that Dagster plots, tables.

Amounts are shown as text: Dagster's numbers are floats, and no amount passes through one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import dagster as dg

from enrich_pipeline.domain.receipts import Receipt, in_currency, plain
from enrich_pipeline.orchestration.flow import FlowAsset
from enrich_pipeline.steps.guards import UploadReview
from enrich_pipeline.steps.upload_progress import UploadSummary
from enrich_pipeline.steps.verify import Verification
from enrich_pipeline.warehouse.cost_review import CostReview
from enrich_pipeline.warehouse.day_profit import DayProfit
from enrich_pipeline.warehouse.source_totals import SourceCheck
from enrich_pipeline.warehouse.table_columns import table_columns

Metadata = dict[str, Any]

_LOOK_FURTHER = """```sql
select * from enrich.receipts
where order_day = '{day}' order by receipt_id desc limit 1;
select * from enrich.order_states
where order_day = '{day}' and state <> 'verified';
```"""


def spec_of(
    flow: FlowAsset, description: str, deps: Sequence[dg.AssetKey] = (), *, skippable: bool = False
) -> dg.AssetSpec:
    """The asset's spec as `flow.py` lists it, with its table's name and columns.

    `skippable`: its step records days itself, and gives Dagster no output that would stand for all of them.
    """
    return dg.AssetSpec(
        flow.key,
        deps=deps,
        description=description.strip(),
        group_name=flow.group,
        kinds=set(flow.kinds),
        owners=[flow.owner],
        metadata={} if flow.table is None else table_metadata(flow.table),
        skippable=skippable,
    )


def table_metadata(name: str) -> Metadata:
    """The name of a table of ours, and its columns with what they hold."""
    return {
        "dagster/table_name": name,
        "dagster/column_schema": dg.TableSchema(
            columns=[
                dg.TableColumn(column.name, column.type, description=column.description)
                for column in table_columns(name)
            ]
        ),
    }


def source_metadata(check: SourceCheck) -> Metadata:
    """What the source holds of a day."""
    return {
        "dagster/partition_row_count": check.orders,
        "enrich/refunds_without_order": check.refunds_without_order,
        "enrich/refunds_without_order_amount": plain(check.refunds_without_order_amount),
        "enrich/control_totals": _table(
            {
                "currency": total.currency or "(none)",
                "orders": total.orders,
                "control_total": in_currency(total.control_total, total.currency),
                "incomplete_lines": total.incomplete_lines,
            }
            for total in check.totals
        ),
    }


def cost_metadata(components: int, review: CostReview) -> Metadata:
    """How many cost rows a day has, and what is odd about them: each kind in total, the largest by name."""
    return {
        "dagster/partition_row_count": components,
        "enrich/unclear_costs": _table(
            # A table's cells are text or whole numbers.
            {**total._asdict(), "money": in_currency(total.money, total.currency)}
            for total in review.totals
        ),
        "enrich/unclear_costs_by_sku": _table(
            {
                "sku": cost.sku or "(none)",
                "problem": cost.problem,
                "since": cost.since.isoformat() if cost.since else "(open)",
                "until": cost.until.isoformat() if cost.until else "(open)",
                "orders": cost.orders,
                "currency": cost.currency,
                "money": in_currency(cost.money, cost.currency),
            }
            for cost in review.unclear
        ),
        "enrich/refunded_above_sale": _table(
            {"currency": over.currency, "orders": over.orders, "excess": in_currency(over.excess, over.currency)}
            for over in review.over_refunds
        ),
        "enrich/lines_restocked_above_sale": review.over_restocked_lines,
        "enrich/first_restocked_above_sale": _table(
            {
                "order_id": over.order_id,
                "line_id": over.line_id,
                "sold": plain(over.sold),
                "restocked": plain(over.restocked),
            }
            for over in review.over_restocks
        ),
    }


def profit_metadata(profit: DayProfit) -> Metadata:
    """What was computed for a day."""
    excluded = sum(profit.exclusions.values())
    return {
        "dagster/partition_row_count": profit.computed + excluded,
        "enrich/orders_to_send": profit.computed,
        "enrich/orders_excluded": excluded,
        "enrich/amounts": _table(
            {"currency": currency, "sales": in_currency(sales, currency), "profit": in_currency(profit_sum, currency)}
            for currency, (sales, profit_sum) in profit.amounts.items()
        ),
        "enrich/exclusions": _table(
            {"reason": reason, "orders": orders} for reason, orders in profit.exclusions.items()
        ),
    }


def upload_metadata(summary: UploadSummary) -> Metadata:
    """What an upload of a day did, and what it changed."""
    return {
        **_review_metadata(summary.review),
        "dagster/partition_row_count": summary.answered,
        "enrich/orders_rejected": summary.rejected.total(),
        "enrich/requests": summary.requests,
        "enrich/retries": summary.retries,
        "enrich/body_bytes": summary.body_bytes,
        "enrich/orders_per_second": round(summary.orders_per_second),
        "enrich/latency_p50_seconds": round(summary.latency_percentile(50), 4),
        "enrich/latency_p95_seconds": round(summary.latency_percentile(95), 4),
    }


def _review_metadata(review: UploadReview | None) -> Metadata:
    """What the vendor held before the upload, what it changes, and what holds the day."""
    if review is None:
        return {}
    changes = review.preview.changes
    return {
        "enrich/orders_new": sum(change.new for change in changes),
        "enrich/orders_changed": sum(change.changed for change in changes),
        "enrich/held_by": review.sentence or "no guard",
        "enrich/changes": _table(
            {
                "currency": change.currency,
                "new": change.new,
                "changed": change.changed,
                "again": change.again,
                "sales_before": in_currency(change.sales_before, change.currency),
                "sales_after": in_currency(change.sales_after, change.currency),
                "profit_before": in_currency(change.profit_before, change.currency),
                "profit_after": in_currency(change.profit_after, change.currency),
            }
            for change in changes
        ),
        "enrich/top_movers": _table(
            {
                "order_id": mover.order_id,
                "currency": mover.currency,
                "profit_before": in_currency(mover.profit_before, mover.currency),
                "profit_after": in_currency(mover.profit_after, mover.currency),
                "sales_before": in_currency(mover.sales_before, mover.currency),
                "sales_after": in_currency(mover.sales_after, mover.currency),
            }
            for mover in review.preview.movers
        ),
    }


def verification_metadata(verification: Verification, *, vendor_page: str | None) -> Metadata:
    """The day's receipt, the first findings with their likely causes, and where to look further."""
    receipt = verification.receipt
    sendable = receipt.orders - receipt.orders_in("excluded")
    return {
        "dagster/partition_row_count": receipt.orders,
        "enrich/orders_verified": receipt.orders_in("verified"),
        "enrich/orders_excluded": receipt.orders_in("excluded"),
        "enrich/orders_mismatched": receipt.orders_in("mismatched"),
        "enrich/findings": receipt.findings,
        "enrich/match_rate": round(receipt.orders_in("verified") / sendable, 6) if sendable else 1.0,
        "enrich/read_requests": receipt.read_requests,
        "enrich/verdict": verdict(receipt),
        "enrich/receipt": dg.MetadataValue.md(receipt_markdown(receipt)),
        "enrich/first_mismatches": _table(
            {name: value or "" for name, value in mismatch._asdict().items()}
            for mismatch in verification.first_mismatches
        ),
        "enrich/receipt_query": dg.MetadataValue.md(_LOOK_FURTHER.format(day=receipt.order_day)),
        **({} if vendor_page is None else {"enrich/vendor_page": dg.MetadataValue.url(vendor_page)}),
    }


def failed_days_table(failed: Mapping[str, str]) -> dg.MetadataValue[Any]:
    """The days that were not done, each with the reason."""
    return _table({"day": day, "reason": reason} for day, reason in failed.items())


def receipt_markdown(receipt: Receipt) -> str:
    """A receipt as a Markdown table: a row a state, reason and currency, then the source it must add up to."""
    rows = ["| state | reason | currency | orders | sales | profit | control total |", "|---|---|---|--:|--:|--:|--:|"]
    for line in receipt.states:
        sales = "" if line.sales_amount is None else in_currency(line.sales_amount, line.currency)
        profit = "" if line.profit_amount is None else in_currency(line.profit_amount, line.currency)
        rows.append(
            f"| {line.state} | {line.reason or ''} | {line.currency} | {line.orders} | {sales} | {profit} "
            f"| {in_currency(line.control_total, line.currency)} |"
        )
    for total in receipt.source:
        control = in_currency(total.control_total, total.currency)
        rows.append(f"| **source** | | {total.currency} | **{total.orders}** | | | **{control}** |")
    return "\n".join([*rows, "", verdict(receipt)])


def verdict(receipt: Receipt) -> str:
    """Whether the states add up to the source, in a sentence."""
    judged = "every order is accounted for" if receipt.is_accounted_for else "; ".join(receipt.differences)
    return f"{judged} (the day is still open)" if receipt.partial else judged


def _table(rows: Iterable[Mapping[str, str | int]]) -> dg.MetadataValue[Any]:
    records = [dg.TableRecord(dict(row)) for row in rows]
    return dg.MetadataValue.table(records) if records else dg.MetadataValue.text("none")
