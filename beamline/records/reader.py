"""Reading a log file: whatever is whole in it, and a description of whatever is not.

Small on purpose: it is to read in ten years what was written tonight, with msgpack and numpy alone.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, overload

from beamline.records.codec import decode
from beamline.records.errors import CodecError
from beamline.records.frames import HEADER, Damage, Frame, check_header, last_frame, scan

__all__ = ["Document", "Ends", "RunLog", "iter_run", "read_ends", "read_run"]

Document = tuple[str, dict[str, Any]]
"""Name and contents of a Bluesky document."""

_PIECE_BYTES: Final = 64 * 1024
"""Read from each end of a file to find its start and stop documents."""


@dataclass(frozen=True)
class RunLog(Sequence[Document]):
    """The documents of one log file, as a sequence of (name, document), and what is wrong with the file.

    Attributes:
        path: the file.
        documents: all that could be read, in the order in which they were written.
        damage: empty for a healthy file. A log that is being written may show a torn end.
        readable_end: where the last whole record ends, bytes.
        next_number: what the next record's number would be.
    """

    path: Path
    documents: tuple[Document, ...]
    damage: tuple[Damage, ...]
    readable_end: int
    next_number: int

    @overload
    def __getitem__(self, index: int) -> Document: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Document, ...]: ...
    def __getitem__(self, index: int | slice) -> Document | tuple[Document, ...]:
        return self.documents[index]

    def __len__(self) -> int:
        return len(self.documents)

    @property
    def start(self) -> dict[str, Any] | None:
        """The start document, or None where it is lost."""
        return next((doc for name, doc in self.documents if name == "start"), None)

    @property
    def stop(self) -> dict[str, Any] | None:
        """The stop document, or None where the run has not ended or its end is lost."""
        return next((doc for name, doc in reversed(self.documents) if name == "stop"), None)

    def report(self) -> str:
        """One line per damage, with the file and the offset; empty for a healthy file."""
        return "\n".join(f"{self.path}: {damage}" for damage in self.damage)


@dataclass(frozen=True)
class Ends:
    """First and last document of a log, read without the rest.

    Attributes:
        start: the start document; None where the file does not begin with a whole one.
        stop: the stop document; None where the file does not end with a whole one.
    """

    start: dict[str, Any] | None
    stop: dict[str, Any] | None


def read_run(path: Path | str) -> RunLog:
    """All that can be read of a log file.

    Raises:
        FileNotFoundError: there is no such file. Nothing else: damage is described, not raised.
    """
    path = Path(path)
    documents: list[Document] = []
    damage: list[Damage] = []
    end, number = 0, 0
    for part in _parts(path):
        if isinstance(part, Damage):
            damage.append(part)
            continue
        frame, document = part
        end, number = frame.end, frame.number + 1
        if document is not None:
            documents.append(document)
    return RunLog(path, tuple(documents), tuple(damage), end, number)


def iter_run(path: Path | str, on_damage: Callable[[Damage], object] | None = None) -> Iterator[Document]:
    """The documents of a log file one after another; each damage on the way is handed to `on_damage`.

    Raises:
        FileNotFoundError: there is no such file.
    """
    for part in _parts(Path(path)):
        if isinstance(part, Damage):
            if on_damage is not None:
                on_damage(part)
        elif part[1] is not None:
            yield part[1]


def read_ends(path: Path | str) -> Ends:
    """Start and stop document, at the cost of reading the two ends of the file.

    Raises:
        OSError: the file cannot be read.
    """
    with Path(path).open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        return Ends(_first(file.read, size), _last(file, size))


def _first(read: Callable[[int], bytes], size: int) -> dict[str, Any] | None:
    data, wanted = b"", _PIECE_BYTES
    while True:
        data += read(wanted)
        if check_header(data) is not None:
            return None
        frame = next(scan(data), None)
        if isinstance(frame, Frame):
            return _document_named("start", frame)
        if len(data) >= size or wanted > size:
            return None
        wanted *= 4


def _last(file: Any, size: int) -> dict[str, Any] | None:
    wanted = _PIECE_BYTES
    while True:
        file.seek(max(0, size - wanted))
        frame = last_frame(file.read(wanted))
        if frame is not None:
            return _document_named("stop", frame)
        if wanted >= size:
            return None
        wanted *= 16


def _parts(path: Path) -> Iterator[Damage | tuple[Frame, Document | None]]:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise
    except OSError as error:
        yield Damage("unreadable", 0, 0, f"the system refuses to read it: {error.strerror}")
        return
    wrong = check_header(data)
    if wrong is not None:
        yield wrong
        if wrong.kind != "header":
            return
    for part in scan(data, len(HEADER)):
        if isinstance(part, Damage):
            yield part
            continue
        try:
            document = _document(part)
        except CodecError as error:
            yield Damage("undecodable", part.offset, part.end - part.offset, f"record {part.number}: {error}")
            document = None
        yield part, document


def _document(frame: Frame) -> Document:
    match decode(frame.payload):
        case [str(name), dict(doc)]:
            return name, doc
    raise CodecError("a record must be a name and a document")


def _document_named(name: str, frame: Frame) -> dict[str, Any] | None:
    try:
        found, doc = _document(frame)
    except CodecError:
        return None
    return doc if found == name else None
