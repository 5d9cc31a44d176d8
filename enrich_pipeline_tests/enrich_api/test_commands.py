"""`enrich api`, as a command line that plugs the group in would run it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner, Result
from sqlalchemy import URL

from enrich_pipeline.enrich_api.__main__ import config_from_environment
from enrich_pipeline.enrich_api.channel_orders import ChannelOrder
from enrich_pipeline.enrich_api.commands import build_api_group
from enrich_pipeline.enrich_api.config import ApiConfig
from enrich_pipeline.enrich_api.errors import ConfigError
from enrich_pipeline.warehouse.embedded import libpq_url


@contextmanager
def two_orders() -> Iterator[list[ChannelOrder | tuple[object, ...]]]:
    yield [("A", datetime(2025, 6, 1, tzinfo=UTC), "USD", 1, 1), ("B", None, "USD", 1, 1)]


def run(url: URL, *arguments: str) -> Result:
    group = build_api_group(lambda: ApiConfig(database_url=libpq_url(url)), two_orders)
    return CliRunner().invoke(group, list(arguments))


def test_key_prints_a_new_key_and_nothing_else(api_database: URL) -> None:
    first, second = run(api_database, "key"), run(api_database, "key")

    assert first.exit_code == second.exit_code == 0
    assert first.stdout.startswith("eoa_")
    assert first.stdout.count("\n") == 1
    assert first.stdout != second.stdout
    with psycopg.connect(libpq_url(api_database)) as connection:
        live = connection.execute("SELECT count(*) FROM enrich_api.api_keys WHERE revoked_at IS NULL").fetchone()
    assert live == (1,)


def test_import_tells_what_it_did(api_database: URL) -> None:
    assert run(api_database, "import").stdout == "Imported 2 orders from 2 rows: 2 new, 0 changed.\n"
    assert run(api_database, "import").stdout == "Imported 2 orders from 2 rows: 0 new, 0 changed.\n"


def test_refresh_tells_what_it_applied(api_database: URL) -> None:
    assert run(api_database, "refresh").stdout == "Refreshed: 0 applied, 0 outside the window.\n"


def test_a_wrong_use_exits_with_2(api_database: URL) -> None:
    assert run(api_database, "serve", "--profile", "best").exit_code == 2
    wrong = run(api_database, "serve", "--host", "127.0.0.1x", "--port", "0")
    assert (wrong.exit_code, wrong.stderr.startswith("Error: 127.0.0.1x can be reached")) == (2, True)


def test_beyond_this_machine_it_is_served_only_with_a_password(api_database: URL) -> None:
    refused = run(api_database, "serve", "--host", "0.0.0.0", "--port", "0")
    assert refused.exit_code == 2
    assert "set ENRICH_API_PASSWORD" in refused.stderr

    config = ApiConfig(database_url=libpq_url(api_database), dashboard_password="twelve chars")
    served = CliRunner().invoke(build_api_group(lambda: config), ["serve", "--host", "203.0.113.1", "--port", "0"])
    assert (served.exit_code, served.stderr.startswith("Error: Cannot listen on 203.0.113.1")) == (2, True)
    assert "twelve" not in repr(config)


def test_a_password_that_would_be_guessed_is_refused() -> None:
    with pytest.raises(ConfigError, match="at least 12 characters"):
        ApiConfig(database_url="", dashboard_password="short")


def test_without_other_orders_to_import_a_file_is_needed(api_database: URL, tmp_path: Path) -> None:
    group = build_api_group(lambda: ApiConfig(database_url=libpq_url(api_database)))
    file = tmp_path / "orders.csv"
    file.write_text("order_id\nA\n", encoding="utf-8")

    assert CliRunner().invoke(group, ["import"]).exit_code == 2
    assert CliRunner().invoke(group, ["import", str(file)]).stdout.startswith("Imported 1 orders from 1 rows: 1 new")


def test_a_configurations_repr_has_no_database_url() -> None:
    assert "s3cret" not in repr(ApiConfig(database_url="postgresql://u:s3cret@h/d"))


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({}, "ENRICH_API_DATABASE_URL"),
        ({"ENRICH_API_DATABASE_URL": "hunter2"}, "ENRICH_API_DATABASE_URL"),
        ({"ENRICH_API_DATABASE_URL": "postgresql+psycopg://u:hunter2@h/d"}, "ENRICH_API_DATABASE_URL"),
        ({"ENRICH_API_DATABASE_URL": "postgresql://u:hunter2@h..h/d"}, "ENRICH_API_DATABASE_URL"),
        ({"ENRICH_API_DATABASE_URL": "postgresql://h/d", "CONTRACT_PROFILE": "best"}, "CONTRACT_PROFILE"),
        ({"ENRICH_API_DATABASE_URL": "postgresql://h/d", "ENRICH_NOW": "2025-06-10T00:00:00"}, "ENRICH_NOW"),
        ({"ENRICH_API_DATABASE_URL": "postgresql://h/d", "ENRICH_NOW": "yesterday"}, "ENRICH_NOW"),
        ({"ENRICH_API_DATABASE_URL": "postgresql://h/d", "STORE_TIMEZONE": "Mars/Olympus"}, "STORE_TIMEZONE"),
        ({"ENRICH_API_DATABASE_URL": "postgresql://h/d", "STORE_CURRENCY": "US$"}, "STORE_CURRENCY"),
    ],
)
def test_a_wrong_variable_is_named(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], named: str) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=named) as raised:
        config_from_environment()
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://brand@/d?host=" + "/a-folder-with-a-long-name" * 4,
        "host=db1.example.com,db2.example.com dbname=d",
    ],
)
def test_a_sockets_folder_and_several_hosts_are_taken(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("ENRICH_API_DATABASE_URL", url)
    assert config_from_environment().database_url == url


def test_the_business_clock_can_be_fixed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENRICH_API_DATABASE_URL", "postgresql://h/d")
    monkeypatch.setenv("ENRICH_NOW", "2025-06-20T03:30:00Z")
    monkeypatch.setenv("STORE_TIMEZONE", "America/New_York")

    assert str(config_from_environment().today()) == "2025-06-19"


def test_a_store_of_its_own_has_a_key_and_orders_of_its_own(api_database: URL) -> None:
    added = run(api_database, "store", "add", "berlin", "--timezone", "Europe/Berlin", "--currency", "EUR")
    assert added.exit_code == 0

    assert run(api_database, "store", "list").stdout == "default\tUTC\tUSD\nberlin\tEurope/Berlin\tEUR\n"
    assert run(api_database, "key", "--store", "berlin").exit_code == 0
    assert run(api_database, "import", "--store", "berlin").stdout.endswith("2 new, 0 changed.\n")
    assert run(api_database, "import").stdout.endswith("2 new, 0 changed.\n")
    missing = run(api_database, "refresh", "--store", "paris")
    assert (missing.exit_code, "There is no store 'paris'" in missing.stderr) == (2, True)


def test_the_key_can_be_printed_again_where_it_was_sealed(api_database: URL, tmp_path: Path) -> None:
    config = ApiConfig(database_url=libpq_url(api_database), key_secret_file=tmp_path / "secret")
    group = build_api_group(lambda: config)
    made = CliRunner().invoke(group, ["key", "--label", "nightly", "--overlap", "5"])

    assert CliRunner().invoke(group, ["key", "--copy"]).stdout == made.stdout
    unsealed = run(api_database, "key", "--copy")
    assert (unsealed.exit_code, unsealed.stdout) == (1, "")
    assert "generate one anew" in unsealed.stderr
