"""The system's Chromium, driven by Playwright. Without one the tests skip and say how to get it; in CI they fail."""

from __future__ import annotations

import os
import shutil
from collections.abc import Generator, Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, sync_playwright

_INSTALL = "apt-get install chromium"
_FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]


@pytest.fixture
def browser() -> Iterator[Browser]:
    """A headless Chromium, for one test: Playwright keeps an event loop running while it is open."""
    with _chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def shared_browser() -> Iterator[Browser]:
    """The same for a module, none of whose tests may start an event loop of its own."""
    with _chromium() as opened:
        yield opened


@contextmanager
def _chromium() -> Generator[Browser]:
    executable = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if executable is None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"the browser tests need Chromium: {_INSTALL}")
        pytest.skip(f"no Chromium on this machine; to run the browser tests: {_INSTALL}")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=executable, args=_FLAGS)
        yield opened
        opened.close()
