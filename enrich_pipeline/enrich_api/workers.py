"""Several worker processes behind one port: started together, replaced when one dies, stopped together.

Workers are forked, and share the listening socket and nothing else. Whatever a worker answered 2xx it had committed, so
killing one loses no more than the requests that it had not answered.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType

from enrich_pipeline.enrich_api.errors import ServiceStartError

_log = logging.getLogger(__name__)

_POLL_SECONDS = 0.05
_START_SECONDS = 30.0
# One that dies at once again is not started more often than this.
_LEAST_LIFE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class WorkerLink:
    """A worker's ends of its pipes: `ready` takes a byte once it serves, `parent` ends when the parent is gone."""

    ready: int
    parent: int

    def tell_ready(self) -> None:
        """Tell the parent that requests are served."""
        os.write(self.ready, b"1")


@dataclass(slots=True)
class _Worker:
    pid: int
    ready: int
    started_at: float

    def is_ready(self) -> bool:
        os.set_blocking(self.ready, False)
        try:
            return os.read(self.ready, 1) == b"1"
        except BlockingIOError:
            return False

    def has_ended(self) -> bool:
        return os.waitpid(self.pid, os.WNOHANG)[0] == self.pid

    def signal(self, number: int) -> None:
        os.kill(self.pid, number)


class Workers:
    """The parent of the workers. `run` is what each of them does; it returns when the worker was asked to stop."""

    def __init__(self, count: int, run: Callable[[WorkerLink], None], *, grace_seconds: float) -> None:
        self._count = count
        self._run = run
        self._grace_seconds = grace_seconds
        self._parent_read, self._parent_write = os.pipe()
        self._workers: list[_Worker] = []
        self._stopping = False

    def serve(self, announce: Callable[[], None]) -> None:
        """Start the workers, call `announce` once all of them serve, and keep them until SIGTERM or SIGINT.

        Raises:
            ServiceStartError: when one of them cannot start.
        """
        previous = {number: signal.signal(number, self._stop) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            self._workers = [self._start() for _ in range(self._count)]
            self._wait_until_ready()
            if not self._stopping:
                announce()
            while not self._stopping:
                self._replace_dead()
                time.sleep(_POLL_SECONDS)
        finally:
            self._end_all()
            for number, handler in previous.items():
                signal.signal(number, handler)

    def _start(self) -> _Worker:
        ready_read, ready_write = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            os.close(self._parent_write)
            self._be_worker(WorkerLink(ready_write, self._parent_read))
        os.close(ready_write)
        return _Worker(pid, ready_read, time.monotonic())

    def _be_worker(self, link: WorkerLink) -> None:
        """Never returns: what the parent would do at its own end is not the worker's to do."""
        code = 1
        try:
            self._run(link)
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        waiting = list(self._workers)
        while waiting and not self._stopping:
            if any(worker.has_ended() for worker in waiting) or time.monotonic() > deadline:
                raise ServiceStartError("A worker of the service did not start; see the lines above.")
            waiting = [worker for worker in waiting if not worker.is_ready()]
            time.sleep(_POLL_SECONDS)

    def _replace_dead(self) -> None:
        for place, worker in enumerate(self._workers):
            if worker.has_ended():
                os.close(worker.ready)
                _log.warning("Worker %d of the service died; another takes its place.", worker.pid)
                time.sleep(max(0.0, worker.started_at + _LEAST_LIFE_SECONDS - time.monotonic()))
                self._workers[place] = self._start()

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping = True

    def _end_all(self) -> None:
        deadline = time.monotonic() + self._grace_seconds
        left = [worker for worker in self._workers if not _try_ended(worker)]
        for worker in left:
            worker.signal(signal.SIGTERM)
        while left:
            left = [worker for worker in left if not worker.has_ended()]
            if time.monotonic() > deadline:
                for worker in left:
                    worker.signal(signal.SIGKILL)
            time.sleep(_POLL_SECONDS)
        for worker in self._workers:
            os.close(worker.ready)
        os.close(self._parent_read)
        os.close(self._parent_write)


def _try_ended(worker: _Worker) -> bool:
    """Whether it has ended; one that was found dead before has."""
    try:
        return worker.has_ended()
    except ChildProcessError:
        return True
