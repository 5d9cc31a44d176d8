"""A user's first hour: seed, serve, run, look at receipts; and what wrong use is told."""

from __future__ import annotations

import json
import signal
import socket
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest

from enrich_pipeline.domain.days import local_day
from enrich_pipeline.enrich_api.process import ServiceProcess, ServiceSpec
from enrich_pipeline.settings import Settings
from enrich_pipeline.warehouse.embedded import EmbeddedPostgres, libpq_url
from enrich_pipeline_tests.support.command_line import enrich, environment, start_enrich
from enrich_pipeline_tests.support.scripted_server import Silence, scripted_server

TIMEZONE = "America/New_York"


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shop") / "data"


@pytest.fixture(scope="module")
def shop(data_dir: Path) -> Iterator[dict[str, str]]:
    """A seeded store with its vendor running; yields the environment that points at both."""
    env = environment(data_dir, STORE_TIMEZONE=TIMEZONE, UPLOAD_BATCH_SIZE="10", UPLOAD_CONCURRENCY="2")
    server = EmbeddedPostgres.start(data_dir)
    assert enrich("seed", "--days", "4", "--orders-per-day", "300", "--seed", "7", env=env).returncode == 0
    spec = ServiceSpec(database_url=libpq_url(server.url("enrich_api")), store_timezone=TIMEZONE)
    with ServiceProcess(spec) as service:
        imported = enrich("api", "import", env=env)
        assert imported.returncode == 0, imported.stderr
        key = enrich("api", "key", env=env).stdout.strip()
        yield {**env, "WORKMAGIC_API_URL": service.base_url, "WORKMAGIC_API_KEY": key}


@pytest.fixture(scope="module")
def days() -> list[str]:
    """The last four store-local days, yesterday last."""
    today = local_day(datetime.now(UTC), Settings(store_timezone=TIMEZONE).store.zone)
    return [(today - timedelta(days=back)).isoformat() for back in (4, 3, 2, 1)]


def test_a_range_of_days_ends_in_receipts_that_add_up(shop: dict[str, str], days: list[str]) -> None:
    run = enrich("run", "--from", days[0], "--to", days[1], env=shop)
    assert run.returncode == 0, run.stderr
    shown = enrich("receipt", "--from", days[0], "--to", days[1], "--json", env=shop)
    receipts = json.loads(shown.stdout)
    assert [receipt["order_day"] for receipt in receipts] == days[:2]
    for receipt in receipts:
        assert receipt["accounted_for"]
        assert receipt["findings"] == 0
        assert sum(line["orders"] for line in receipt["states"]) == receipt["orders"]
        assert sum(Decimal(line["control_total"]) for line in receipt["states"]) == sum(
            Decimal(line["control_total"]) for line in receipt["source"]
        )


def test_a_run_killed_in_the_middle_of_an_upload_ends_like_one_that_was_not(
    shop: dict[str, str], data_dir: Path, days: list[str]
) -> None:
    day = days[2]
    warehouse = libpq_url(EmbeddedPostgres.start(data_dir).url("warehouse"))
    process = start_enrich("run", "--from", day, "--to", day, env=shop, output=data_dir / "killed.log")
    sending = "SELECT count(*) FROM enrich.upload_batches WHERE order_day = %s AND status = 'sending'"
    with psycopg.connect(warehouse, autocommit=True) as connection:
        while process.poll() is None:
            if connection.execute(sending, (day,)).fetchone()[0] >= 3:  # type: ignore[index]  # count has a row
                process.send_signal(signal.SIGKILL)
                break
        assert process.wait(timeout=30) == -signal.SIGKILL
        unsettled = connection.execute(sending, (day,)).fetchone()
        assert unsettled is not None
        assert unsettled[0] > 0, "the upload was over before it was killed"

    def receipt() -> dict[str, object]:
        assert enrich("run", "--from", day, "--to", day, env=shop).returncode == 0
        (shown,) = json.loads(enrich("receipt", "--from", day, "--to", day, "--json", env=shop).stdout)
        return {name: shown[name] for name in ("source", "states", "computed_hash", "held_hash", "accounted_for")}

    after_the_kill = receipt()
    # The same day, sent anew to a vendor that has forgotten it: a run that nothing disturbed.
    with psycopg.connect(warehouse) as connection:
        connection.execute("DELETE FROM enrich.upload_ledger WHERE order_day = %s", (day,))
        connection.execute("DELETE FROM enrich.upload_batches WHERE order_day = %s", (day,))
    with psycopg.connect(libpq_url(EmbeddedPostgres.start(data_dir).url("enrich_api"))) as vendor:
        vendor.execute("UPDATE enrich_api.orders SET created_at = NULL")
    assert after_the_kill["accounted_for"]
    assert receipt() == after_the_kill


