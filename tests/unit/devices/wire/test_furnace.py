"""The Eurotherm driver and the twin's Modbus servers: what goes over the wire, and what each does with it."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import minimalmodbus
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymodbus.client import ModbusTcpClient
from pymodbus.framer import FramerSocket
from pymodbus.pdu import DecodePDU
from waiting import until

from devices import CommunicationError, DeviceError, DiscreteEventClock, RefusedError, SensorError
from devices.drivers.eurotherm import EurothermFurnace, EurothermSettings
from devices.drivers.eurotherm_registers import MODELS, decode, encode
from devices.drivers.modbus_line import words
from devices.twin import build_twin
from devices.twin.wire import Shared, WireTwin
from devices.twin.wire.furnace import FurnaceFace

from .conftest import FUZZ

GOLDEN = Path(__file__).parent / "golden" / "furnace.jsonl"


def settings(wire: WireTwin, kind: str, **changes: object) -> EurothermSettings:
    values: dict[str, object] = {"model": kind, "poll_s": 0.05}
    if kind == "EPC3000":
        values |= {"host": "127.0.0.1", "port": wire.furnace.port}
    else:
        values |= {"serial_port": wire.furnace_rtu.serial_port, "baud_rate": 115200}
    return EurothermSettings(**(values | changes))


@pytest.fixture(params=["EPC3000", "3200"])
def furnace(wire: WireTwin, request: pytest.FixtureRequest) -> Iterator[EurothermFurnace]:
    driver = EurothermFurnace(settings(wire, request.param))
    driver.connect()
    yield driver
    driver.close()


def test_the_server_keeps_to_its_transcript(wire: WireTwin) -> None:
    with socket.create_connection(("127.0.0.1", wire.furnace.port), timeout=5) as line:
        for entry in map(json.loads, GOLDEN.read_text(encoding="utf-8").splitlines()):
            line.sendall(bytes.fromhex(entry["request"]))
            assert line.recv(1024).hex(" ") == entry["reply"], entry


def test_a_ramp_is_one_target_and_a_rate(wire: WireTwin, furnace: EurothermFurnace) -> None:
    assert furnace.limits_C == (0.0, 600.0)
    furnace.start_ramp(450.0, 12.5)
    until(lambda: not furnace.is_busy and furnace.is_on)
    with wire.shared.lock:
        assert wire.drivers.furnace.target_C == 450.0
        begin_s, begin_C = wire.shared.now_s, wire.drivers.furnace.setpoint_C
    until(lambda: wire.shared.now_s > begin_s + 1.0)
    with wire.shared.lock:
        rate_C_min = (wire.drivers.furnace.setpoint_C - begin_C) / (wire.shared.now_s - begin_s) * 60.0
    assert rate_C_min == pytest.approx(12.5, rel=0.02)
    assert furnace.output_percent >= 0.0
    assert furnace.age_s < 2.0
    furnace.standby()
    until(lambda: not furnace.is_busy and not furnace.is_on)


def test_values_outside_the_controller_are_refused_before_anything_is_written(furnace: EurothermFurnace) -> None:
    with pytest.raises(RefusedError, match=r"unit 1: ramp to 601 degC at 10 degC/min: .*0 to 600 degC.*111 and 112"):
        furnace.start_ramp(601.0, 10.0)
    with pytest.raises(RefusedError, match="does not come within 10 %"):
        furnace.start_ramp(100.0, 0.01)
    assert not furnace.is_on


def test_a_sensor_break_is_told_and_nothing_is_ramped(wire: WireTwin, furnace: EurothermFurnace) -> None:
    with wire.shared.lock:
        wire.drivers.furnace.is_sensor_ok = False
    until(lambda: not furnace.is_sensor_ok)
    with pytest.raises(SensorError, match="thermocouple"):
        until(lambda: furnace.start_ramp(100.0, 10.0) or not furnace.is_busy)
    assert not furnace.is_on


def test_a_controller_that_was_restarted_is_noticed(wire: WireTwin) -> None:
    furnace = EurothermFurnace(settings(wire, "EPC3000"))
    furnace.connect()
    furnace.start_ramp(300.0, 10.0)
    until(lambda: not furnace.is_busy)
    wire.furnace_face.restart()
    with pytest.raises(
        DeviceError, match=r"ramp to 300 degC: the controller was restarted.*standby; look at the furnace"
    ):
        until(lambda: furnace.temperature_C > 1e3)
    furnace.standby()  # the next command begins anew
    assert furnace.temperature_C < 60.0
    furnace.close()


def test_a_write_that_does_not_read_back_is_an_error(wire: WireTwin, monkeypatch: pytest.MonkeyPatch) -> None:
    furnace = EurothermFurnace(settings(wire, "EPC3000"))
    furnace.connect()
    with wire.shared.lock:
        monkeypatch.setattr(wire.furnace_face, "write", lambda _address, _word: True)
    with pytest.raises(DeviceError, match=r"register 35: 100 was written, 0 reads back"):
        until(lambda: furnace.start_ramp(300.0, 10.0) or not furnace.is_busy)
    furnace.close()


def test_a_refused_write_names_the_register(wire: WireTwin, monkeypatch: pytest.MonkeyPatch) -> None:
    furnace = EurothermFurnace(settings(wire, "EPC3000"))
    furnace.connect()
    with wire.shared.lock:
        monkeypatch.setattr(wire.furnace_face, "write", lambda _address, _word: False)
    with pytest.raises(
        RefusedError, match=r"standby: write 1 to register 1085: the controller refuses it .*exception 3"
    ):
        until(lambda: furnace.standby() or not furnace.is_busy)
    furnace.close()


def test_nobody_at_the_address_says_so() -> None:
    driver = EurothermFurnace(EurothermSettings("EPC3000", host="127.0.0.1", port=9))
    with pytest.raises(CommunicationError, match=r"furnace at 127.0.0.1:9, unit 1: connect: .*check power, cable"):
        driver.connect(timeout_s=0.3)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"model": "9000", "host": "h"}, "known are EPC3000, 3200"),
        ({"model": "EPC3000"}, "either host"),
        ({"model": "EPC3000", "host": "h", "serial_port": "s"}, "either host"),
        ({"model": "3200", "host": "h"}, "RTU only"),
    ],
)
def test_settings_that_cannot_be_are_refused(values: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        EurothermSettings(**values)


def test_the_units_of_the_ramp_are_the_models() -> None:
    assert [MODELS["EPC3000"].ramp_units[i] for i in (0, 1, 2)] == ["s", "min", "h"]
    assert [MODELS["3200"].ramp_units[i] for i in (0, 1, 2)] == ["min", "h", "s"]


# --------------------------------------------------------------------------------------------------- foreign clients
def test_pymodbus_own_client_works_against_the_server(wire: WireTwin) -> None:
    with ModbusTcpClient("127.0.0.1", port=wire.furnace.port) as client:
        assert client.read_holding_registers(111, count=2).registers == [6000, 0]
        assert not client.write_register(2, 2000).isError()
        assert client.read_holding_registers(2).registers == [2000]
        assert client.write_register(2, 7000).isError()
        assert client.read_holding_registers(999).isError()


def test_minimalmodbus_works_against_the_serial_server(wire: WireTwin) -> None:
    controller = minimalmodbus.Instrument(wire.furnace_rtu.serial_port, 1)
    controller.serial.baudrate, controller.serial.timeout = 115200, 1.0
    controller.write_register(2, 123.4, number_of_decimals=1, functioncode=6)
    assert controller.read_register(2, number_of_decimals=1, signed=True) == 123.4
    assert 20 < controller.read_register(1, number_of_decimals=1, signed=True) < 30
    controller.serial.close()


# ----------------------------------------------------------------------------------------------------------- fuzzing
@FUZZ
@given(st.floats(-1e6, 1e6), st.integers(0, 3))
def test_numbers_come_back_from_a_register_or_are_refused(value: float, decimals: int) -> None:
    try:
        word = encode(value, decimals, "degC")
    except RefusedError:
        assert abs(value) * 10**decimals > 32766
    else:
        assert decode(word, decimals) == pytest.approx(value, abs=0.5001 * 10**-decimals)


def frame(pdu: bytes) -> bytes:
    return b"\x00\x01\x00\x00" + (len(pdu) + 1).to_bytes(2, "big") + b"\x01" + pdu


PDU = st.one_of(
    st.binary(max_size=40),
    st.tuples(st.sampled_from([3, 6, 0x83, 0x86, 4, 16, 43]), st.binary(max_size=24)).map(
        lambda t: bytes([t[0]]) + t[1]
    ),
    st.lists(st.integers(0, 65535), max_size=6).map(
        lambda v: bytes([3, 2 * len(v)]) + b"".join(x.to_bytes(2, "big") for x in v)
    ),
)


@FUZZ
@given(PDU)
def test_whatever_comes_is_registers_or_our_own_error(pdu: bytes) -> None:
    driver = EurothermFurnace(EurothermSettings("EPC3000", host="127.0.0.1", port=9))

    def reply(*_: object, **__: object) -> object:
        """What pymodbus makes of the bytes of a reply."""
        return FramerSocket(DecodePDU(is_server=False)).handleFrame(frame(pdu), 1, 1)[1] or SimpleNamespace(
            isError=lambda: True
        )

    driver._line._client = SimpleNamespace(read_holding_registers=reply, write_register=reply, close=lambda: None)
    for call in (driver._poll, lambda: driver._read(1, 5), lambda: driver._write(2, 3)):
        try:
            call()
        except DeviceError as error:
            assert len(str(error)) < 400  # noqa: PT017  # a message, not the reply over again


@FUZZ
@given(st.recursive(st.none() | st.integers() | st.text(max_size=4), st.lists, max_leaves=8))
def test_only_words_are_taken_for_registers(values: object) -> None:
    try:
        taken = words(values, 2)
    except CommunicationError:
        return
    assert len(taken) == 2
    assert all(0 <= word <= 0xFFFF for word in taken)


SHARED = Shared(DiscreteEventClock())
FACES = {model: FurnaceFace(build_twin(1, (), SHARED).furnace, SHARED, model) for model in MODELS}


@FUZZ
@given(
    st.sampled_from(sorted(MODELS)),
    st.integers(0, 2000) | st.sampled_from([2, 35, 273, 1085, 1667]),
    st.integers(0, 65535),
)
def test_whatever_is_written_the_face_has_registers(model: str, address: int, word: int) -> None:
    face = FACES[model]
    face.write(address, word)
    assert sorted(face.read()) == list(face.model.addresses)
    assert all(0 <= value <= 0xFFFF for value in face.read().values())


@pytest.mark.parametrize("kind", ["EPC3000", "3200"])
def test_an_active_alarm_refuses_a_ramp_and_is_told(wire: WireTwin, kind: str) -> None:
    driver = EurothermFurnace(settings(wire, kind))
    driver.connect()
    assert driver.alarms == ()
    assert driver.output_limits_percent == (0.0, 100.0)
    server = wire.furnace if kind == "EPC3000" else wire.furnace_rtu
    server._face.alarms = {1, 3}
    until(lambda: driver.alarms == (1, 3))
    assert driver.is_sensor_ok

    def ramp() -> None:
        driver.start_ramp(300.0, 10.0)
        until(lambda: not driver.is_busy)

    with pytest.raises(RefusedError, match="alarm 1 and 3 of the controller is active"):
        ramp()
    with wire.shared.lock:
        assert not wire.drivers.furnace.is_on
    server._face.alarms = set()
    driver.standby()  # a refusal that came late is told until the next command
    until(lambda: driver.alarms == ())
    driver.start_ramp(300.0, 10.0)
    until(lambda: not driver.is_busy and driver.is_on)
    driver.standby()
    driver.close()
