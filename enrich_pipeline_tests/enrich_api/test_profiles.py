"""Settings of a contract profile, one by one."""

from __future__ import annotations

from datetime import time

import pytest

from enrich_pipeline.enrich_api.errors import ConfigError
from enrich_pipeline.enrich_api.profiles import FULL, MINIMAL, with_settings


def test_a_profile_can_differ_in_any_setting() -> None:
    changed = with_settings(
        FULL,
        ["largest_batch=200", "gzip=false", "requests_per_minute=60", "shown=after_refresh", "refresh_at=04:30:00"],
    )

    assert (changed.largest_batch, changed.gzip, changed.requests_per_minute) == (200, False, 60)
    assert (changed.shown, changed.refresh_at) == ("after_refresh", time(4, 30))
    assert changed.largest_limit == FULL.largest_limit


def test_a_limit_can_be_lifted() -> None:
    assert with_settings(MINIMAL, ["requests_per_minute=none"]).requests_per_minute is None


@pytest.mark.parametrize(
    "setting", ["name=full", "colour=red", "largest_batch", "largest_batch=many", "largest_batch=0", "shown=never"]
)
def test_a_setting_that_there_is_not_or_cannot_be_is_explained(setting: str) -> None:
    with pytest.raises(ConfigError, match=setting.partition("=")[0]):
        with_settings(FULL, [setting])
