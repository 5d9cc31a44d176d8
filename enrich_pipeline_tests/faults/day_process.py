"""One run of a day in a process of its own, to be killed: `python -m enrich_pipeline_tests.faults.day_process`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import date, datetime

from pydantic import SecretStr

from enrich_pipeline.domain.contract import profile_named
from enrich_pipeline.domain.days import StoreDay
from enrich_pipeline.domain.store import Store
from enrich_pipeline.enrich_client import EnrichClient
from enrich_pipeline.steps.context import RunContext
from enrich_pipeline.steps.upload import UploadOptions, upload_day
from enrich_pipeline.steps.verify import verify_day
from enrich_pipeline.warehouse.engine import warehouse_engine
from enrich_pipeline_tests.faults.laboratory import BATCH_SIZE, QUICK_RETRIES
from enrich_pipeline_tests.support.small_store import SmallStore

_SPEC = "FAULTS_DAY_PROCESS"


def start_day(
    store: SmallStore,
    *,
    base_url: str | None = None,
    batch_size: int = BATCH_SIZE,
    allow_outside_window: bool = False,
) -> subprocess.Popen[bytes]:
    """Start uploading and verifying the store's day in a new process."""
    spec = {
        "warehouse_url": store.url.render_as_string(hide_password=False),
        "timezone": store.store.timezone,
        "profile": store.profile.name,
        "day": store.day.key,
        "business_now": store.business_now.isoformat(),
        "base_url": base_url or store.api.base_url,
        "key": store.api.key,
        "batch_size": batch_size,
        "allow_outside_window": allow_outside_window,
    }
    return subprocess.Popen(
        [sys.executable, "-m", "enrich_pipeline_tests.faults.day_process"],
        env={**os.environ, _SPEC: json.dumps(spec)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def main() -> None:
    """Run the day that the environment names."""
    spec = json.loads(os.environ[_SPEC])
    store = Store(timezone=spec["timezone"], currency="USD")
    profile = profile_named(spec["profile"])
    run = RunContext(
        engine=warehouse_engine(spec["warehouse_url"], pool_size=8),
        store=store,
        profile=profile,
        run_id=f"process-{os.getpid()}",
        business_now=datetime.fromisoformat(spec["business_now"]),
    )
    day = StoreDay(date.fromisoformat(spec["day"]), store.zone)
    options = UploadOptions(
        batch_size=spec["batch_size"], concurrency=2, allow_outside_window=spec["allow_outside_window"]
    )
    with EnrichClient(spec["base_url"], SecretStr(spec["key"]), profile, retry=QUICK_RETRIES) as client:
        upload_day(run, client, day, options)
        verify_day(run, client, day)


if __name__ == "__main__":
    main()
