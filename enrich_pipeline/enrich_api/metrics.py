"""What Prometheus reads at /metrics: requests, orders and refusals, over all workers of the service."""

from __future__ import annotations

import os
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from enrich_pipeline.enrich_api.request_records import RequestRecord

_FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_METHODS = ("GET", "POST")


class Metrics:
    """Counts in this worker, tells the sum of all; a worker that died still counts.

    The workers' counts lie side by side in a folder, so that whichever worker is asked can add them up.
    """

    def __init__(self, folder: Path) -> None:
        # The library decides when it is imported whether it counts in this process or in files.
        os.environ[_FOLDER_VARIABLE] = str(folder)
        import prometheus_client  # noqa: PLC0415
        from prometheus_client import multiprocess  # noqa: PLC0415

        self._library = prometheus_client
        self._registry = prometheus_client.CollectorRegistry()
        multiprocess.MultiProcessCollector(self._registry, path=str(folder))
        own = prometheus_client.CollectorRegistry()
        self._requests = prometheus_client.Counter(
            "enrich_api_requests", "Requests answered, by method and status.", ["method", "status"], registry=own
        )
        self._seconds = prometheus_client.Histogram(
            "enrich_api_request_seconds",
            "From a request's head to the last byte of its answer.",
            ["method"],
            buckets=_BUCKETS,
            registry=own,
        )
        self._orders = prometheus_client.Counter(
            "enrich_api_orders", "Orders posted, by outcome.", ["outcome"], registry=own
        )
        self._refused = prometheus_client.Counter(
            "enrich_api_refused_orders", "Orders refused, by code.", ["code"], registry=own
        )
        self._bytes = prometheus_client.Counter("enrich_api_request_bytes", "Bytes of POST bodies.", registry=own)

    def observe(self, record: RequestRecord) -> None:
        """Count an answered request of the API."""
        method = record.method if record.method in _METHODS else "other"
        self._requests.labels(method, str(record.status)).inc()
        self._seconds.labels(method).observe(record.latency_us / 1e6)
        if record.method == "POST":
            self._bytes.inc(record.request_bytes)
            self._orders.labels("accepted").inc(record.accepted)
            self._orders.labels("rejected").inc(len(record.errors))
            for error in record.errors:
                self._refused.labels(error.code).inc()

    async def serve(self, _request: Request) -> Response:
        """GET /metrics."""
        return Response(self._library.generate_latest(self._registry), media_type="text/plain; version=0.0.4")
