"""Whether a day's marts are there and of one piece: both are stamped by the run that computed them."""

from __future__ import annotations

from datetime import date

from sqlalchemy import Connection, text

from enrich_pipeline.domain.errors import DayError


def require_computed(connection: Connection, day: date) -> None:
    """Make sure that both marts hold the day, computed by the same run.

    Raises:
        DayError: when one is missing or of another run; names the day and what to materialise.
    """
    rows = connection.execute(
        text("SELECT mart, run_id FROM enrich.computed_days WHERE order_day = :day"), {"day": day}
    )
    stamps: dict[str, str] = {row.mart: row.run_id for row in rows}
    missing = [mart for mart in ("order_costs", "order_profit") if mart not in stamps]
    if missing:
        raise DayError(f"{day}: {' and '.join(missing)} not computed. Materialise order_costs and order_profit first.")
    if stamps["order_costs"] != stamps["order_profit"]:
        raise DayError(
            f"{day}: order_costs was computed by run {stamps['order_costs']}, order_profit by run "
            f"{stamps['order_profit']}. Materialise both again, in one run, before uploading; nothing was sent."
        )
