"""Pieces of a range are computed by several processes; whatever becomes of one, it is said, and nothing hangs."""

from __future__ import annotations

import multiprocessing
import os
from datetime import date, timedelta
from functools import partial
from pathlib import Path

import pytest

from enrich_pipeline.domain.errors import DayError
from enrich_pipeline.domain.range_pieces import Piece
from enrich_pipeline.warehouse.mart_workers import compute_pieces

PIECES = [Piece(date(2025, 3, 1) + timedelta(days=n), date(2025, 3, 1) + timedelta(days=n), 1) for n in range(6)]
BAD = PIECES[1]


def note(folder: Path, piece: Piece) -> None:
    with (folder / f"{piece.first}").open("a") as file:
        file.write(f"{os.getpid()}\n")


def note_and_fail(folder: Path, piece: Piece) -> None:
    note(folder, piece)
    raise DayError(f"{piece.first} is bad")


def note_or_die(folder: Path, piece: Piece) -> None:
    if piece == BAD:
        os._exit(9)
    note(folder, piece)


def noted(folder: Path) -> dict[str, list[str]]:
    return {path.name: path.read_text().split() for path in folder.iterdir()}


def test_each_piece_is_computed_once_by_other_processes_and_told_here(tmp_path: Path) -> None:
    told: list[Piece] = []
    compute_pieces(partial(note, tmp_path), PIECES, processes=2, on_computed=told.append)
    assert sorted(told) == PIECES
    found = noted(tmp_path)
    assert sorted(found) == [f"{piece.first}" for piece in PIECES]
    assert all(len(pids) == 1 and pids != [str(os.getpid())] for pids in found.values())


@pytest.mark.parametrize(("pieces", "processes"), [(PIECES[:1], 2), (PIECES, 1)])
def test_one_piece_or_one_process_needs_no_other_process(tmp_path: Path, pieces: list[Piece], processes: int) -> None:
    told: list[Piece] = []
    compute_pieces(partial(note, tmp_path), pieces, processes=processes, on_computed=told.append)
    assert told == pieces
    assert noted(tmp_path) == {f"{piece.first}": [str(os.getpid())] for piece in pieces}


def test_after_a_piece_that_failed_no_further_one_begins_and_no_process_stays(tmp_path: Path) -> None:
    with pytest.raises(DayError, match=r"is bad$"):
        compute_pieces(partial(note_and_fail, tmp_path), PIECES, processes=2, on_computed=pytest.fail)
    assert {*noted(tmp_path)} <= {f"{piece.first}" for piece in PIECES[:2]}
    assert multiprocessing.active_children() == []


def test_a_process_that_is_killed_is_named_with_its_days(tmp_path: Path) -> None:
    with pytest.raises(DayError, match=f"computed {BAD.first} to {BAD.last} ended by itself.*COMPUTE_PROCESSES=1"):
        compute_pieces(partial(note_or_die, tmp_path), PIECES, processes=2, on_computed=lambda _: None)
