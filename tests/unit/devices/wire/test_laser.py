"""The Light Conversion driver and the twin's REST server: what goes over the wire, and what each does with it."""

from __future__ import annotations

import http.client
import json
import shutil
import subprocess
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from waiting import until

from devices import CommunicationError, RefusedError
from devices.drivers.light_conversion import LightConversionLaser, LightConversionSettings
from devices.drivers.light_conversion_wire import parse_basic, parse_flag, parse_number
from devices.twin.wire import WireTwin

from .conftest import FUZZ, laser_settings

GOLDEN = Path(__file__).parent / "golden" / "laser.jsonl"
BASIC = {
    "ActualStateName": "Operational",
    "IsOutputEnabled": False,
    "ActualOutputPower": 0.0,
    "ActualOutputFrequency": 10.0,
    "ActualPulseDuration": 250,
    "ActualPpDivider": 20,
    "ActualAttenuatorPercentage": 50.0,
}


def test_the_server_keeps_to_its_transcript(wire: WireTwin) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", wire.laser.port, timeout=5)
    for line in GOLDEN.read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        connection.request(*entry["request"])
        reply = connection.getresponse()
        assert [reply.status, reply.read().decode()] == entry["reply"], line
    connection.close()


class Scripted:
    """A laser that notes what it is asked to do, and does it."""

    def __init__(self, refuse: str = "") -> None:
        self.asked: list[str] = []
        self.basic = dict(BASIC)
        self.refuse = refuse

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/v1")
        if request.method == "GET":
            values = {
                "/Basic": self.basic,
                "/Advanced/TargetRaFrequency": 200,
                "/Advanced/IsRemoteInterlockActive": False,
            }
            return httpx.Response(200, json=values[path])
        self.asked.append(f"{request.method} {path} {request.content.decode()}".strip())
        if self.refuse and self.refuse in path:
            return httpx.Response(403, text="not now")
        changes = {
            "/Basic/EnableOutput": {"IsOutputEnabled": True, "ActualOutputPower": 2.0},
            "/Basic/CloseOutput": {"IsOutputEnabled": False},
        }
        self.basic |= changes.get(path, {})
        if request.method == "PUT":
            key = path.rpartition("/")[2].replace("Target", "Actual")
            self.basic[key] = json.loads(request.content)
            self.basic["ActualOutputFrequency"] = 200 / self.basic["ActualPpDivider"]
        return httpx.Response(200, json=None)


def scripted(laser: Scripted, **changes: object) -> LightConversionLaser:
    driver = LightConversionLaser(laser_settings(1, poll_s=0.02, **changes), httpx.MockTransport(laser))
    driver.connect()
    return driver


def test_the_driver_asks_for_what_the_interface_has() -> None:
    laser = Scripted()
    driver = scripted(laser)
    driver.start_pulse_energy(100.0)
    driver.start_repetition_rate(50.0)
    until(lambda: not driver.is_busy)
    assert (driver.pulse_energy_uJ, driver.repetition_rate_kHz, driver.pulse_duration_fs) == (100.0, 50.0, 250.0)
    driver.start_exposure(0.1)
    until(lambda: not driver.is_busy)
    assert driver.power_at_sample_W == pytest.approx(2.0 * 0.6)
    assert driver.pulses_delivered == pytest.approx(0.1 * 50e3, rel=0.5)
    driver.close()
    assert laser.asked == [
        "PUT /Basic/TargetAttenuatorPercentage 25.0",
        "PUT /Basic/TargetPpDivider 4",
        "POST /Basic/EnableOutput",
        "POST /Basic/CloseOutput",
        "POST /Basic/CloseOutput",
    ]


def test_a_meter_of_its_own_is_believed() -> None:
    driver = LightConversionLaser(laser_settings(1, poll_s=0.02), httpx.MockTransport(Scripted()), lambda: 0.77)
    driver.connect()
    driver.start_exposure(0.1)
    until(lambda: not driver.is_busy)
    assert driver.power_at_sample_W == pytest.approx(0.77)
    driver.close()


def test_a_refusal_is_an_error_and_not_swallowed() -> None:
    laser = Scripted(refuse="EnableOutput")
    driver = scripted(laser)
    with pytest.raises(RefusedError, match=r"laser at http://127.0.0.1:1/v1: exposure of 1 s: .*refuses.*not now"):
        driver.start_exposure(1.0)
    assert not driver.is_busy
    driver.close()


def test_a_laser_restarted_in_another_state_does_not_fire(wire: WireTwin, laser: LightConversionLaser) -> None:
    laser.start_pulse_energy(150.0)
    until(lambda: not laser.is_busy)
    wire.laser_face.restart()
    until(lambda: laser.pulse_energy_uJ == 0.0)
    until(lambda: not laser.is_busy)
    with pytest.raises(RefusedError, match=r"attenuator 0 % where 37.5 % was set: the laser was restarted.*set energy"):
        laser.open_output()
    assert not laser.is_output_open


