"""The key: generated anew, copied later, never stored as it is, never printed unasked."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import httpx
import psycopg
import pytest
from sqlalchemy import URL

from enrich_pipeline.enrich_api.config import ApiConfig
from enrich_pipeline.enrich_api.database import Database, connect
from enrich_pipeline.enrich_api.errors import ConfigError
from enrich_pipeline.enrich_api.key_vault import KeyVault, open_vault
from enrich_pipeline.enrich_api.keys import copy_key, current_key, new_key, replace_key, stored_keys
from enrich_pipeline.warehouse.embedded import libpq_url
from enrich_pipeline_tests.enrich_api.wire import END, START, post, row
from enrich_pipeline_tests.support.api_server import RunningApi, running_api

Result = TypeVar("Result")


def status_with(api: RunningApi, key: str) -> int:
    headers = {"Authorization": f"Bearer {key}"}
    return httpx.get(f"{api.base_url}/enrich/orders", headers=headers, params={"start": START, "end": END}).status_code


def online(config: ApiConfig, work: Callable[[Database], Awaitable[Result]]) -> Result:
    async def run() -> Result:
        database = Database(config)
        await database.open()
        try:
            return await work(database)
        finally:
            await database.close()

    return asyncio.run(run())


@pytest.fixture
def config(api_database: URL) -> ApiConfig:
    return ApiConfig(database_url=libpq_url(api_database))


@pytest.fixture
def vault(tmp_path: Path) -> KeyVault:
    return open_vault(tmp_path / "secret")


def test_a_key_generated_anew_replaces_the_one_before_at_once(full: RunningApi, order_id: str) -> None:
    post(full, row(order_id))
    old, full.key = full.key, full.replace_key()

    for method, arguments in (
        ("GET", {"params": {"start": START, "end": END}}),
        ("POST", {"content": b'{"orders":[]}'}),
    ):
        headers = {"Authorization": f"Bearer {old}", "Content-Type": "application/json"}
        answer = httpx.request(method, f"{full.base_url}/enrich/orders", headers=headers, **arguments)
        assert answer.status_code == 401
    post(full, row(order_id))


def test_with_an_overlap_both_keys_work_until_it_has_passed(full: RunningApi) -> None:
    old, full.key = full.key, full.replace_key(overlap=timedelta(minutes=5))

    assert (status_with(full, old), status_with(full, full.key)) == (200, 200)
    with psycopg.connect(full.config.database_url) as connection:
        connection.execute("UPDATE enrich_api.api_keys SET revoked_at = now() WHERE revoked_at IS NOT NULL")
    assert (status_with(full, old), status_with(full, full.key)) == (401, 200)


def test_generating_anew_again_ends_an_overlap(full: RunningApi) -> None:
    oldest = full.key
    middle = full.replace_key(overlap=timedelta(minutes=5))
    full.key = full.replace_key()

    assert [status_with(full, key) for key in (oldest, middle, full.key)] == [401, 401, 200]


def test_the_database_and_the_output_hold_no_key(full: RunningApi) -> None:
    with psycopg.connect(full.config.database_url) as connection:
        rows = connection.execute("SELECT k::text FROM enrich_api.api_keys AS k").fetchall()

    assert full.key not in str(rows)
    assert full.key not in full.process.output()


def test_a_sealed_key_can_be_copied_with_its_secret_only(config: ApiConfig, vault: KeyVault, tmp_path: Path) -> None:
    with connect(config) as connection:
        key = replace_key(connection, vault=vault, label="  nightly \n upload ")

    [stored] = online(config, stored_keys)
    assert (stored.label, stored.ending, stored.is_sealed) == ("nightly upload", f"...{key[-4:]}", True)
    assert online(config, lambda database: copy_key(database, vault, stored.key_id)) == key
    other = open_vault(tmp_path / "other")
    assert online(config, lambda database: copy_key(database, other, stored.key_id)) is None
    assert online(config, lambda database: copy_key(database, KeyVault(), stored.key_id)) is None


def test_without_a_secret_only_a_digest_is_kept(config: ApiConfig) -> None:
    with connect(config) as connection:
        replace_key(connection, vault=open_vault(None))
        assert connection.execute("SELECT sealed FROM enrich_api.api_keys").fetchall() == [(None,)]
        assert current_key(connection, KeyVault()) is None


def test_a_replaced_key_cannot_be_copied_any_more(config: ApiConfig, vault: KeyVault) -> None:
    with connect(config) as connection:
        replace_key(connection, vault=vault)
        key = replace_key(connection, vault=vault, overlap=timedelta(minutes=5))
        assert current_key(connection, vault) == key

    newest, replaced = online(config, stored_keys)
    assert newest.works_until is None
    assert replaced.works_until is not None
    assert online(config, lambda database: copy_key(database, vault, replaced.key_id)) is None


def test_a_sealed_key_moved_to_another_row_does_not_open(vault: KeyVault) -> None:
    mine, other = new_key(), new_key()

    sealed = vault.seal(mine.secret, mine.digest)

    assert vault.open(sealed, mine.digest) == mine.secret
    assert vault.open(sealed, other.digest) is None


def test_the_secret_is_its_owners_alone_and_stays_the_same(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "secret"
    sealed = open_vault(path).seal("a key", b"digest")

    assert path.stat().st_mode & 0o777 == 0o600
    assert [found.name for found in path.parent.iterdir()] == ["secret"]
    assert open_vault(path).open(sealed, b"digest") == "a key"


def test_a_secret_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    open_vault(path)
    path.chmod(0o640)

    with pytest.raises(ConfigError, match="chmod 600"):
        open_vault(path)


def test_a_file_that_is_no_secret_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.touch(mode=0o600)

    with pytest.raises(ConfigError, match="holds no secret"):
        open_vault(path)


def test_when_a_key_was_last_used_is_noted(api_database: URL, config: ApiConfig) -> None:
    def last_used(_database: object = None) -> list[Any]:
        return [key.last_used_at for key in online(config, stored_keys)]

    with running_api(api_database) as api:
        assert last_used() == [None]
        assert status_with(api, api.key) == 200
        api.stop()

    [used] = last_used()
    assert abs(used - datetime.now(UTC)) < timedelta(minutes=1)


def test_a_new_keys_repr_tells_its_last_four_characters_only() -> None:
    key = new_key()

    assert key.secret not in repr(key)
    assert key.ending == f"...{key.secret[-4:]}"
    assert new_key().secret != key.secret
