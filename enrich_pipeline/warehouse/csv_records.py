"""A CSV file's records and the physical lines they begin on, cut exactly where PostgreSQL's COPY cuts them.

COPY reads the files; here they are read only for their header, and to say where something is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Record(NamedTuple):
    """A row as it stands in the file, with its line ending; `line` is the first of the lines it takes, from 1."""

    line: int
    content: bytes


class Fault(NamedTuple):
    """Why a record cannot be read, and on which line; `column` is empty where the fault is the record's."""

    line: int
    column: str
    message: str


def records(path: Path) -> Iterator[Record]:
    """Every record of the file, the header first. A newline between quotes does not end a record."""
    with path.open("rb") as file:
        begins, pending, quotes = 1, list[bytes](), 0
        for line, content in enumerate(file, start=1):
            pending.append(content)
            quotes += content.count(b'"')  # a quote within quotes is doubled, so it keeps the count even
            if quotes % 2 == 0:
                yield Record(begins, b"".join(pending))
                begins, pending, quotes = line + 1, [], 0
        if pending:
            yield Record(begins, b"".join(pending))


def read_header(path: Path) -> list[str]:
    """The names in the file's first record, without a byte order mark; none when the file is empty."""
    first = next(records(path), None)
    if first is None:
        return []
    names = _fields(first.content.removeprefix(_BYTE_ORDER_MARK))
    return [name.decode("utf-8", errors="replace") for name in names]


def lines_of(path: Path, numbers: set[int]) -> dict[int, int]:
    """The line on which each of these records begins. Records count from 1, the header is 0."""
    last = max(numbers, default=-1)
    lines: dict[int, int] = {}
    for number, record in enumerate(records(path)):
        if number in numbers:
            lines[number] = record.line
        if number >= last:
            break
    return lines


def faults(path: Path, columns: list[str]) -> Iterator[Fault]:
    """What keeps COPY from reading the file, whose header names `columns`, record by record."""
    ending = b""
    for number, record in enumerate(records(path)):
        if record.content.count(b'"') % 2:
            yield Fault(record.line, "", "a quoted field that begins here is never closed")
            continue
        ending = ending or _ending(record.content)
        if number and _ending(record.content) not in (ending, b""):
            yield Fault(record.line, "", f"the line ends in {_ending(record.content)!r}, those before in {ending!r}")
        yield from _faults_of(record, columns)


def _faults_of(record: Record, columns: list[str]) -> Iterator[Fault]:
    if b"\r" in b"".join(_without_ending(record.content).split(b'"')[::2]):
        yield Fault(record.line, "", "a carriage return outside quotes, in the middle of the line")
    values = _fields(record.content)
    if len(values) != len(columns):
        yield Fault(record.line, "", f"{len(values)} fields, expected {len(columns)}, as the header names")
        return
    for column, value in zip(columns, values, strict=True):
        if b"\0" in value:
            yield Fault(record.line, column, f"{value!r} holds a NUL byte")
        try:
            value.decode("utf-8")
        except UnicodeDecodeError as error:
            yield Fault(record.line, column, f"{value[: error.end]!r} is not UTF-8")


def _fields(record: bytes) -> list[bytes]:
    """The record's fields without their quotes; commas between quotes do not part them."""
    values = [b""]
    for position, part in enumerate(_without_ending(record).split(b'"')):
        if position % 2:
            values[-1] += part
        else:
            first, *others = part.split(b",")
            values[-1] += first
            values.extend(others)
    return values


def _ending(record: bytes) -> bytes:
    return record[len(_without_ending(record)) :]


def _without_ending(record: bytes) -> bytes:
    return record.removesuffix(b"\n").removesuffix(b"\r")
