"""Whether a day's marts are there and of one piece, and what counts as sales in them: the run that computed says."""

from __future__ import annotations

from datetime import date

from sqlalchemy import Connection, text

from enrich_pipeline.domain.errors import DayError


def require_computed(connection: Connection, day: date) -> None:
    """Make sure that both marts hold the day, computed by the same run.

    Raises:
        DayError: when one is missing or of another run; names the day and what to materialise.
    """
    problem = what_is_not_computed(connection, day)
    if problem is not None:
        raise DayError(problem)


def what_is_not_computed(connection: Connection, day: date) -> str | None:
    """Why the day cannot be sent as it was computed, and what to materialise; None when it can."""
    rows = connection.execute(
        text("SELECT mart, run_id FROM enrich.computed_days WHERE order_day = :day"), {"day": day}
    )
    stamps: dict[str, str] = {row.mart: row.run_id for row in rows}
    missing = [mart for mart in ("order_costs", "order_profit") if mart not in stamps]
    if missing:
        return f"{day}: {' and '.join(missing)} not computed. Materialise order_costs and order_profit first."
    if stamps["order_costs"] != stamps["order_profit"]:
        return (
            f"{day}: order_costs was computed by run {stamps['order_costs']}, order_profit by run "
            f"{stamps['order_profit']}. Materialise both again, in one run, before uploading; nothing was sent."
        )
    return None


def computed_sales_basis(connection: Connection, day: date) -> str | None:
    """The sales basis that the day's marts were computed on; None when the run that computed them kept none."""
    return connection.execute(
        text("""
            SELECT inputs.sales_basis
            FROM enrich.day_inputs AS inputs INNER JOIN enrich.computed_days AS stamp USING (order_day, run_id)
            WHERE stamp.mart = 'order_profit' AND stamp.order_day = :day
        """),
        {"day": day},
    ).scalar()


def require_sales_basis(connection: Connection, day: date, sales_basis: str) -> None:
    """Make sure that the day's sales are what `sales_basis` says; a day that does not tell is taken at its word.

    Raises:
        DayError: when the day was computed on another basis; names both and says what to do.
    """
    computed = computed_sales_basis(connection, day)
    if computed not in {None, sales_basis}:
        raise DayError(
            f"{day}: computed with SALES_BASIS={computed}, and SALES_BASIS is {sales_basis} now. Compute the day again "
            f"(materialise order_costs and order_profit, or `enrich run --from {day} --to {day}`); nothing was sent."
        )
