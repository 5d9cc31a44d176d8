"""Our client and our service, each in its own process, in every contract profile: they share no model, only this."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from pydantic import SecretStr

from enrich_pipeline.domain.contract import ContractProfile, profile_named
from enrich_pipeline.domain.payloads import Payload, batch_body, encode_payload
from enrich_pipeline.enrich_api.channel_orders import ChannelOrder
from enrich_pipeline.enrich_client import NO_RETRIES, EnrichClient, PostAnswer
from enrich_pipeline.warehouse.embedded import API_ROLE, EmbeddedPostgres
from enrich_pipeline_tests.support.api_server import RunningApi, running_api
from enrich_pipeline_tests.support.databases import fresh_database

NOW = datetime(2025, 6, 20, 12, tzinfo=UTC)

_numbers = itertools.count()


@dataclass
class Vendor:
    """A running service as its client sees it, and what only an operator can do."""

    api: RunningApi
    client: EnrichClient
    _days: Iterator[int] = field(default_factory=itertools.count)

    @property
    def profile(self) -> ContractProfile:
        return self.client.profile

    def know(self, orders: int) -> list[str]:
        """Make so many orders known that no other test uses; return their ids."""
        ids = [f"ORDER{next(_numbers)}" for _ in range(orders)]
        self.api.import_orders(ChannelOrder(id_, NOW, "USD", Decimal("300.00"), Decimal("120.00")) for id_ in ids)
        return ids

    def own_day(self) -> datetime:
        """The start of a day that no other test posts orders to."""
        return datetime(2025, 1, 1, tzinfo=UTC) + timedelta(days=next(self._days))

    def post(self, *payloads: Payload) -> PostAnswer:
        return self.post_texts(encode_payload(payload, self.profile.timestamp_precision) for payload in payloads)

    def post_texts(self, texts: Iterator[str] | list[str]) -> PostAnswer:
        texts = list(texts)
        return self.client.post_orders(batch_body(texts), order_count=len(texts))

    def show_posted(self) -> None:
        """Let posted rows show in GET, as far as the profile needs that."""
        if self.profile.shows_rows == "after_refresh":
            self.api.refresh()


def connect(
    api: RunningApi, profile: ContractProfile, *, key: str | None = None, gzip: bool | None = None
) -> EnrichClient:
    return EnrichClient(api.base_url, SecretStr(key or api.key), profile, retry=NO_RETRIES, gzip=gzip)


@pytest.fixture(scope="package", params=["full", "minimal"])
def vendor(request: pytest.FixtureRequest, postgres: EmbeddedPostgres) -> Iterator[Vendor]:
    """The service of each profile, with a client of the same one."""
    with (
        fresh_database(postgres, owner=API_ROLE) as url,
        running_api(url, profile=request.param, now=NOW) as api,
        connect(api, profile_named(request.param)) as client,
    ):
        yield Vendor(api, client)


@pytest.fixture
def payload(vendor: Vendor) -> Callable[..., Payload]:
    """Builds a payload of an order that the vendor knows, unless `order_id` is another; `at` says when."""

    def build(at: datetime, *, order_id: str | None = None, sales: str = "269.94", profit: str = "-65.40") -> Payload:
        return Payload(
            order_id=order_id or vendor.know(1)[0],
            order_timestamp=at,
            sales_amount=Decimal(sales),
            profit_amount=Decimal(profit),
            currency="USD",
        )

    return build
