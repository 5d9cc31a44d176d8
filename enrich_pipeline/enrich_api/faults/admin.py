"""GET, PUT and DELETE /admin/faults: the faults in force, for whoever has the key. Only where it was allowed."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from enrich_pipeline.enrich_api.bodies import read_body
from enrich_pipeline.enrich_api.database import Database
from enrich_pipeline.enrich_api.errors import ConfigError
from enrich_pipeline.enrich_api.faults.plan import FaultPlan
from enrich_pipeline.enrich_api.faults.specs import parse_fault
from enrich_pipeline.enrich_api.key_ring import KeyRing
from enrich_pipeline.enrich_api.orders_endpoint import OrdersEndpoint
from enrich_pipeline.enrich_api.problems import Problem
from enrich_pipeline.enrich_api.refresh import withhold_refreshes
from enrich_pipeline.enrich_api.requests import authenticate

_LARGEST_BODY = 64 * 1024
_BODY_SECONDS = 30.0


class _Faults(msgspec.Struct, forbid_unknown_fields=True):
    faults: list[str]


class FaultsEndpoint:
    """Shows and replaces the orders endpoint's faults."""

    def __init__(self, orders: OrdersEndpoint, database: Database, keys: KeyRing) -> None:
        self._orders = orders
        self._database = database
        self._keys = keys

    async def serve(self, request: Request) -> Response:
        """Serve any of the three methods; each answers with the faults in force and how often they struck."""
        await authenticate(request, self._keys)
        if request.method == "PUT":
            body = await read_body(request, largest=_LARGEST_BODY, gzip=False, seconds=_BODY_SECONDS)
            await self._replace(_read_plan(body))
        elif request.method == "DELETE":
            await self._replace(FaultPlan())
        faults = [{"fault": fault.text, "struck": struck} for fault, struck in self._orders.faults.report()]
        return Response(msgspec.json.encode({"faults": faults}), media_type="application/json")

    async def _replace(self, plan: FaultPlan) -> None:
        await withhold_refreshes(self._database, plan.withheld_refreshes())
        self._orders.faults = plan


def _read_plan(body: bytes) -> FaultPlan:
    try:
        return FaultPlan(parse_fault(text) for text in msgspec.json.decode(body, type=_Faults).faults)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Problem(422, "invalid_envelope", 'The body must be {"faults": ["SPEC", ...]}.') from None
    except ConfigError as error:
        raise Problem(422, "invalid_fault", str(error)) from None
