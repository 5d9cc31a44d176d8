"""Running the service: on a port of its own, in one process or several, until it is asked to stop."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import os
import signal
import socket
import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import FrameType

import uvicorn

from enrich_pipeline.enrich_api.app import create_app
from enrich_pipeline.enrich_api.config import ApiConfig
from enrich_pipeline.enrich_api.dashboard.sessions import offer_sign_in
from enrich_pipeline.enrich_api.database import connect
from enrich_pipeline.enrich_api.errors import ConfigError, PortTakenError, ServiceStartError
from enrich_pipeline.enrich_api.request_protocol import request_protocol
from enrich_pipeline.enrich_api.workers import WorkerLink, Workers

_GRACE_SECONDS = 10


class _ReadyServer(uvicorn.Server):
    """Tells when it really listens, which is after the application has started."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None], parent: int | None) -> None:
        super().__init__(config)
        self._ready = ready
        self._parent = parent

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then tell."""
        if self._parent is not None:
            asyncio.get_running_loop().add_reader(self._parent, os._exit, 1)
        await super().startup(sockets)
        if self.started:
            self._ready()


def serve(config: ApiConfig, *, host: str, port: int, announce: Callable[[str, str], None], workers: int = 1) -> None:
    """Serve until SIGTERM or SIGINT, then finish the requests in flight and return.

    Args:
        config: what to serve.
        host: address to listen on.
        port: port to listen on; 0 takes a free one.
        workers: processes that serve; above one, another process watches them and replaces one that dies.
        announce: called once requests are answered, with the base URL and an address that signs one browser in.

    Raises:
        PortTakenError: when another process listens there.
        ConfigError: when faults are asked of several workers, `host` is no address of this machine, or it is one
            that others reach and there is no password.
        DatabaseUnavailableError: when the database is out of reach.
        ServiceStartError: when the application failed to start; the reason was logged.
    """
    if workers > 1 and (config.faults or config.fault_control):
        raise ConfigError("Faults are counted in one process: leave --workers at 1 with --fault and --fault-control.")
    if not _is_this_machine(host) and config.dashboard_password is None:
        raise ConfigError(f"{host} can be reached from other machines: set ENRICH_API_PASSWORD, for the dashboard.")
    with connect(config) as connection:  # creates what is missing of the schema, before anything listens
        listener = _listen(host, port)
        shown_host = f"[{host}]" if ":" in host else host
        base_url = f"http://{shown_host}:{listener.getsockname()[1]}"
        dashboard_url = offer_sign_in(connection, base_url)
    config = replace(config, allowed_hosts=config.allowed_hosts | {host})
    tell = partial(announce, base_url, dashboard_url)
    with tempfile.TemporaryDirectory(prefix="enrich-api-") as folder, listener:
        serve_here = partial(_serve_here, config, listener, Path(folder))
        if workers == 1:
            serve_here(tell)
        else:
            Workers(workers, partial(_serve_as_worker, serve_here), grace_seconds=_GRACE_SECONDS + 2).serve(tell)


def _serve_as_worker(serve_here: Callable[..., None], link: WorkerLink) -> None:
    serve_here(link.tell_ready, parent=link.parent)


def _serve_here(
    config: ApiConfig, listener: socket.socket, folder: Path, ready: Callable[[], None], *, parent: int | None = None
) -> None:
    """Serve in this process. It ends at once when the pipe `parent` does: then its parent was killed."""
    settings = uvicorn.Config(
        create_app(config, folder),
        http=request_protocol(config.request_seconds),
        ws="none",
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    server = _ReadyServer(settings, ready, parent)
    # uvicorn raises the signal that stopped it once more when it is done: here that is the end of the call, not of us.
    previous = {number: signal.signal(number, _ignore) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        server.run(sockets=[listener])
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
    if not server.started:
        raise ServiceStartError("The service did not start; see the lines above.")


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _ignore(_number: int, _frame: FrameType | None) -> None:
    """A signal handler that does nothing."""


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(2048)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            message = f"Port {port} of {host} is taken: stop what listens there, or choose another with --port."
            raise PortTakenError(message) from None
        raise ConfigError(f"Cannot listen on {host}:{port}: {error.strerror}.") from None
    return listener
