"""`enrich run` on a warehouse that it may not use: the reason stands there, and nothing that hides it."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from enrich_pipeline.cli import main
from enrich_pipeline.warehouse.embedded import API_ROLE, EmbeddedPostgres
from enrich_pipeline_tests.support.small_store import SmallStore


@pytest.fixture
def days(store: SmallStore, postgres: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The options of a command on the store's day; its warehouse's user is one who may only connect."""
    database = store.url.database or ""
    store.execute(f"GRANT CONNECT ON DATABASE {database} TO {API_ROLE}")
    monkeypatch.setenv("WAREHOUSE_URL", postgres.url(database, role=API_ROLE).render_as_string())
    return ["--from", store.day.key, "--to", store.day.key]


def test_a_run_says_what_its_user_may_not_do(days: list[str]) -> None:
    done = CliRunner().invoke(main, ["run", *days])
    words = " ".join(done.output.split())
    assert done.exit_code == 1
    assert "The run failed: psycopg.errors.InsufficientPrivilege: permission denied for schema enrich" in words
    assert "`enrich doctor` looks at the set-up." in words


@pytest.mark.parametrize("command", ["upload", "receipt"])
def test_another_command_says_it_too(days: list[str], command: str) -> None:
    done = CliRunner().invoke(main, [command, *days])
    assert done.exit_code == 2
    assert "The database refused: permission denied for schema enrich. `enrich doctor` says what" in done.output


def test_a_table_that_cannot_be_read_as_it_is_is_named_without_our_errors_class(store: SmallStore) -> None:
    store.execute("ALTER TABLE raw.orders ALTER COLUMN ordered_at TYPE timestamp")
    done = CliRunner().invoke(main, ["run", "--from", store.day.key, "--to", store.day.key])
    store.execute("ALTER TABLE raw.orders ALTER COLUMN ordered_at TYPE timestamptz")
    words = " ".join(done.output.split())
    assert done.exit_code == 1
    assert "The run failed: The raw tables cannot be read as they are: raw.orders.ordered_at is timestamp" in words
