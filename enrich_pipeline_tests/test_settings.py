"""What a setting may be: an address that no request could reach is refused where it is read, without repeating it."""

from __future__ import annotations

import pytest

from enrich_pipeline.domain.errors import SettingsError
from enrich_pipeline.settings import load_settings


@pytest.mark.parametrize(
    "url",
    [
        "https://api.example.com",
        "https://api.example.com.:8443/v1",
        "https://API.example.com",
        "https://xn--bcher-kva.example",
        "https://10.0.0.7",
        "https://[2001:db8::7]:443",
        "http://localhost:8321",
        "http://[::1]:8321",
    ],
)
def test_a_host_may_be_a_name_or_an_address(url: str) -> None:
    assert load_settings(workmagic_api_url=url).workmagic_api_url == url


@pytest.mark.parametrize("setting", ["workmagic_api_url", "alert_webhook_url"])
@pytest.mark.parametrize(
    "url",
    [
        "https://",
        "https:///hunter2",
        "https://hunter2..example.com",
        "https://.hunter2.com",
        "https://hunter2 example.com",
        "https://hunter2-bücher.example",
        "https://127.0.0.1:hunter2",
        "https://127.0.0.1:99999/hunter2",
        "https://127.0.0.1:0/hunter2",
        "https://[hunter2",
    ],
)
def test_a_host_or_port_that_there_cannot_be_is_refused_and_not_repeated(setting: str, url: str) -> None:
    with pytest.raises(SettingsError, match=setting.upper()) as caught:
        load_settings(**{setting: url})
    assert "hunter2" not in str(caught.value)
