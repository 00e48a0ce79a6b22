"""Whatever comes over the stage's wire: a reply or an error of ours, in time, on either end."""

from __future__ import annotations

import contextlib
import re

from hypothesis import given
from hypothesis import strategies as st

from devices import (
    CommunicationError,
    DeviceError,
    DiscreteEventClock,
    Geometry,
)
from devices.drivers.zaber_wire import Zaber, parse_integers, parse_reply
from devices.twin import build_twin
from devices.twin.wire import Shared
from devices.twin.wire.stage import StageFace

from .conftest import FUZZ

NEAR = st.from_regex(
    re.compile(rb"[@!#]0[01] [0-4]( [0-9]{2})? (OK|RJ) (BUSY|IDLE) (--|WR|F[A-Z]) [-0-9. A-Z]{0,20}(\r\n|\n)")
)
BYTES = st.binary(max_size=80) | NEAR


@FUZZ
@given(BYTES)
def test_whatever_comes_is_a_reply_or_our_own_error(line: bytes) -> None:
    try:
        parse_integers(parse_reply(line).data, 3)
    except CommunicationError as error:
        assert len(str(error)) < 400  # noqa: PT017  # a message, not the reply over again


class Babble:
    """A line that says what it is given, then nothing."""

    def __init__(self, pieces: list[bytes]) -> None:
        self.pieces = pieces

    def write(self, _: bytes) -> None:
        pass

    def read(self, _: float) -> bytes:
        return self.pieces.pop(0) if self.pieces else b""

    def close(self) -> None:
        pass


@FUZZ
@given(st.lists(BYTES, max_size=6))
def test_whatever_comes_the_client_ends_in_time(pieces: list[bytes]) -> None:
    with contextlib.suppress(DeviceError):
        Zaber(lambda: Babble(list(pieces)), 1, 0.002).ask("get pos")


SHARED = Shared(DiscreteEventClock())
FACE = StageFace(build_twin(1, (), SHARED).stage, SHARED, Geometry().limits)
COMMANDS = st.from_regex(
    r"/1? ?[0-5]?( [0-9]{2})? ?(get|move|home|stop|stream|io|trigger)?[ a-z0-9.-]{0,30}", fullmatch=True
)


@FUZZ
@given(st.binary(max_size=60) | COMMANDS.map(str.encode))
def test_whatever_is_asked_the_face_replies_or_is_silent(line: bytes) -> None:
    reply = FACE.answer(line)
    if reply is not None:
        parse_reply(reply)
