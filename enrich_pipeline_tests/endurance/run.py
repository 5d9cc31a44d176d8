"""The run: clients post, processes are killed, and then everything is read back over the API and compared."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal

import httpx
import psutil

from enrich_pipeline_tests.endurance.clients import Batch, Tally, moment_of, order_id, post_until, sales_of
from enrich_pipeline_tests.support.api_server import RunningApi

_WINDOW_ROWS = 1000


@dataclass(slots=True)
class Outcome:
    """The counts. All but the first six must be 0.

    Attributes:
        missing: orders that do not hold what was acknowledged last, nor what was in doubt after it.
        doubled: orders that are listed more than once.
        wrong: batches that hold an amount which nobody sent.
        half: batches of which some orders are in one version and some in another.
        never_sent: orders that are there though nobody posted them.
    """

    kills: int
    acknowledged_requests: int
    acknowledged_rows: int
    broken: int
    refused: dict[int, int]
    orders: int
    missing: int = 0
    doubled: int = 0
    wrong: int = 0
    half: int = 0
    never_sent: int = 0
    examples: list[str] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        """Whether nothing was lost, doubled, torn or made up."""
        return not (self.missing or self.doubled or self.wrong or self.half or self.never_sent)


def endure(api: RunningApi, *, clients: int, seconds: float, kill_every: float, orders: int, seed: int = 1) -> Outcome:
    """Run against a service that knows `orders` orders (`known_orders`)."""
    tally, kills = asyncio.run(_post_and_kill(api, clients, seconds, kill_every, orders, random.Random(seed)))
    return compare(tally, list(_listed(api, orders)), kills=kills)


def known_orders(count: int) -> Iterator[tuple[object, ...]]:
    """The channel's orders that the clients enrich."""
    return ((order_id(number), moment_of(number), "USD", 1, 1) for number in range(count))


async def _post_and_kill(
    api: RunningApi, clients: int, seconds: float, kill_every: float, orders: int, chance: random.Random
) -> tuple[Tally, int]:
    deadline = asyncio.get_running_loop().time() + seconds
    posting = asyncio.create_task(
        post_until(deadline, clients=clients, base_url=api.base_url, headers=api.headers, orders=orders)
    )
    kills = 0
    while not (await asyncio.wait({posting}, timeout=kill_every))[0]:
        await asyncio.to_thread(_kill_one, api, chance)
        kills += 1
    return posting.result(), kills


def _kill_one(api: RunningApi, chance: random.Random) -> None:
    """Kill -9 a worker; where the service is one process, kill that and start it again."""
    workers = [
        child
        for child in psutil.Process(api.process.pid).children(recursive=True)
        if "resource_tracker" not in " ".join(child.cmdline())
    ]
    if workers:
        chance.choice(workers).kill()
        return
    api.kill()
    api.restart()


def _listed(api: RunningApi, orders: int) -> Iterator[tuple[str, Decimal]]:
    with httpx.Client(base_url=api.base_url, headers=api.headers, timeout=60) as client:
        for first in range(0, orders, _WINDOW_ROWS):
            window = {
                "start": moment_of(first).isoformat(),
                "end": moment_of(first + _WINDOW_ROWS - 1).isoformat(),
                "limit": str(_WINDOW_ROWS),
            }
            answer = client.get("/enrich/orders", params=window).raise_for_status()
            for row in json.loads(answer.content, parse_float=Decimal)["orders"]:
                yield row["order_id"], row["sales_amount"]


def compare(tally: Tally, listed: list[tuple[str, Decimal]], *, kills: int = 0) -> Outcome:
    """Hold what is listed against what the clients saw."""
    outcome = Outcome(
        kills=kills,
        acknowledged_requests=tally.acknowledged_requests,
        acknowledged_rows=tally.acknowledged_rows,
        broken=tally.broken,
        refused=tally.refused,
        orders=sum(len(batch.numbers) for batch in tally.batches),
    )
    counts = Counter(found for found, _ in listed)
    outcome.doubled = sum(1 for count in counts.values() if count > 1)
    held = dict(listed)
    sent = 0
    for batch in tally.batches:
        versions = {_version(batch, number, held) for number in batch.numbers}
        sent += sum(1 for number in batch.numbers if order_id(number) in held)
        allowed = {batch.acknowledged, batch.in_doubt or batch.acknowledged}
        if len(versions) > 1:
            outcome.half += 1
        if None in versions:
            outcome.wrong += 1
        elif not versions <= allowed:
            outcome.missing += len(batch.numbers)
        if len(versions) > 1 or None in versions or not versions <= allowed:
            outcome.examples.append(f"{order_id(batch.numbers[0])}: held {versions}, allowed {allowed}")
    outcome.never_sent = len(held) - sent
    return outcome


def _version(batch: Batch, number: int, held: dict[str, Decimal]) -> int | None:
    """The version that is held of an order: 0 for none, None for an amount that nobody sent."""
    sales = held.get(order_id(number))
    if sales is None:
        return 0
    last = max(batch.acknowledged, batch.in_doubt)
    return next((version for version in range(1, last + 1) if Decimal(sales_of(number, version)) == sales), None)
