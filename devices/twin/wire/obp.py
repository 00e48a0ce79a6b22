"""Messages of the Ocean Binary Protocol: taken from a stream, and made. Header of 44 bytes, payload, footer of 20.

The form is that of Ocean's published data sheets (STS, QE Pro), as seabreeze speaks it.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

__all__ = ["HEADER_BYTES", "Message", "ObpError", "length_of", "message", "parse"]

HEADER = struct.Struct("<HHHHLL6sBB16sL")
FOOTER = struct.Struct("<16sL")
HEADER_BYTES = HEADER.size
START, VERSION, END = 0xC0C1, 0x1100, 0xC2C3C4C5
RESPONSE, ACK, WANTS_ACK, NACK = 0x0001, 0x0002, 0x0004, 0x0008
MOST_BYTES = 65536
IMMEDIATE_BYTES = 16


class ObpError(ValueError):
    """Bytes that are no message; the line is lost."""


@dataclass(frozen=True)
class Message:
    """What a message says.

    Attributes:
        kind: its type.
        data: payload or immediate data.
        regarding: a number that a reply repeats.
        wants_ack: whether a command is to be confirmed.
    """

    kind: int
    data: bytes
    regarding: int = 0
    wants_ack: bool = False


def length_of(header: bytes) -> int:
    """How many bytes come after a header.

    Raises:
        ObpError: it is no header.
    """
    if len(header) != HEADER_BYTES:
        raise ObpError(f"a header of {len(header)} bytes, {HEADER_BYTES} are due")
    start, version, *_, n_bytes = HEADER.unpack(header)
    if start != START or version != VERSION:
        raise ObpError(f"start {start:#x}, version {version:#x}: not this protocol")
    if not FOOTER.size <= n_bytes <= MOST_BYTES:
        raise ObpError(f"{n_bytes} bytes after the header: {FOOTER.size} to {MOST_BYTES} are possible")
    return int(n_bytes)


def parse(header: bytes, rest: bytes) -> Message:
    """A message from its two parts.

    Raises:
        ObpError: it is none.
    """
    n_bytes = length_of(header)
    if len(rest) != n_bytes or FOOTER.unpack(rest[-FOOTER.size :])[1] != END:
        raise ObpError("the footer is missing")
    _, _, flags, _, kind, regarding, _, _, n_immediate, immediate, _ = HEADER.unpack(header)
    if n_immediate > IMMEDIATE_BYTES or (n_immediate and n_bytes > FOOTER.size):
        raise ObpError("immediate data and a payload, or too much of the first")
    data = immediate[:n_immediate] if n_immediate else rest[: -FOOTER.size]
    return Message(kind, data, regarding, bool(flags & WANTS_ACK))


def message(to: Message, data: bytes = b"", *, error: int = 0) -> bytes:
    """The reply to a message; `error` other than 0 refuses it (2: unknown type, 6: bad data, 7: not ready)."""
    flags = RESPONSE | (NACK if error else ACK if to.wants_ack else 0)
    is_immediate = len(data) <= IMMEDIATE_BYTES
    payload = b"" if is_immediate else data
    header = HEADER.pack(
        START,
        VERSION,
        flags,
        error,
        to.kind,
        to.regarding,
        b"",
        0,
        len(data) if is_immediate else 0,
        data if is_immediate else b"",
        len(payload) + FOOTER.size,
    )
    return header + payload + FOOTER.pack(b"", END)
