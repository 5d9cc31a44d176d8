"""The service as a process of its own, started and stopped by a program: for the demo and for tests.

It is the real thing: another process, a real port, its own connections; so killing it proves what it claims.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Self

from enrich_pipeline.enrich_api.errors import ServiceStartError
from enrich_pipeline.enrich_api.profiles import ProfileName

_POLL_SECONDS = 0.02
_LISTENING = "listening on "


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSpec:
    """How to start a service. The database's URL travels in the environment, never on the command line.

    Attributes:
        database_url: libpq URL of the service's own database.
        profile: the contract profile.
        store_timezone: IANA zone of the store.
        store_currency: ISO 4217 code.
        allow_outside_window: whether a refresh applies orders of any age.
        now: a fixed business clock (zone-aware); None for the real one.
        key_secret_file: the file with the secret that keys are encrypted with; None keeps digests only.
        dashboard_password: opens the dashboard; empty for one-time addresses alone.
        port: 0 takes a free one.
        arguments: further arguments of `serve`.
    """

    database_url: str = field(repr=False)
    profile: ProfileName = "full"
    store_timezone: str = "UTC"
    store_currency: str = "USD"
    allow_outside_window: bool = False
    now: datetime | None = None
    key_secret_file: Path | None = None
    dashboard_password: str = field(default="", repr=False)
    port: int = 0
    arguments: Sequence[str] = ()

    def command(self) -> list[str]:
        """The command line."""
        window = ["--allow-outside-window"] if self.allow_outside_window else []
        command = [sys.executable, "-m", "enrich_pipeline.enrich_api", "serve", "--profile", self.profile]
        return [*command, "--port", str(self.port), *window, *self.arguments]

    def environment(self) -> dict[str, str]:
        """This process's environment, with the service's settings in place of whatever it holds of them."""
        return {
            **os.environ,
            "ENRICH_API_DATABASE_URL": self.database_url,
            "STORE_TIMEZONE": self.store_timezone,
            "STORE_CURRENCY": self.store_currency,
            "ENRICH_NOW": self.now.isoformat() if self.now else "",
            "ENRICH_API_PASSWORD": self.dashboard_password,
            "ENRICH_API_KEY_SECRET_FILE": str(self.key_secret_file or ""),
            "PYTHONUNBUFFERED": "1",
        }


class ServiceProcess:
    """A running service; a context manager that stops it."""

    def __init__(self, spec: ServiceSpec, *, ready_within_seconds: float = 30.0) -> None:
        """Start the service and wait until it answers.

        Raises:
            ServiceStartError: when it ends or does not answer in time; the message ends with its output.
        """
        self._folder = tempfile.TemporaryDirectory(prefix="enrich-api-")
        self._output = Path(self._folder.name) / "output.log"
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(  # noqa: S603  # our own module, by this interpreter
                spec.command(), env=spec.environment(), stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
        try:
            self.base_url = self._wait(ready_within_seconds)
        except BaseException:
            self.kill()
            self._folder.cleanup()
            raise

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self.base_url.rpartition(":")[2])

    def output(self) -> str:
        """What the service has printed so far."""
        return self._output.read_text(encoding="utf-8", errors="replace")

    def stop(self) -> int:
        """Ask it to stop, wait until it has, and return its exit code. May be repeated."""
        if self._process.poll() is None:
            self._process.terminate()
        return self._end()

    def kill(self) -> int:
        """Stop it as a power cut would. May be repeated."""
        if self._process.poll() is None:
            self._process.kill()
        return self._end()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._folder.cleanup()

    def _end(self) -> int:
        try:
            return self._process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()

    def _wait(self, seconds: float) -> str:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self._process.poll() is None:
            base_url = _announced_url(self.output())
            if base_url and _answers(base_url):
                return base_url
            time.sleep(_POLL_SECONDS)
        raise ServiceStartError(f"The Enrich Order API did not start. It printed:\n{self.output()}")


def _announced_url(output: str) -> str | None:
    _, found, rest = output.partition(_LISTENING)
    return rest.split()[0] if found and rest.split() else None


def _answers(base_url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{base_url}/readyz", timeout=5) as answer:  # noqa: S310  # our own http URL
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False
