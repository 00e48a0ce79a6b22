"""The bytes of a log file: a header, then framed records, each with a number and a checksum.

Pure logic from bytes to bytes; the files are the business of `log` and `reader`. The format is the contract of
docs/reference/records.md. All integers are unsigned and little-endian.

    header  magic (14 bytes)   version u16   crc32 u32 of the 16 bytes before
    record  marker (4 bytes)   number u32    length u32    crc32 u32 of number, length and payload    payload

The marker lets a reader find the next whole record behind a damaged one; the number tells how many are missing.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

__all__ = [
    "FORMAT_VERSION",
    "HEADER",
    "Damage",
    "DamageKind",
    "Frame",
    "check_header",
    "last_frame",
    "pack_frame",
    "scan",
]

MAGIC: Final = b"\x89vitrail-log\r\n"
"""Not text, and broken by whatever rewrites line ends or drops the eighth bit."""
FORMAT_VERSION: Final = 1
MARKER: Final = b"\xf7\x0aVR"
MAX_PAYLOAD_BYTES: Final = 2**31
"""Of one document. A spectrum is 16 kB; a bigger length is damage, and images belong in files of their own."""

_VERSION = struct.Struct("<H")
_CHECKSUM = struct.Struct("<I")
_FRAME = struct.Struct("<4sIII")
_NUMBERS = struct.Struct("<II")

_unsigned_header = MAGIC + _VERSION.pack(FORMAT_VERSION)
HEADER: Final = _unsigned_header + _CHECKSUM.pack(zlib.crc32(_unsigned_header))

DamageKind = Literal["empty", "foreign", "future", "header", "torn", "checksum", "missing", "undecodable", "unreadable"]


@dataclass(frozen=True)
class Damage:
    """What is wrong with a log, and where.

    Attributes:
        kind: `empty` nothing in the file; `foreign` not a log; `future` written by a newer version of the format;
            `header` damaged header before readable records; `torn` the file ends in the middle of a record;
            `checksum` bytes that are no whole record; `missing` records that are no longer there; `undecodable` a
            whole record that is no document; `unreadable` the system refuses to read the file.
        offset: position in the file, bytes.
        n_bytes: how many bytes are lost.
        detail: the same in words.
    """

    kind: DamageKind
    offset: int
    n_bytes: int
    detail: str

    def __str__(self) -> str:
        return f"byte {self.offset}: {self.kind}: {self.detail}"


@dataclass(frozen=True)
class Frame:
    """One whole record: where it stands, its number, what it carries."""

    offset: int
    end: int
    number: int
    payload: bytes


def pack_frame(number: int, payload: bytes) -> bytes:
    """Bytes of record `number` (counted from 0).

    Raises:
        ValueError: the payload is beyond 2 GiB.
    """
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise ValueError(f"a document of {len(payload)} bytes is beyond the {MAX_PAYLOAD_BYTES} of one record")
    checksum = zlib.crc32(payload, zlib.crc32(_NUMBERS.pack(number, len(payload))))
    return _FRAME.pack(MARKER, number, len(payload), checksum) + payload


def check_header(data: bytes) -> Damage | None:
    """What is wrong with the first bytes of a file, or None.

    Only `header` leaves hope for the records behind it.
    """
    if data.startswith(HEADER):
        return None
    if len(data) < len(HEADER):
        return _short_header(data)
    head = data[: len(HEADER)]
    if head.startswith(MAGIC):
        version = _VERSION.unpack(head[14:16])[0]
        if _CHECKSUM.unpack(head[16:])[0] == zlib.crc32(head[:16]) and version > FORMAT_VERSION:
            detail = f"format version {version}; this vitrail reads up to {FORMAT_VERSION}: use a newer one"
            return Damage("future", 14, len(data), detail)
        return Damage("header", 14, 0, "the version or its checksum is damaged; read as version 1")
    if _frame_at(data, len(HEADER)) is not None:
        return Damage("header", 0, 0, "the magic number is damaged, but records follow; read as version 1")
    return Damage("foreign", 0, len(data), "not a vitrail log: the magic number is missing")


def _short_header(data: bytes) -> Damage:
    if not data:
        return Damage("empty", 0, 0, "the file is empty")
    if HEADER.startswith(data):
        return Damage("torn", 0, len(data), f"the file ends within its header, after {len(data)} bytes")
    return Damage("foreign", 0, len(data), f"{len(data)} bytes that do not begin like a vitrail log")


def scan(data: bytes, start: int = len(HEADER), number: int = 0) -> Iterator[Frame | Damage]:
    """Records and damages of a log in their order.

    Args:
        data: the whole file.
        start: where the first record is expected, bytes.
        number: the number expected of the first record.
    """
    position = start
    while position < len(data):
        frame = _frame_at(data, position)
        if frame is None or frame.number < number:
            following = _next_frame(data, position + 1, number)
            yield _what_happened(data, position, following)
            if following is None:
                return
            frame = following
        if frame.number > number and frame.offset == position:
            detail = f"missing before record {frame.number}: {frame.number - number}"
            yield Damage("missing", position, 0, detail)
        yield frame
        number = frame.number + 1
        position = frame.end


def last_frame(data: bytes) -> Frame | None:
    """The record that ends exactly where the bytes end, or None."""
    position = data.rfind(MARKER)
    while position >= 0:
        if _claimed_end(data, position) == len(data):
            frame = _frame_at(data, position)
            if frame is not None:
                return frame
        position = data.rfind(MARKER, 0, position + len(MARKER) - 1)
    return None


def _claimed_end(data: bytes, position: int) -> int | None:
    """Where the record at a marker says that it ends, unchecked; None where its frame is not whole."""
    if position + _FRAME.size > len(data):
        return None
    length: int = _FRAME.unpack_from(data, position)[2]
    return position + _FRAME.size + length


def _frame_at(data: bytes, position: int) -> Frame | None:
    if position + _FRAME.size > len(data):
        return None
    marker, number, length, checksum = _FRAME.unpack_from(data, position)
    begin = position + _FRAME.size
    end = begin + length
    if marker != MARKER or length > MAX_PAYLOAD_BYTES or end > len(data):
        return None
    payload = data[begin:end]
    if zlib.crc32(payload, zlib.crc32(_NUMBERS.pack(number, length))) != checksum:
        return None
    return Frame(position, end, number, payload)


def _next_frame(data: bytes, position: int, number: int) -> Frame | None:
    """The first whole record at or behind a position, with at least that number."""
    position = data.find(MARKER, position)
    while position >= 0:
        frame = _frame_at(data, position)
        if frame is not None and frame.number >= number:
            return frame
        position = data.find(MARKER, position + 1)
    return None


def _what_happened(data: bytes, position: int, following: Frame | None) -> Damage:
    if following is not None:
        n_bytes = following.offset - position
        detail = f"{n_bytes} bytes are damaged; the reading goes on at record {following.number}"
        return Damage("checksum", position, n_bytes, detail)
    n_bytes = len(data) - position
    if _is_torn(data, position):
        return Damage("torn", position, n_bytes, f"the file ends within a record, {n_bytes} bytes after its beginning")
    return Damage("checksum", position, n_bytes, f"the last {n_bytes} bytes are damaged; no whole record follows")


def _is_torn(data: bytes, position: int) -> bool:
    """Whether the rest looks like the beginning of a record that was not finished."""
    rest = data[position : position + _FRAME.size]
    if len(rest) < _FRAME.size:
        return MARKER.startswith(rest[: len(MARKER)]) or rest.startswith(MARKER)
    marker, _number, length, _checksum = _FRAME.unpack(rest)
    return bool(marker == MARKER) and position + _FRAME.size + length > len(data)
