"""A client against a server that answers as the test says, on a clock that stands still."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from pydantic import SecretStr

from enrich_pipeline.domain.contract import FULL
from enrich_pipeline.enrich_client import EnrichClient, RetryPolicy
from enrich_pipeline_tests.support.scripted_server import Answer, Respond, ScriptedServer, in_turn, scripted_server
from enrich_pipeline_tests.support.still_clock import StillClock

KEY = "wm_secret_4f7a91"


@pytest.fixture
def talking():
    """`with talking(answer, ...) as (client, server):` the answers in turn, or one function that gives them."""

    @contextmanager
    def start(
        *answers: Answer, respond: Respond | None = None, profile=FULL, time: StillClock | None = None, **options: Any
    ) -> Iterator[tuple[EnrichClient, ScriptedServer]]:
        clock = (time or StillClock()).clock
        options = {"retry": RetryPolicy(attempts=3), **options}
        with (
            scripted_server(respond or in_turn(*answers)) as server,
            EnrichClient(server.url, SecretStr(KEY), profile, clock=clock, **options) as client,
        ):
            yield client, server

    return start
