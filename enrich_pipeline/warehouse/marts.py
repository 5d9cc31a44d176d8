"""Computes `order_costs` and `order_profit` for a range of days by running dbt inside this process.

Starting dbt anew costs seconds, and so does parsing the project. So the project is parsed once, by `prepare_manifest`,
and each run takes the parsed project as it is.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal, get_args

from sqlalchemy import URL, make_url

from enrich_pipeline.domain.errors import DayError, SettingsError, WarehouseLostError
from enrich_pipeline.domain.store import Store
from enrich_pipeline.warehouse.driver import is_refusal

Mart = Literal["order_costs", "order_profit"]

MARTS: tuple[Mart, ...] = get_args(Mart)

OnEvent = Callable[[Any], None]

# dbt reads its connection from the environment of the process, so one run at a time may set it.
_ONE_RUN_AT_A_TIME = threading.Lock()

# dbt leaves its own log file open: what it says comes to us as events instead, and we write it.
_QUIET = ("--quiet", "--no-print", "--log-level", "none", "--log-level-file", "none", "--no-version-check")
_LOGGED_LEVELS = frozenset({"info", "warn", "error"})

# dbt passes a lost connection on in libpq's words alone.
_LOST = re.compile(r"server closed the connection|terminating connection|connection to server|SSL SYSCALL error")


@dataclass(frozen=True, slots=True)
class ComputedMart:
    """What a run wrote into one mart."""

    mart: str
    rows: int
    seconds: float


def prepare_manifest(project_dir: Path, *, target_dir: Path | None = None) -> Path:
    """Parse the dbt project and keep the result in `target_dir` (default: the project's `target`). Needs no database.

    Returns:
        The path of `manifest.json`, which dagster-dbt reads; the parsed project that runs take lies beside it.

    Raises:
        SettingsError: when the project does not parse.
    """
    target_dir = target_dir or _default_target(project_dir)
    with _ONE_RUN_AT_A_TIME:
        places = _places(project_dir, target_dir)
        result = _invoke(["parse", *_QUIET, "--no-partial-parse", *places], manifest=None, callbacks=[])
    if not result.success:
        raise SettingsError(f"The dbt project in {project_dir} does not parse: {_reason(result)}")
    return target_dir / "manifest.json"


def compute_days(
    *,
    url: URL | str,
    project_dir: Path,
    store: Store,
    first: date,
    last: date,
    run_id: str,
    sales_basis: str = "net",
    marts: Sequence[Mart] = MARTS,
    target_dir: Path | None = None,
    work_dir: Path | None = None,
    on_event: OnEvent | None = None,
) -> list[ComputedMart]:
    """Replace the marts' rows of the store-local days `first` to `last`, both included, and stamp the days.

    May be repeated, and run by several processes at once. Each mart is replaced in one transaction.

    Args:
        url: the warehouse, in which `raw` and the mart tables exist.
        project_dir: the dbt project, prepared by `prepare_manifest`.
        store: whose days they are.
        first: the first day.
        last: the last day.
        run_id: what the days are stamped with.
        sales_basis: what counts as sales: `net`, `net_without_shipping`, `gross` or `with_tax`.
        marts: which marts to replace; `order_profit` is summed from what `order_costs` holds.
        target_dir: where `prepare_manifest` kept the parsed project.
        work_dir: where what dbt says is appended to `dbt.log`. Unset: no log is kept.
        on_event: called with each of dbt's structured events.

    Raises:
        DayError: when dbt fails; nothing of the mart that failed is changed. `WarehouseLostError` when
            the warehouse was lost.
        SettingsError: when the project was never prepared.
    """
    database = make_url(url)
    manifest = _load_manifest(target_dir or _default_target(project_dir), database.database or "")
    variables = {
        "first_day": first.isoformat(),
        "last_day": last.isoformat(),
        "store_timezone": store.timezone,
        "store_currency": store.currency,
        "sales_basis": sales_basis,
        "run_id": run_id,
    }
    with (
        _ONE_RUN_AT_A_TIME,
        _connection(make_url(url)),
        _log(work_dir) as write_log,
        tempfile.TemporaryDirectory(prefix="enrich-dbt-") as scratch,
    ):
        options = ["--no-write-json", *_places(project_dir, Path(scratch))]
        result = _invoke(
            ["run", *_QUIET, *options, "--select", *marts, "--vars", json.dumps(variables)],
            manifest=manifest,
            callbacks=[write_log, on_event] if on_event else [write_log],
        )
    if not result.success:
        days = f"{first}" if first == last else f"{first} to {last}"
        reason = _reason(result)
        is_lost = _LOST.search(reason) is not None and not is_refusal(reason)
        raise (WarehouseLostError if is_lost else DayError)(f"dbt could not compute {days}: {reason}")
    return [
        ComputedMart(
            mart=node.node.name,
            rows=int(node.adapter_response.get("rows_affected", 0)),
            seconds=node.execution_time,
        )
        for node in result.result.results
    ]


def _default_target(project_dir: Path) -> Path:
    return project_dir / "target"


def _places(project_dir: Path, target_dir: Path) -> list[str]:
    project, target = str(project_dir), str(target_dir.resolve())
    return ["--project-dir", project, "--profiles-dir", project, "--target-path", target, "--log-path", target]


def _load_manifest(target_dir: Path, database: str) -> Any:
    """Read the parsed project anew for each run: dbt keeps what it compiled in it, for that run's days.

    Parsing wrote the database of its own time into every node; a run is told the one that it is for.
    """
    from dbt.contracts.graph.manifest import Manifest  # noqa: PLC0415  # importing dbt takes more than a second

    path = target_dir / "partial_parse.msgpack"
    try:
        packed = path.read_bytes()
    except FileNotFoundError:
        raise SettingsError(f"dbt's project is not prepared: {path} is missing. Run `enrich prepare`.") from None
    manifest = Manifest.from_msgpack(packed)
    for node in (*manifest.nodes.values(), *manifest.sources.values()):
        node.database = database
    return manifest


def _invoke(arguments: list[str], *, manifest: Any, callbacks: list[OnEvent]) -> Any:
    from dbt.cli.main import dbtRunner  # noqa: PLC0415  # importing dbt takes more than a second

    return dbtRunner(manifest=manifest, callbacks=callbacks).invoke(arguments)


@contextmanager
def _log(work_dir: Path | None) -> Generator[OnEvent]:
    """Append dbt's messages to `dbt.log` in `work_dir`; without one, drop them."""
    if work_dir is None:
        yield lambda _: None
        return
    work_dir.mkdir(parents=True, exist_ok=True)
    with (work_dir / "dbt.log").open("a", encoding="utf-8") as file:

        def write(event: Any) -> None:
            if event.info.level in _LOGGED_LEVELS and event.info.msg.strip():
                file.write(f"{event.info.ts.ToJsonString()} {event.info.level:5} {event.info.msg.strip()}\n")

        yield write


def _reason(result: Any) -> str:
    if result.exception is not None:
        return str(result.exception).strip()
    failed = [node for node in result.result.results if node.status not in {"success", "skipped"}]
    return "; ".join(f"{node.node.name}: {str(node.message).strip()}" for node in failed) or "no reason was given"


@contextmanager
def _connection(url: URL) -> Generator[None]:
    """Put the parts of the warehouse's URL where profiles.yml reads them, for the time of a run."""
    parts = {name: value if isinstance(value, str) else value[0] for name, value in url.query.items()}
    variables = {
        "ENRICH_DBT_HOST": parts.get("host") or url.host or "",
        "ENRICH_DBT_PORT": str(parts.get("port") or url.port or 5432),
        "ENRICH_DBT_USER": url.username or "",
        "DBT_ENV_SECRET_ENRICH_PASSWORD": url.password or "",
        "ENRICH_DBT_DATABASE": url.database or "",
        "ENRICH_DBT_SSLMODE": parts.get("sslmode", ""),
        "ENRICH_DBT_SSLROOTCERT": parts.get("sslrootcert", ""),
        "ENRICH_DBT_SSLCERT": parts.get("sslcert", ""),
        "ENRICH_DBT_SSLKEY": parts.get("sslkey", ""),
    }
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
