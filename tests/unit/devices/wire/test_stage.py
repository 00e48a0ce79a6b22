"""The Zaber driver and the twin's ASCII server: what goes over the wire, and what each does with it."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from waiting import until
from zaber_motion import Units
from zaber_motion.ascii import Connection

from devices import (
    CommunicationError,
    DiscreteEventClock,
    Drivers,
    Geometry,
    RealClock,
    RefusedError,
)
from devices.drivers.zaber import ZaberSettings, ZaberStage
from devices.drivers.zaber_wire import SPEED_UNIT, checksum, parse_reply
from devices.twin import build_twin
from devices.twin.wire import Shared, WireTwin
from devices.twin.wire.modbus import Terminals
from devices.twin.wire.stage import GATE_OUTPUT, MICROSTEP_um, StageFace, StageServer

from .conftest import COUPONS

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


def accelerating(acceleration_mm_s2: float) -> tuple[StageFace, StageServer, Drivers]:
    """A server whose stage has to get up to speed, with a gate in the beam."""
    shared = Shared(RealClock())
    drivers = build_twin(1, COUPONS, shared, stage_acceleration_mm_s2=acceleration_mm_s2, has_gate=True)
    face = StageFace(drivers.stage, shared, Geometry().limits)
    return face, StageServer(face), drivers


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
    shut = ["trigger 1 disable", "trigger 2 disable", "io set do 2 0"]
    assert told == [
        "io set do 2 0",
        f"stream 1 set maxspeed {fast}",
        f"stream 1 line abs {100_000 - run} 100000",
        "io set do 2 0",
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
        *shut,
        "stop",
        *shut,
    ]


def discrete(acceleration_mm_s2: float = 200.0) -> tuple[StageFace, DiscreteEventClock, Drivers]:
    clock = DiscreteEventClock()
    shared = Shared(clock)
    drivers = build_twin(1, COUPONS, shared, stage_acceleration_mm_s2=acceleration_mm_s2, has_gate=True)
    drivers.changer.start_transfer("A", "stage")
    clock.advance(60.0)
    return StageFace(drivers.stage, shared, Geometry().limits), clock, drivers


def tell(face: StageFace, *commands: str) -> str:
    for command in commands:
        reply = (face.answer(f"/1 {command}".encode()) or b"").decode()
        assert " OK " in reply, (command, reply)
    return reply.split()[-1]


def test_the_server_moves_along_a_trapezoid() -> None:
    """20 mm at 20 mm/s and 200 mm/s2: 0.1 s up over 1 mm, 0.9 s at speed, 0.1 s down, then it settles."""
    face, clock, drivers = discrete()
    begin_s = clock.now_s
    tell(face, "1 move abs 300000")
    seen = []
    for after_s in (0.05, 0.1, 0.55, 1.0, 1.05, 1.1, 1.15, 1.2):
        clock.advance(begin_s + after_s - clock.now_s)
        seen.append(drivers.stage.position_mm("x") - 10.0)
    assert seen == pytest.approx([0.25, 1.0, 10.0, 19.0, 19.75, 20.0, 20.0, 20.0], abs=1e-9)
    assert not drivers.stage.is_moving("x")
    begin_s = clock.now_s
    tell(face, "1 move abs 300500")  # 50 um, too short for the speed: sqrt(0.05 / 200) s up, as much down
    clock.advance(0.05**0.5 / 200**0.5)
    assert drivers.stage.position_mm("x") == pytest.approx(30.025, abs=1e-9)
    assert begin_s < clock.now_s


def test_a_way_that_is_stopped_on_its_ramp_stays_where_it_was() -> None:
    face, clock, drivers = discrete()
    tell(face, "1 move abs 300000")
    clock.advance(0.05)
    tell(face, "0 stop")
    assert drivers.stage.position_mm("x") == pytest.approx(10.25, abs=1e-9)
    clock.advance(1.0)
    assert drivers.stage.position_mm("x") == pytest.approx(10.25, abs=1e-9)


def test_the_gate_opens_on_the_written_part_only() -> None:
    """At 3 mm/s and 200 mm/s2: shut for 15 ms and 22.5 um of run-up, open for 0.5 mm, shut beyond."""
    face, clock, drivers = discrete()
    tell(
        face,
        "0 stream 1 setup live 1 2",
        f"0 stream 1 set maxspeed {round(3e4 * SPEED_UNIT)}",
        "0 trigger 1 when 1 pos >= 100225",
        "0 trigger 1 action a io set do 1 1",
        "0 trigger 1 enable 1",
        "0 trigger 2 when 1 pos >= 105225",
        "0 trigger 2 action a io set do 1 0",
        "0 trigger 2 enable 1",
        "0 stream 1 line abs 105450 100000",
    )
    seen = []
    while drivers.stage.is_moving("x"):
        seen.append((drivers.stage.position_mm("x"), tell(face, "0 io get do 1") == "1"))
        clock.advance(1e-3)
    opened = [x_mm for x_mm, is_open in seen if is_open]
    assert 10.0225 <= opened[0] < 10.026  # 3 um a millisecond
    assert 10.519 < opened[-1] < 10.5225
    assert [is_open for _, is_open in seen].count(True) == pytest.approx(500 / 3, abs=1)
    assert not drivers.stage.is_gate_open


def writes(drivers: Drivers, clock: DiscreteEventClock, way: Callable[[], object]) -> list[tuple[float, float]]:
    """From where to where in x, mm, light went while the output was open on a way, piece by piece."""
    drivers.laser.open_output()
    begin_s = clock.now_s
    way()
    while any(map(drivers.stage.is_moving, ("x", "y", "z"))):
        clock.advance(0.01)
    clock.advance(0.5)
    legs = drivers.stage.legs_between(begin_s, clock.now_s)
    drivers.laser.close_output()
    return [(leg.start_mm[0], leg.stop_mm[0]) for leg in legs]


def test_light_falls_where_the_gate_is_open_and_a_dot_after_a_line_gets_light() -> None:
    face, clock, drivers = discrete()
    speed = f"0 stream 1 set maxspeed {round(3e4 * SPEED_UNIT)}"
    triggers = [
        f"0 trigger {n} {rest}"
        for n, place, level in ((1, 100_225, 1), (2, 105_225, 0))
        for rest in (f"when 1 pos >= {place}", f"action a io set do 1 {level}", "enable 1")
    ]
    line = ("0 stream 1 setup live 1 2", speed, *triggers, "0 stream 1 line abs 105450 100000")
    written = writes(drivers, clock, lambda: tell(face, *line))
    backlash_mm = 0.5 * drivers.stage._world.backlash_mm
    begin_mm, end_mm = min(written)[0] + backlash_mm, max(written)[1] + backlash_mm
    assert (begin_mm, end_mm) == pytest.approx((10.0225, 10.5225), abs=1e-4)
    assert sum(stop - start for start, stop in written) == pytest.approx(0.5, abs=1e-4)
    assert writes(drivers, clock, lambda: None) == []  # shut: the end of the line gets no dot
    tell(face, "0 io set do 1 1")
    assert len(writes(drivers, clock, lambda: None)) == 1


def test_the_driver_shuts_the_gate_for_a_line_and_opens_it_for_a_dot(wire: WireTwin) -> None:
    driver = ZaberStage(
        ZaberSettings(STEPS, host="127.0.0.1", port=wire.stage.port, poll_s=0.02, gate_output=GATE_OUTPUT)
    )
    driver.connect()
    assert driver.capabilities == {"z", "home", "lines", "gate"}
    assert not driver.is_gate_open
    driver.switch_gate(is_open=True)
    until(lambda: driver.is_gate_open)
    seen: list[tuple[float, bool]] = []
    driver.start_line(12.0, 10.0, 2.0)
    with pytest.raises(RefusedError, match="open the gate: stage x and y still moves"):
        driver.switch_gate(is_open=True)

    def is_over() -> bool:
        with wire.shared.lock:
            seen.append((wire.drivers.stage.position_mm("x"), wire.drivers.stage.is_gate_open))
        return not driver.is_moving("x")

    until(is_over)
    lit = [x_mm for x_mm, is_open in seen[1:] if is_open]
    assert len(lit) > 20
    assert 10.0 <= min(lit) < 10.3
    assert 11.7 < max(lit) <= 12.0
    assert rest(driver) == (12.0, 10.0, 5.0)
    assert not driver.is_gate_open
    driver.switch_gate(is_open=True)  # for a dot, at the very place
    until(lambda: driver.is_gate_open)
    with wire.shared.lock:
        assert wire.drivers.stage.is_gate_open
    driver.stop()
    until(lambda: not driver.is_gate_open)
    driver.close()


def test_a_stage_without_a_gate_says_so(stage: ZaberStage) -> None:
    assert stage.is_gate_open
    with pytest.raises(RefusedError, match=r"open the gate: there is none; wire an output"):
        stage.switch_gate(is_open=True)


def test_a_restart_shuts_the_gate(wire: WireTwin) -> None:
    tell(wire.stage_face, "0 io set do 1 1", "0 io set do 3 1")
    wire.stage_face.restart()
    with wire.shared.lock:
        assert not wire.drivers.stage.is_gate_open
    assert b" 0" in (wire.stage_face.answer(b"/1 0 io get do 3") or b"")


def test_without_a_gate_an_accelerating_stage_writes_no_line() -> None:
    face, server, _ = accelerating(200.0)
    driver = ZaberStage(ZaberSettings(STEPS, host="127.0.0.1", port=server.port, poll_s=0.02))
    driver.connect()
    with pytest.raises(RefusedError, match=r"needs 22 um to get up to speed.*gate_output"):
        driver.start_line(10.5, 10.0, 3.0)
    assert face.commands == []
    driver.close()
    server.stop()


def test_the_line_stops_half_way(wire: WireTwin) -> None:
    stage = ZaberStage(ZaberSettings(STEPS, host="127.0.0.1", port=wire.stage.port, poll_s=0.02, gate_output=1))
    stage.connect()
    stage.start_line(20.0, 10.0, 3.0)
    until(lambda: stage.position_mm("x") > 10.2)
    stage.stop()
    x_mm, y_mm, _ = rest(stage)
    assert 10.2 < x_mm < 15.0
    assert y_mm == 10.0
    assert not stage.is_gate_open
    stage.close()


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
