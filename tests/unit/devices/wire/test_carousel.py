"""The carousel's driver and the twin's PLC: what goes over the wire, and what each makes of it."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import minimalmodbus
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymodbus.client import ModbusTcpClient
from pymodbus.framer import FramerSocket
from pymodbus.pdu import DecodePDU
from waiting import until
from wire_bench import served_twin

from beamline.recipe import Coupon, Glass
from devices import CommunicationError, DeviceError, DiscreteEventClock, RefusedError, ScaledClock
from devices.drivers.carousel import Carousel, CarouselSettings
from devices.drivers.carousel_registers import COMMAND, N_STATE, STATE, CarouselState, parse_state
from devices.twin import build_twin
from devices.twin.wire import Shared, WireTwin
from devices.twin.wire.carousel import CarouselFace

from .conftest import FUZZ

GOLDEN = Path(__file__).parent / "golden" / "carousel.jsonl"
MIXED = Glass(name="BrI", bromide=1.5, iodide=1.5)
COUPONS = (Coupon(serial="A", glass=MIXED), Coupon(serial="B", glass=MIXED))


@pytest.fixture
def plc() -> Iterator[WireTwin]:
    with served_twin(1, COUPONS, ScaledClock(100.0)) as twin:
        yield twin


def settings(plc: WireTwin, **changes: Any) -> CarouselSettings:
    values = {"slots": {"A": 1, "B": 2}, "host": "127.0.0.1", "port": plc.carousel.port, "poll_s": 0.02}
    return CarouselSettings(**(values | changes))


@pytest.fixture
def carousel(plc: WireTwin) -> Iterator[Carousel]:
    driver = Carousel(settings(plc))
    driver.connect()
    yield driver
    driver.close()


def done(driver: Carousel) -> None:
    until(lambda: not driver.is_busy)


def test_the_server_keeps_to_its_transcript() -> None:
    clock = DiscreteEventClock()  # nothing arrives: the transcript does not depend on how fast it is read
    with (
        served_twin(1, COUPONS, clock) as twin,
        socket.create_connection(("127.0.0.1", twin.carousel.port), timeout=5) as line,
    ):
        for entry in map(json.loads, GOLDEN.read_text(encoding="utf-8").splitlines()):
            line.sendall(bytes.fromhex(entry["request"]))
            assert line.recv(1024).hex(" ") == entry["reply"], entry


def test_the_plc_refuses_what_the_driver_cannot_know(plc: WireTwin, carousel: Carousel) -> None:
    with plc.shared.lock:
        plc.drivers.furnace.start_ramp(300.0, 600.0)

    def is_hot() -> bool:
        with plc.shared.lock:
            return plc.drivers.furnace.temperature_C > 70.0

    until(is_hot)
    with pytest.raises(
        RefusedError, match=r"carry coupon 'A' to the furnace: the carousel says: door locked; cool the"
    ):
        carousel.start_transfer("A", "furnace") and done(carousel)
    carousel.start_transfer("A", "stage")  # the next command begins anew
    done(carousel)
    assert carousel.station_of("A") == "stage"


def test_a_restart_in_the_middle_is_told(plc: WireTwin, carousel: Carousel) -> None:
    carousel.start_transfer("A", "stage")
    until(lambda: not carousel.is_busy)
    carousel.start_transfer("A", "rack")
    plc.carousel_face.restart()
    with pytest.raises(DeviceError, match=r"carry coupon 'A' to the rack: the carousel was restarted .*look where the"):
        until(lambda: not carousel.is_busy)
    with pytest.raises(RefusedError, match="not homed; home the carousel at its panel"):
        carousel.start_transfer("B", "stage") and done(carousel)
    plc.carousel_face.home()
    carousel.start_transfer("B", "stage")
    done(carousel)
    assert carousel.station_of("B") == "stage"


def test_a_command_that_is_not_taken_up_can_be_forgotten(
    plc: WireTwin, carousel: Carousel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plc.carousel_face, "write", lambda _address, _word: True)
    carousel.start_transfer("A", "stage")
    assert carousel.is_busy
    carousel.finish_transfer()
    until(lambda: not carousel.is_busy)
    assert carousel.station_of("A") == "rack"


def test_settings_that_do_not_fit_the_carousel_are_told(plc: WireTwin) -> None:
    driver = Carousel(settings(plc, slots={"A": 1, "Z": 9}))
    with pytest.raises(CommunicationError, match="it has 2 slots; coupons Z are said to be beyond"):
        driver.connect()
    with pytest.raises(CommunicationError, match=r"carousel at 127.0.0.1:\d+, unit 1: .*check model and unit"):
        Carousel(settings(plc, port=plc.furnace.port)).connect(timeout_s=0.5)
    with pytest.raises(ValueError, match="two coupons share a slot"):
        settings(plc, slots={"A": 1, "B": 1})
    with pytest.raises(ValueError, match="numbered from 1"):
        settings(plc, slots={"A": 0})
    with pytest.raises(ValueError, match="either host"):
        CarouselSettings(slots={})


# --------------------------------------------------------------------------------------------------- foreign clients
def test_pymodbus_own_client_carries_a_coupon(plc: WireTwin) -> None:
    with ModbusTcpClient("127.0.0.1", port=plc.carousel.port) as client:
        assert client.read_holding_registers(STATE, count=N_STATE).registers == [1, 0, 0, 0, 0, 2, 0, 1]
        assert not client.write_registers(COMMAND, [2, 2, 1]).isError()
        until(lambda: client.read_holding_registers(STATE, count=N_STATE).registers[1] == 0)
        assert client.read_holding_registers(STATE, count=N_STATE).registers == [1, 0, 0, 2, 0, 2, 1, 1]
        assert client.write_register(STATE, 5).isError()
        assert client.read_holding_registers(COMMAND + 3).isError()


def test_minimalmodbus_reads_the_serial_line(plc: WireTwin) -> None:
    controller = minimalmodbus.Instrument(plc.carousel_rtu.serial_port, 1)
    controller.serial.baudrate, controller.serial.timeout = 115200, 1.0
    assert controller.read_registers(STATE, N_STATE) == [1, 0, 0, 0, 0, 2, 0, 1]
    controller.serial.close()


# ----------------------------------------------------------------------------------------------------------- fuzzing
@FUZZ
@given(st.lists(st.integers(0, 9) | st.integers(0, 65535), max_size=10))
def test_whatever_the_registers_hold_it_is_a_state_or_our_own_error(values: list[int]) -> None:
    try:
        state = parse_state(values)
    except CommunicationError as error:
        assert len(str(error)) < 300  # noqa: PT017  # a message, not the reply over again
    else:
        assert isinstance(state, CarouselState)
        assert max(state.at_stage, state.in_furnace) <= state.n_slots


PDU = st.binary(max_size=40) | st.lists(st.integers(0, 65535), max_size=9).map(
    lambda v: bytes([3, 2 * len(v)]) + b"".join(x.to_bytes(2, "big") for x in v)
)


@FUZZ
@given(PDU)
def test_whatever_comes_over_the_line_is_a_state_or_our_own_error(pdu: bytes) -> None:
    driver = Carousel(CarouselSettings(slots={"A": 1}, host="127.0.0.1", port=9))
    frame = b"\x00\x01\x00\x00" + (len(pdu) + 1).to_bytes(2, "big") + b"\x01" + pdu

    def reply(*_: object, **__: object) -> object:
        """What pymodbus makes of the bytes of a reply."""
        return FramerSocket(DecodePDU(is_server=False)).handleFrame(frame, 1, 1)[1] or SimpleNamespace(
            isError=lambda: True
        )

    driver._line._client = SimpleNamespace(
        read_holding_registers=reply, write_registers=reply, write_register=reply, close=lambda: None
    )
    calls: list[Callable[[], object]] = [driver._poll, lambda: driver._line.write(COMMAND, [1, 2, 3])]
    for call in calls:
        try:
            call()
        except DeviceError as error:
            assert len(str(error)) < 400  # noqa: PT017  # as above


SHARED = Shared(DiscreteEventClock())
FACE = CarouselFace(build_twin(1, COUPONS, SHARED).changer, SHARED, lambda: True)


@FUZZ
@given(st.lists(st.tuples(st.integers(0, 24), st.integers(0, 4) | st.integers(0, 65535)), max_size=8))
def test_whatever_is_written_the_plc_has_a_state(writes: list[tuple[int, int]]) -> None:
    for address, word in writes:
        assert FACE.write(address, word) is (COMMAND <= address < COMMAND + 3)
    values = FACE.read()
    assert sorted(values) == list(FACE.addresses)
    parse_state([values[i] for i in range(STATE, STATE + N_STATE)])
    FACE._driver.finish_transfer()
