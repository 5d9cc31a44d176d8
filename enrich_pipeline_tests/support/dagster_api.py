"""Dagster's GraphQL API, as its UI uses it: what a click sends, and what a page is filled from."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import date
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx

from enrich_pipeline.domain.days import days_between
from enrich_pipeline.orchestration.flow import FLOW, FlowAsset

T = TypeVar("T")

_PAUSE_SECONDS = 0.25
_DONE = {"COMPLETED_SUCCESS", "COMPLETED_FAILED", "CANCELED", "FAILED"}

_LOADED = "{ assetNodes { assetKey { path } } }"
_LAUNCH = """
mutation Launch($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    __typename
    ... on LaunchBackfillSuccess { backfillId }
    ... on PythonError { message }
  }
}
"""
_BACKFILL = """
query Backfill($id: String!) { partitionBackfillOrError(backfillId: $id) { ... on PartitionBackfill { status } } }
"""
_CANCEL = "mutation Cancel($id: String!) { cancelPartitionBackfill(backfillId: $id) { __typename } }"
_PARTITIONS = """
query Partitions($key: AssetKeyInput!) {
  assetNodeOrError(assetKey: $key) {
    ... on AssetNode {
      assetPartitionStatuses { ... on TimePartitionStatuses { ranges { status startKey endKey } } }
      assetMaterializations { partition metadataEntries { label } }
    }
  }
}
"""
_REPOSITORY = """
{ repositoriesOrError { ... on RepositoryConnection { nodes {
    name location { name } sensors { id name sensorState { selectorId } }
} } } }
"""
_START_SENSOR = """
mutation Start($selector: SensorSelector!) { startSensor(sensorSelector: $selector) { __typename } }
"""
_STOP_SENSOR = "mutation Stop($id: String!) { stopSensor(id: $id) { __typename } }"
_TICKS = """
query Ticks($selector: SensorSelector!) {
  sensorOrError(sensorSelector: $selector) { ... on Sensor { sensorState { ticks(limit: 1) { status skipReason } } } }
}
"""
_LOOK = """
mutation Look($selector: SensorSelector!) {
  sensorDryRun(selectorData: $selector, cursor: null) {
    ... on DryRunInstigationTick {
      evaluationResult { skipReason runRequests { runKey tags { key value } } error { message } }
    }
  }
}
"""
_RUNS = """
query Runs($filter: RunsFilter!) {
  runsOrError(filter: $filter) { ... on Runs { results { status tags { key value } } } }
}
"""


class DagsterApi:
    """A webserver's API. A context manager."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._http = httpx.Client(base_url=url, timeout=30)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def query(self, text: str, **variables: Any) -> dict[str, Any]:
        """Ask, and return the data of the answer."""
        answer = self._http.post("/graphql", json={"query": text, "variables": variables})
        answer.raise_for_status()
        said = answer.json()
        if said.get("errors"):
            raise RuntimeError(str(said["errors"]))
        return said["data"]

    def wait_until_loaded(self, *, seconds: float = 120) -> None:
        """Wait until the webserver answers and knows the flow's assets."""

        def is_loaded() -> bool:
            try:
                keys = {tuple(node["assetKey"]["path"]) for node in self.query(_LOADED)["assetNodes"]}
            except httpx.HTTPError:
                return False
            return keys >= {tuple(asset.key.path) for asset in FLOW}

        self.wait_for(is_loaded, seconds=seconds)

    def launch_backfill(self, days: Sequence[str]) -> str:
        """Launch a backfill of the whole flow for the days, as the button does; return its id."""
        params = {
            "assetSelection": [{"path": list(asset.key.path)} for asset in FLOW],
            "partitionNames": list(days),
            "fromFailure": False,
        }
        launched = self.query(_LAUNCH, params=params)["launchPartitionBackfill"]
        if "backfillId" not in launched:
            raise RuntimeError(str(launched))
        return launched["backfillId"]

    def backfill_status(self, backfill_id: str) -> str:
        """What the backfill's page calls its state."""
        return self.query(_BACKFILL, id=backfill_id)["partitionBackfillOrError"]["status"]

    def wait_for_backfill(self, backfill_id: str, *, seconds: float) -> str:
        """Wait until the backfill is done, one way or another; return how."""
        return self.wait_for(
            lambda: status if (status := self.backfill_status(backfill_id)) in _DONE else None, seconds=seconds
        )

    def cancel_backfill(self, backfill_id: str) -> None:
        """Cancel it, as its page's button does."""
        self.query(_CANCEL, id=backfill_id)

    def days_by_status(self, asset: FlowAsset) -> dict[str, set[str]]:
        """The days that an asset's page shows in each colour: MATERIALIZED, FAILED, ..."""
        node = self._asset(asset)
        found: dict[str, set[str]] = {}
        for part in node["assetPartitionStatuses"]["ranges"]:
            first, last = date.fromisoformat(part["startKey"]), date.fromisoformat(part["endKey"])
            found.setdefault(part["status"], set()).update(day.isoformat() for day in days_between(first, last))
        return found

    def metadata_by_day(self, asset: FlowAsset) -> dict[str, set[str]]:
        """What stands on each materialised day of an asset: the labels of its metadata."""
        found: dict[str, set[str]] = {}
        for event in self._asset(asset)["assetMaterializations"]:
            found.setdefault(event["partition"], {entry["label"] for entry in event["metadataEntries"]})
        return found

    def _asset(self, asset: FlowAsset) -> dict[str, Any]:
        return self.query(_PARTITIONS, key={"path": list(asset.key.path)})["assetNodeOrError"]

    def start_sensor(self, name: str) -> None:
        """Start it, as its switch does; its next look comes when its interval is over."""
        self.query(_START_SENSOR, selector={"sensorName": name, **self._location()})

    def stop_sensor(self, name: str) -> None:
        """Stop it, as its switch does."""
        (sensor,) = [each for each in self._repository()["sensors"] if each["name"] == name]
        self.query(_STOP_SENSOR, id=sensor["id"])

    def skip_reason(self, sensor: str) -> str | None:
        """Why the daemon's last look through the sensor asked for nothing; None while there was none, or it asked."""
        selector = {"sensorName": sensor, **self._location()}
        ticks = self.query(_TICKS, selector=selector)["sensorOrError"]["sensorState"]["ticks"]
        return ticks[0]["skipReason"] if ticks else None

    def look(self, sensor: str) -> dict[str, Any]:
        """What the sensor says now, as its page's button for testing it asks: a reason to skip, or runs."""
        selector = {"sensorName": sensor, **self._location()}
        said = self.query(_LOOK, selector=selector)["sensorDryRun"]["evaluationResult"]
        if said["error"]:
            raise RuntimeError(said["error"]["message"])
        return said

    def finished_runs(self, tag: str, value: str) -> list[tuple[str, str | None]]:
        """The runs with a tag that are over: how each ended, and its partition."""
        found: list[tuple[str, str | None]] = []
        for run in self.query(_RUNS, filter={"tags": [{"key": tag, "value": value}]})["runsOrError"]["results"]:
            tags = {each["key"]: each["value"] for each in run["tags"]}
            if run["status"] in {"SUCCESS", "FAILURE", "CANCELED"}:
                found.append((run["status"], tags.get("dagster/partition")))
        return found

    def _repository(self) -> dict[str, Any]:
        return self.query(_REPOSITORY)["repositoriesOrError"]["nodes"][0]

    def _location(self) -> dict[str, str]:
        repository = self._repository()
        return {"repositoryName": repository["name"], "repositoryLocationName": repository["location"]["name"]}

    def wait_for(self, look: Callable[[], T | None], *, seconds: float) -> T:
        """Look again and again until there is something to see, and return it."""
        deadline = time.monotonic() + seconds
        while not (seen := look()):
            if time.monotonic() > deadline:
                raise TimeoutError(f"nothing to see within {seconds:.0f} s")
            time.sleep(_PAUSE_SECONDS)
        return seen
