"""Clients that post batches, one after the other, and remember exactly what was acknowledged.

Each client has orders of its own. An attempt without an answer is sent again until it has one, as the pipeline does; a
batch in four is then posted anew with other amounts, so that last write wins is put to the test as well.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import httpx

BATCH_ROWS = 20
FIRST_MOMENT = datetime(2026, 1, 1, tzinfo=UTC)
_PAUSE_SECONDS = 0.05
_REPOST_EVERY = 4


@dataclass(slots=True)
class Batch:
    """Orders that are posted together; `version` numbers their amounts.

    Attributes:
        numbers: of its orders.
        acknowledged: the version that was answered 2xx last; 0 for none.
        in_doubt: a later version that was sent and not answered; 0 for none.
    """

    numbers: range
    acknowledged: int = 0
    in_doubt: int = 0


@dataclass(slots=True)
class Tally:
    """What the clients saw."""

    batches: list[Batch] = field(default_factory=list)
    acknowledged_requests: int = 0
    acknowledged_rows: int = 0
    broken: int = 0
    refused: dict[int, int] = field(default_factory=dict)


def order_id(number: int) -> str:
    """The id of an order."""
    return f"ENDURE{number}"


def moment_of(number: int) -> datetime:
    """Its time: one a second, so that a window of seconds lists as many orders."""
    return FIRST_MOMENT + timedelta(seconds=number)


def sales_of(number: int, version: int) -> str:
    """Its sales in one version, which no other order and no other version has."""
    return f"{number}.{version:04}"


async def post_until(deadline: float, *, clients: int, base_url: str, headers: dict[str, str], orders: int) -> Tally:
    """Let `clients` post until the loop's clock shows `deadline`, or all `orders` have been posted."""
    tally = Tally()
    free = (range(first, first + BATCH_ROWS) for first in range(0, orders - BATCH_ROWS + 1, BATCH_ROWS))
    await asyncio.gather(*(_client(tally, free, deadline, base_url, headers) for _ in range(clients)))
    return tally


async def _client(tally: Tally, free: Iterator[range], deadline: float, base_url: str, headers: dict[str, str]) -> None:
    clock = asyncio.get_running_loop().time
    async with httpx.AsyncClient(base_url=base_url, headers=headers, timeout=10) as client:
        for turn, numbers in enumerate(free):
            batch = Batch(numbers)
            tally.batches.append(batch)
            for _ in range(2 if turn % _REPOST_EVERY == 0 else 1):
                while clock() < deadline and not await _post(client, tally, batch):
                    await asyncio.sleep(_PAUSE_SECONDS)
            if clock() >= deadline:
                return


async def _post(client: httpx.AsyncClient, tally: Tally, batch: Batch) -> bool:
    """Post the batch's next version; whether it was acknowledged."""
    batch.in_doubt = batch.acknowledged + 1
    rows = ",".join(
        f'{{"order_id":"{order_id(number)}","order_timestamp":"{moment_of(number).isoformat()}",'
        f'"sales_amount":{sales_of(number, batch.in_doubt)},"profit_amount":-1.5}}'
        for number in batch.numbers
    )
    try:
        answer = await client.post("/enrich/orders", content=f'{{"orders":[{rows}]}}')
    except httpx.TransportError:
        tally.broken += 1
        return False
    if not answer.is_success:
        tally.refused[answer.status_code] = tally.refused.get(answer.status_code, 0) + 1
        return False
    if answer.json()["accepted"] != len(batch.numbers):
        raise AssertionError(f"a batch of known orders was not accepted: {answer.text[:300]}")
    batch.acknowledged, batch.in_doubt = batch.in_doubt, 0
    tally.acknowledged_requests += 1
    tally.acknowledged_rows += len(batch.numbers)
    return True
