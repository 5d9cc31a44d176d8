"""Computes the pieces of a long range at once, each by dbt, which can run once in a process: so in several.

A statement of PostgreSQL that writes runs on one processor. A worker is a spawned process that computes one piece after
the other, and ends when its pipe does: with this process, however that ends.
"""

from __future__ import annotations

import multiprocessing
from collections import deque
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from enrich_pipeline.domain.errors import DayError, EnrichError
from enrich_pipeline.domain.range_pieces import Piece

ComputePiece = Callable[[Piece], object]
"""Computes one piece. Travels to another process: a function of a module, or a partial of one."""


OnComputed = Callable[[Piece], object]
"""Told of each piece as soon as it is computed, in the calling thread."""


def compute_pieces(compute: ComputePiece, pieces: Sequence[Piece], *, processes: int, on_computed: OnComputed) -> None:
    """Compute every piece, at most `processes` at once, each in a transaction of its own; one alone in this process.

    Raises:
        EnrichError: what the first piece that failed raised. Those under way were computed, no further one was.
    """
    if len(pieces) == 1 or processes == 1:
        for piece in pieces:
            compute(piece)
            on_computed(piece)
        return
    context = multiprocessing.get_context("spawn")
    waiting = deque(pieces)
    workers: dict[Connection, BaseProcess] = {}
    for number in range(min(processes, len(pieces))):
        ours, theirs = context.Pipe()
        worker = context.Process(target=_work, args=(compute, theirs), name=f"compute-{number}", daemon=True)
        worker.start()
        theirs.close()
        workers[ours] = worker
    try:
        _hand_out(waiting, list(workers), on_computed)
    except BaseException:
        for worker in workers.values():
            worker.terminate()
        raise
    finally:
        for connection, worker in workers.items():
            connection.close()
            worker.join()


def _hand_out(waiting: deque[Piece], idle: list[Connection], on_computed: OnComputed) -> None:
    """Give each idle worker a piece until all are done; raise the first failure once nobody works any more."""
    failure: EnrichError | None = None
    busy: dict[Connection, Piece] = {}
    while True:
        while waiting and idle and failure is None:
            connection, piece = idle.pop(), waiting.popleft()
            connection.send(piece)
            busy[connection] = piece
        if not busy:
            break
        ready = wait(list(busy))
        for connection in [each for each in busy if each in ready]:
            piece = busy.pop(connection)
            error = _answer(connection, piece)
            failure = failure or error
            if error is None:
                idle.append(connection)
                on_computed(piece)
    if failure is not None:
        raise failure


def _answer(connection: Connection, piece: Piece) -> EnrichError | None:
    try:
        return connection.recv()
    except EOFError:
        return DayError(
            f"the process that computed {piece.first} to {piece.last} ended by itself, as for want of memory; nothing "
            "of these days was changed. Run them again, with COMPUTE_PROCESSES=1 if it happens once more."
        )


def _work(compute: ComputePiece, connection: Connection) -> None:
    """Compute what comes until nothing does."""
    while True:
        try:
            piece: Piece = connection.recv()
        except EOFError:
            return
        try:
            compute(piece)
        except EnrichError as error:
            connection.send(error)
        else:
            connection.send(None)
