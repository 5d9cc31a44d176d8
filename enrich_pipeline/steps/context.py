"""What every step needs to know of the run it is part of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine

from enrich_pipeline.domain.contract import ContractProfile
from enrich_pipeline.domain.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class RunContext:
    """One run over one store: its warehouse, its vendor's contract, its id, and its business clock.

    Attributes:
        business_now: what decides which day is today (zone-aware); ledgers and timeouts use real time.
        compute_processes: how many pieces of a long range may be computed at once.
        source: the database that orders are landed from (`SOURCE_URL`); None where the raw tables are already there.
        sales_basis: the named, versioned formula of sales that days are computed with, as every receipt records.
    """

    engine: Engine
    store: Store
    profile: ContractProfile
    run_id: str
    business_now: datetime
    sales_basis: str = "net"
    compute_processes: int = 2
    source: Engine | None = None