def test_an_active_interlock_refuses_and_is_left_alone(wire: WireTwin, laser: LightConversionLaser) -> None:
    wire.laser_face.is_interlocked = True
    until(lambda: laser.is_interlocked)
    with pytest.raises(RefusedError, match="remote interlock is active"):
        laser.open_output()
    sources = Path(__file__).parents[4] / "devices"
    calls = [p for p in sources.rglob("*.py") if 'ResetRemoteInterlock"' in p.read_text(encoding="utf-8")]
    assert calls == []


def test_rates_that_no_divider_gives_are_refused_with_those_nearby(laser: LightConversionLaser) -> None:
    with pytest.raises(RefusedError, match=r"150 kHz.*near are 100, 200 kHz"):
        laser.start_repetition_rate(150.0)


def test_no_laser_at_the_address_says_so() -> None:
    driver = LightConversionLaser(laser_settings(9))
    with pytest.raises(
        CommunicationError, match=r"laser at http://127.0.0.1:9/v1: connect: .*check power, cable, addr"
    ):
        driver.connect(timeout_s=0.3)


def test_the_calibration_is_followed_and_not_left() -> None:
    settings = laser_settings(1, calibration=((2.0, 1.0), (10.0, 20.0), (60.0, 300.0)))
    for uJ in (1.0, 7.5, 20.0, 160.0, 300.0):
        assert settings.energy_uJ(settings.percent(uJ)) == pytest.approx(uJ)
    with pytest.raises(RefusedError, match="301 uJ is outside the calibration of the attenuator, 1 to 300 uJ"):
        settings.percent(301.0)
    with pytest.raises(ValueError, match="both rising"):
        laser_settings(1, calibration=((0.0, 5.0), (1.0, 5.0)))
    with pytest.raises(ValueError, match="transmission"):
        LightConversionSettings("h", 1, ((0, 0), (1, 1)), 1.2, 0.4)


@pytest.mark.parametrize("name", ["Operational", "StateOperational"])
def test_both_spellings_of_a_state_are_taken(name: str) -> None:
    assert parse_basic(json.dumps(BASIC | {"ActualStateName": name}).encode()).state_name == "Operational"


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl_works_against_the_server(wire: WireTwin) -> None:
    url = wire.laser.address
    done = subprocess.run(["curl", "-s", "-X", "PUT", "-d", "25", f"{url}Basic/TargetAttenuatorPercentage"], check=True)
    assert done.returncode == 0
    done = subprocess.run(["curl", "-s", f"{url}Basic"], check=True, capture_output=True, text=True)
    assert json.loads(done.stdout)["ActualOutputEnergy"] == 100.0
    done = subprocess.run(
        ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-X", "PUT", "-d", "x", f"{url}Basic/TargetPpDivider"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout == "400"


# ----------------------------------------------------------------------------------------------------------- fuzzing
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*BASIC, "Errors"]), inner, max_size=8),
    max_leaves=12,
)
CONTENT = (
    st.binary(max_size=60)
    | JSON.map(lambda value: json.dumps(value).encode())
    | st.dictionaries(st.sampled_from([*BASIC, "Errors"]), JSON, max_size=3).map(
        lambda v: json.dumps(BASIC | v).encode()
    )
    | st.sampled_from([b"[" * 50_000, b"9" * 5000, b"1e999", b'{"a":' * 9000, b"\xff\xfe", b"NaN"])
)


@FUZZ
@given(CONTENT)
def test_whatever_comes_is_a_value_or_our_own_error(content: bytes) -> None:
    for parse in (parse_basic, lambda c: parse_number(c, "x"), lambda c: parse_flag(c, "x")):
        try:
            parse(content)
        except CommunicationError as error:
            assert len(str(error)) < 400  # noqa: PT017  # a message, not the reply over again


METHODS = st.sampled_from(["GET", "PUT", "POST", "DELETE"])
PATHS = st.sampled_from(["/v1/Basic/TargetPpDivider", "/v1/Basic/TargetAttenuatorPercentage", "/v1/Basic"]) | st.text()


@FUZZ
@given(METHODS, PATHS, CONTENT)
def test_whatever_is_asked_the_face_answers(method: str, path: str, body: bytes) -> None:
    from devices import DiscreteEventClock
    from devices.twin import build_twin
    from devices.twin.wire.laser import LaserFace
    from devices.twin.wire.shared import Shared

    shared = Shared(DiscreteEventClock())
    face = _FACES.setdefault("face", LaserFace(build_twin(1, (), shared).laser, shared))
    status, value = face.answer(method, path, body)
    assert status in {200, 400, 403, 404}
    json.dumps(value, allow_nan=False)


_FACES: dict[str, object] = {}


def test_an_exposure_longer_than_a_command_may_take_is_no_failure(laser: LightConversionLaser) -> None:
    laser.start_exposure(5.6)  # a command that is not answered after 5 s has failed
    until(lambda: not laser.is_busy)
    assert laser.pulses_delivered == pytest.approx(56_000, rel=0.05)
