"""The Ocean driver, with seabreeze itself below it, and the twin's server: what goes over the wire."""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from waiting import until

from devices import CommunicationError, DiscreteEventClock, RefusedError
from devices.drivers.ocean import OceanSettings, OceanSpectrometer
from devices.drivers.ocean_network import SET_LAMP_ENABLE, open_on_network, switch_obp_lamp
from devices.twin import build_twin
from devices.twin.wire import Shared, WireTwin
from devices.twin.wire.obp import HEADER_BYTES, Message, ObpError, length_of, message, parse
from devices.twin.wire.spectrometer import N_PIXELS, SERIAL, SpectrometerFace

from .conftest import FUZZ

GOLDEN = Path(__file__).parent / "golden" / "spectrometer.jsonl"
SETTINGS = OceanSettings(read_noise_counts=10.0, gain_counts_per_electron=0.3, warm_up_s=0.0)


@pytest.fixture
def driver(wire: WireTwin) -> Iterator[OceanSpectrometer]:
    driver = OceanSpectrometer.at_address("127.0.0.1", SETTINGS, port=wire.spectrometer.port, has_lamp=True)
    yield driver
    driver.close()


def test_the_server_keeps_to_its_transcript(wire: WireTwin) -> None:
    with socket.create_connection(("127.0.0.1", wire.spectrometer.port), timeout=5) as line:
        for entry in map(json.loads, GOLDEN.read_text(encoding="utf-8").splitlines()):
            line.sendall(bytes.fromhex(entry["request"]))
            assert line.recv(1024).hex(" ") == entry["reply"], entry


def test_seabreeze_itself_reads_a_spectrum(wire: WireTwin) -> None:
    """The client that nobody here wrote; only its socket is ours."""
    instrument = open_on_network("127.0.0.1", wire.spectrometer.port, "HDX")
    assert (instrument.model, instrument.serial_number) == ("HDX", SERIAL.decode())
    assert instrument.pixels == N_PIXELS
    assert instrument.wavelengths()[[0, 2047]] == pytest.approx([430.0, 830.0], abs=0.01)
    assert instrument.f.nonlinearity_coefficients.get_nonlinearity_coefficients() == [1.0, *[0.0] * 7]
    instrument.integration_time_micros(10_000)
    wavelength_nm, counts = instrument.spectrum()
    assert wavelength_nm.shape == counts.shape == (N_PIXELS,)
    assert counts.mean() == pytest.approx(981.0, abs=5.0)
    instrument.close()


def test_the_lamp_is_switched_over_the_same_line(wire: WireTwin, driver: OceanSpectrometer) -> None:
    def is_on() -> bool:
        with wire.shared.lock:
            return wire.drivers.spectrometer.is_lamp_on

    driver.switch_lamp(on=True)
    until(is_on)
    driver.switch_lamp(on=False)
    until(lambda: not is_on())


def test_a_line_that_is_cut_is_told_and_made_anew(driver: OceanSpectrometer) -> None:
    driver.start_acquisition(0.01, 1)
    until(lambda: not driver.is_busy)
    driver._instrument._dev._raw_device.socket.shutdown(socket.SHUT_RDWR)
    driver.start_acquisition(0.01, 1)
    with pytest.raises(CommunicationError, match=r"TWIN00001: 1 exposures of 0.01 s: .*network, then switch it off"):
        until(lambda: not driver.is_busy)
    driver.start_acquisition(0.01, 2)
    until(lambda: not driver.is_busy)
    assert driver.counts.mean() == pytest.approx(981.0, abs=5.0)


def test_time_outs_do_not_grow_with_every_spectrum(driver: OceanSpectrometer) -> None:
    for _ in range(3):
        driver.start_acquisition(0.01, 5)
        until(lambda: not driver.is_busy)
    assert driver._instrument._dev._raw_device.socket.gettimeout() == 2.0


def test_nobody_at_the_address_says_so() -> None:
    with pytest.raises(CommunicationError, match=r"spectrometer HDX at 127.0.0.1:9: connect: .*check power, cable"):
        open_on_network("127.0.0.1", 9, "HDX")
    with pytest.raises(ValueError, match="knows Ethernet of HDX, FX"):
        open_on_network("127.0.0.1", 9, "USB2000")


def test_another_server_is_no_spectrometer(wire: WireTwin) -> None:
    with pytest.raises(CommunicationError, match="connect"):
        open_on_network("127.0.0.1", wire.laser.port, "HDX", timeout_s=0.5)


def test_a_lamp_that_is_refused_is_an_error(wire: WireTwin, monkeypatch: pytest.MonkeyPatch) -> None:
    instrument = open_on_network("127.0.0.1", wire.spectrometer.port, "HDX")
    monkeypatch.delitem(wire.spectrometer_face._handlers, SET_LAMP_ENABLE)
    with pytest.raises(RefusedError, match="is there one at its output"):
        switch_obp_lamp(instrument, on=True)
    instrument.close()