def test_a_run_that_is_asked_to_end_says_what_it_waits_for_and_how_to_go_on(
    shop: dict[str, str], data_dir: Path, days: list[str]
) -> None:
    output = data_dir / "interrupted.log"
    with scripted_server(lambda _request: Silence()) as vendor:
        env = {**shop, "WORKMAGIC_API_URL": vendor.url}
        process = start_enrich("run", "--from", days[3], "--to", days[3], "--full", env=env, output=output)
        _wait_for(lambda: vendor.requests)
        process.terminate()
        _wait_for(lambda: "stopping, once the requests in flight have ended" in _words(output))
        assert process.poll() is None
        vendor.over.set()
        assert process.wait(timeout=60) == 1
    assert "was interrupted. What it did stands: run the same days again" in _words(output)
    assert "Dagster" not in _words(output)
    assert "Traceback" not in _words(output)


def _words(output: Path) -> str:
    """What was printed, without the line breaks that the terminal's width brings about."""
    return " ".join(output.read_text().split())


def _wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_the_key_and_passwords_are_in_no_output(shop: dict[str, str], days: list[str]) -> None:
    run = enrich("run", "--from", days[3], "--to", days[3], env=shop)
    assert run.returncode == 0
    assert shop["WORKMAGIC_API_KEY"] not in run.stdout + run.stderr


@pytest.mark.parametrize(
    ("arguments", "variables", "words"),
    [
        (["run", "--from", "2019-01-01", "--to", "2019-01-01"], {}, "FIRST_DAY"),
        (["run", "--from", "2999-01-01", "--to", "2999-01-01"], {}, "future"),
        (["receipt"], {"STORE_TIMEZONE": "Mars/Olympus"}, "STORE_TIMEZONE"),
        (["receipt"], {"WAREHOUSE_URL": "mysql://root:hunter2@127.0.0.1/x"}, "PostgreSQL"),
        (["receipt"], {"WORKMAGIC_API_URL": "http://example.com"}, "https"),
        (["receipt"], {"ALERT_WEBHOOK_URL": "https://hooks.example.com:hunter2"}, "ALERT_WEBHOOK_URL"),
        (["seed"], {"STORE_TIMEZONE": "CET"}, "Europe/Brussels"),
        (
            ["run", "--from", "2026-01-01", "--to", "2026-01-01"],
            {"SOURCE_URL": "mssql+pyodbc://root:hunter2@127.0.0.1/x"},
            "SOURCE_URL",
        ),
        (["load", "no-such-folder"], {}, "no-such-folder"),
    ],
)
def test_wrong_use_exits_2_and_says_what_to_set(
    shop: dict[str, str], arguments: list[str], variables: dict[str, str], words: str
) -> None:
    done = enrich(*arguments, env={**shop, **variables})
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert "hunter2" not in done.stderr


def test_a_run_without_a_key_says_where_to_get_one(shop: dict[str, str], days: list[str]) -> None:
    done = enrich("run", "--from", days[0], "--to", days[0], env={**shop, "WORKMAGIC_API_KEY": ""})
    assert done.returncode == 2
    assert "WORKMAGIC_API_KEY" in done.stderr
    assert "enrich api key" in done.stderr


@pytest.mark.parametrize("command", [["ui"], ["demo", "--keep"]])
def test_a_port_that_is_taken_is_said_before_any_work(shop: dict[str, str], command: list[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = enrich(*command, "--port", str(taken.getsockname()[1]), env=shop)
    assert done.returncode == 2
    assert "Address already in use" in done.stderr
    assert "--port" in done.stderr
    assert done.stdout == ""


def test_every_command_has_help_with_an_example() -> None:
    for command in ("load", "seed", "run", "receipt", "ui", "demo", "prove"):
        assert "Example" in enrich(command, "--help", env=environment(Path("unused"))).stdout, command
