"""The Zaber driver and the twin's ASCII server: what goes over the wire, and what each does with it."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from zaber_motion import Units
from zaber_motion.ascii import Connection

from devices import CommunicationError, DeviceError, DiscreteEventClock, Geometry, RefusedError
from devices.drivers.zaber import ACCELERATION_UNIT, ZaberSettings, ZaberStage
from devices.drivers.zaber_wire import SPEED_UNIT, Zaber, checksum, parse_integers, parse_reply
from devices.twin import build_twin
from devices.twin.wire import Shared, WireTwin
from devices.twin.wire.modbus import Terminals
from devices.twin.wire.stage import MICROSTEP_um, StageFace, StageServer

from .conftest import FUZZ, until

GOLDEN = Path(__file__).parent / "golden" / "stage.txt"
STEPS = (MICROSTEP_um,) * 3


@pytest.fixture
def stage(wire: WireTwin) -> Iterator[ZaberStage]:
    driver = ZaberStage(ZaberSettings(STEPS, host="127.0.0.1", port=wire.stage.port, poll_s=0.02))
    driver.connect()
    yield driver
    driver.close()


def rest(stage: ZaberStage) -> tuple[float, ...]:
    until(lambda: not any(stage.is_moving(axis) for axis in ("x", "y", "z")))
    return tuple(round(stage.position_mm(axis), 6) for axis in ("x", "y", "z"))


def test_the_server_keeps_to_its_transcript(wire: WireTwin) -> None:
    with socket.create_connection(("127.0.0.1", wire.stage.port), timeout=5) as line, line.makefile("rb") as replies:
        for entry in GOLDEN.read_text(encoding="ascii").splitlines():
            if entry.startswith("> "):
                line.sendall(entry[2:].encode() + b"\n")
            else:
                assert replies.readline().decode().rstrip() == entry[2:]


def test_replies_of_the_transcript_are_understood() -> None:
    for entry in GOLDEN.read_text(encoding="ascii").splitlines():
        if entry.startswith("< "):
            assert parse_reply(entry[2:].encode()).is_ok == (" OK " in entry)


def test_limits_are_those_of_the_controller(stage: ZaberStage) -> None:
    assert stage.limits_mm == ((0.0, 250.0), (0.0, 150.0), (0.0, 12.0))
    with pytest.raises(RefusedError, match=r"device 1: move z to 12.5 mm: z = 12.5 mm is outside .*0 to 12 mm"):
        stage.start_move("z", 12.5)
    assert rest(stage) == (10.0, 10.0, 5.0)


def test_a_restart_loses_the_reference_until_it_is_homed(wire: WireTwin, stage: ZaberStage) -> None:
    wire.stage_face.restart()
    until(lambda: not stage.is_homed)
    for move in (lambda: stage.start_move("x", 11.0), lambda: stage.start_line(11.0, 11.0, 1.0)):
        with pytest.raises(RefusedError, match=r"lost its reference.*start_home"):
            move()
    assert stage.start_home() > 0
    assert rest(stage) == (0.0, 0.0, 0.0)
    assert stage.is_homed


def test_what_the_controller_rejects_is_a_refusal_with_its_reason(wire: WireTwin, stage: ZaberStage) -> None:
    assert wire is not None
    with pytest.raises(RefusedError, match=r"/1 0 dance: the controller refuses, BADCOMMAND: it does not know"):
        stage._zaber.ask("dance")


def accelerating(acceleration_mm_s2: float) -> tuple[StageFace, StageServer, Shared]:
    """A server whose stage says that it has to get up to speed."""
    from devices import RealClock

    shared = Shared(RealClock())
    drivers = build_twin(1, (), shared)
    unit = round(acceleration_mm_s2 * 1e3 / MICROSTEP_um * ACCELERATION_UNIT)
    face = StageFace(drivers.stage, shared, Geometry().limits, unit)
    return face, StageServer(face), shared


def test_getting_up_to_speed_lies_outside_the_line_with_the_gate_shut() -> None:
    """At 3 mm/s and 200 mm/s2 it takes 22.5 um: back by that, the stroke beyond the end by that, and back to the end."""
    face, server, _ = accelerating(200.0)
    driver = ZaberStage(ZaberSettings(STEPS, host="127.0.0.1", port=server.port, poll_s=0.02, gate_output=2))
    driver.connect()
    driver.start_line(10.5, 10.0, 3.0)
    assert rest(driver) == (10.5, 10.0, 5.0)
    driver.close()
    server.stop()
    slow, fast = round(3e4 * SPEED_UNIT), round(20e4 * SPEED_UNIT)
    told = [command.removeprefix("0 ") for command in face.commands if "setup" not in command]
    run = 225
    assert told[:-2] == [
        f"stream 1 set maxspeed {fast}",
        f"stream 1 line abs {100_000 - run} 100000",
        "trigger 1 when 1 pos >= 100000",
        "trigger 1 action a io set do 2 1",
        "trigger 1 enable 1",
        "trigger 2 when 1 pos >= 105000",
        "trigger 2 action a io set do 2 0",
        "trigger 2 enable 1",
        f"stream 1 set maxspeed {slow}",
        f"stream 1 line abs {105_000 + run} 100000",
        f"stream 1 set maxspeed {fast}",
        "stream 1 line abs 105000 100000",
        "io set do 2 0",
    ]
    assert told[-2:] == ["stop", "io set do 2 0"]


def test_without_a_gate_an_accelerating_stage_writes_no_line() -> None:
    face, server, _ = accelerating(200.0)
    driver = ZaberStage(ZaberSettings(STEPS, host="127.0.0.1", port=server.port, poll_s=0.02))
    driver.connect()
    with pytest.raises(RefusedError, match=r"needs 22 um to get up to speed.*gate_output"):
        driver.start_line(10.5, 10.0, 3.0)
    assert face.commands == []
    driver.close()
    server.stop()


def test_the_line_stops_half_way(stage: ZaberStage) -> None:
    stage.start_line(20.0, 10.0, 3.0)
    until(lambda: stage.position_mm("x") > 10.2)
    stage.stop()
    x_mm, y_mm, _ = rest(stage)
    assert 10.2 < x_mm < 15.0
    assert y_mm == 10.0


def test_a_serial_port_does_as_well(wire: WireTwin) -> None:
    cable = Terminals()
    end = os.open(cable.server, os.O_RDWR | os.O_NOCTTY)

    def serve() -> None:
        kept = b""
        while b"quit" not in kept:
            kept += os.read(end, 200)
            *lines, kept = kept.split(b"\n") if b"\n" in kept else [kept]
            for line in lines:
                os.write(end, (wire.stage_face.answer(line) or b"") + b"\r\n")

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    driver = ZaberStage(ZaberSettings(STEPS, serial_port=cable.client, poll_s=0.02))
    driver.connect()
    driver.start_move("x", 10.5)
    assert rest(driver) == (10.5, 10.0, 5.0)
    driver._zaber._line.write(b"quit") if driver._zaber._line else None
    thread.join(5.0)
    driver._lane.stop()
    driver._zaber.close()
    os.close(end)
    cable.close()


def test_zaber_motion_works_against_the_server(wire: WireTwin) -> None:
    with Connection.open_tcp("127.0.0.1", wire.stage.port) as connection:
        axis = connection.get_device(1).get_axis(1)
        axis.move_absolute(102_000, Units.NATIVE, wait_until_idle=True)
        assert axis.get_position(Units.NATIVE) == 102_000
        assert connection.generic_command("get pos", 1).data == "102000 100000 50000"
    with wire.shared.lock:
        assert wire.drivers.stage.position_mm("x") == pytest.approx(10.2)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "either host"),
        ({"host": "h", "serial_port": "s"}, "either host"),
        ({"host": "h", "microstep_um": (0.1, 0.2, 0.1)}, "x and y alike"),
        ({"host": "h", "microstep_um": (0.0, 0.0, 0.1)}, "finite and positive"),
    ],
)
def test_settings_that_cannot_be_are_refused(values: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ZaberSettings(**({"microstep_um": STEPS} | values))


def test_nobody_at_the_address_says_so() -> None:
    driver = ZaberStage(ZaberSettings(STEPS, host="127.0.0.1", port=9))
    with pytest.raises(CommunicationError, match=r"stage at 127.0.0.1:9, device 1: connect: .*check power, cable"):
        driver.connect(timeout_s=0.3)


def test_a_wrong_checksum_is_noticed() -> None:
    body = b"01 0 OK IDLE -- 5"
    assert parse_reply(b"@" + body + b":%02X\r\n" % checksum(body)).data == "5"
    with pytest.raises(CommunicationError, match="checksum"):
        parse_reply(b"@" + body + b":%02X" % (checksum(body) ^ 1))


# ----------------------------------------------------------------------------------------------------------- fuzzing
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