def test_a_restart_forgets_lamp_and_time(wire: WireTwin, driver: OceanSpectrometer) -> None:
    driver.switch_lamp(on=True)
    wire.spectrometer_face.restart()
    with wire.shared.lock:
        assert wire.drivers.spectrometer.is_lamp_on is False
    assert wire.spectrometer_face._integration_s == pytest.approx(0.006)


# ----------------------------------------------------------------------------------------------------------- fuzzing
FACE = SpectrometerFace(build_twin(1, (), Shared(DiscreteEventClock())).spectrometer, Shared(DiscreteEventClock()))
KINDS = [0x100, 0x101, 0xE01, 0x110010, 0x110110, 0x110410, 0x180100, 0x180101, 0x181100, 0x181101]


@FUZZ
@given(st.integers(0, 2**32 - 1) | st.sampled_from(KINDS), st.binary(max_size=40), st.integers(0, 2**32 - 1))
def test_whatever_is_asked_there_is_a_message_in_reply(kind: int, data: bytes, regarding: int) -> None:
    if kind in {0x101000, 0x101100}:
        return  # takes time of a clock
    reply = FACE.answer(Message(kind, data, regarding, wants_ack=True))
    told = parse(reply[:HEADER_BYTES], reply[HEADER_BYTES:])
    assert (told.kind, told.regarding) == (kind, regarding)


@FUZZ
@given(st.integers(0, 2**32 - 1), st.binary(max_size=200), st.integers(0, 2**32 - 1))
def test_messages_come_back_as_they_were(kind: int, data: bytes, regarding: int) -> None:
    whole = message(Message(kind, b"", regarding), data)
    assert length_of(whole[:HEADER_BYTES]) == len(whole) - HEADER_BYTES
    assert parse(whole[:HEADER_BYTES], whole[HEADER_BYTES:]) == Message(kind, data, regarding)


GOOD = message(Message(0x180101, b""), struct.pack("<f", 1.0))


@FUZZ
@given(
    st.binary(max_size=80)
    | st.tuples(st.integers(0, 63), st.integers(0, 255)).map(lambda t: GOOD[: t[0]] + bytes([t[1]]) + GOOD[t[0] + 1 :])
)
def test_whatever_comes_is_a_message_or_no_message(content: bytes) -> None:
    try:
        told = parse(content[:HEADER_BYTES], content[HEADER_BYTES:])
    except ObpError as error:
        assert len(str(error)) < 200  # noqa: PT017  # a message, not the bytes
    else:
        assert len(told.data) <= len(content)


SPECTRUM = message(Message(0x101000, b""), np.full(N_PIXELS, 1000, dtype="<u2").tobytes())


@FUZZ
@given(
    st.lists(st.tuples(st.integers(0, 63) | st.integers(0, len(SPECTRUM) - 1), st.integers(0, 255)), max_size=5),
    st.none() | st.integers(0, len(SPECTRUM)),
)
def test_whatever_a_spectrometer_sends_is_a_spectrum_or_our_own_error(
    changes: list[tuple[int, int]], length: int | None
) -> None:
    from seabreeze.pyseabreeze.features.spectrometer import SeaBreezeSpectrometerFeatureHDX
    from seabreeze.pyseabreeze.protocol import OBPProtocol
    from seabreeze.pyseabreeze.transport import IPv4Transport

    class Line(IPv4Transport):
        """What is left of a connection: bytes that are there, then the end."""

        default_timeout_ms = 1000

        def write(self, data: bytes, timeout_ms: int | None = None, **_: object) -> int:
            del timeout_ms
            return len(data)

        def read(
            self, size: int | None = None, timeout_ms: int | None = None, mode: object = None, **_: object
        ) -> bytes:
            del timeout_ms, mode
            size = size or 64
            if len(content) < size:
                raise ConnectionResetError("the spectrometer hung up")
            taken = bytes(content[:size])
            del content[:size]
            return taken

    content = bytearray(SPECTRUM)
    for place, value in changes:
        content[place] = value
    del content[len(content) if length is None else length :]
    feature = SeaBreezeSpectrometerFeatureHDX.__new__(SeaBreezeSpectrometerFeatureHDX)
    feature.protocol = OBPProtocol(Line(OBPProtocol))
    feature._integration_time, feature._spectrum_num_pixel = 1000, N_PIXELS
    bare = OceanSpectrometer.__new__(OceanSpectrometer)
    bare._is_lost = False
    try:
        counts = bare._spectrum(feature.get_intensities, (N_PIXELS,))
    except CommunicationError as error:
        assert len(str(error)) < 400  # noqa: PT017  # a message, not the bytes
    else:
        assert counts.shape == (N_PIXELS,)
