"""What the watchdog's own connections ask of laser and furnace, and what they believe."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from beamline.watchdog import hands
from beamline.watchdog.hands import FurnaceHand, LaserHand, NotSafeError
from devices.drivers.eurotherm import EurothermSettings
from devices.drivers.eurotherm_registers import MODELS
from devices.drivers.light_conversion import LightConversionSettings

LASER = LightConversionSettings(
    host="10.0.0.7",
    port=20022,
    calibration=((3.0, 0.0), (100.0, 400.0)),
    transmission=0.6,
    numerical_aperture=0.4,
    timeout_s=2.0,
)


class FakeRest:
    """A laser's REST interface that notes what it is asked."""

    def __init__(self, url: str, timeout_s: float) -> None:
        self.url, self.timeout_s = url, timeout_s
        self.asked: list[tuple[Any, ...]] = []
        self.is_open = True
        self.is_stuck = False
        self.is_closed = False

    def get(self, path: str) -> bytes:
        self.asked.append(("GET", path))
        return json.dumps(
            {
                "ActualStateName": "Operational",
                "IsOutputEnabled": self.is_open,
                "ActualOutputPower": 1.0,
                "ActualOutputFrequency": 100.0,
                "ActualPulseDuration": 200.0,
                "ActualPpDivider": 1,
                "ActualAttenuatorPercentage": 50.0,
            }
        ).encode()

    def post(self, path: str) -> None:
        self.asked.append(("POST", path))
        self.is_open = self.is_open and self.is_stuck

    def put(self, path: str, value: float) -> None:
        self.asked.append(("PUT", path, value))

    def close(self) -> None:
        self.is_closed = True


class FakeLine:
    """A controller's registers."""

    def __init__(self, line: Any) -> None:
        self.line = line
        self.words: dict[int, int] = {}
        self.refused: set[int] = set()
        self.n_hung_up = 0

    def read(self, address: int, count: int) -> list[int]:
        return [self.words.get(address + i, 7) for i in range(count)]

    def write(self, address: int, words: list[int]) -> None:
        for i, word in enumerate(words):
            if address + i not in self.refused:
                self.words[address + i] = word

    def hang_up(self) -> None:
        self.n_hung_up += 1


@pytest.fixture
def laser(monkeypatch: pytest.MonkeyPatch) -> tuple[LaserHand, FakeRest]:
    monkeypatch.setattr(hands, "Rest", FakeRest)
    hand = LaserHand(LASER)
    return hand, hand._rest  # type: ignore[return-value]  # the fake one


def furnace(monkeypatch: pytest.MonkeyPatch, **settings: Any) -> tuple[FurnaceHand, Any]:
    monkeypatch.setattr(hands, "ModbusLine", FakeLine)
    hand = FurnaceHand(EurothermSettings(**settings))
    return hand, hand._line


def test_the_laser_is_closed_by_one_command_and_seen_to_be(laser: tuple[LaserHand, FakeRest]) -> None:
    hand, rest = laser
    assert (rest.url, rest.timeout_s) == ("http://10.0.0.7:20022/v1", 0.5)
    assert not hand.look()
    hand.make_safe()
    assert hand.look()
    hand.finish()
    assert rest.asked == [
        ("GET", "/Basic"),
        ("POST", "/Basic/CloseOutput"),
        ("GET", "/Basic"),
        ("GET", "/Basic"),
        ("PUT", "/Basic/TargetAttenuatorPercentage", 3.0),
    ]
    hand.close()
    assert rest.is_closed
    assert hand.is_shared
    assert hand.done == "laser output closed"


def test_a_short_time_of_the_driver_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hands, "Rest", FakeRest)
    rest: Any = LaserHand(replace(LASER, timeout_s=0.2))._rest
    assert rest.timeout_s == 0.2


def test_a_laser_that_says_it_is_open_is_not_safe(laser: tuple[LaserHand, FakeRest]) -> None:
    hand, rest = laser
    rest.is_stuck = True
    with pytest.raises(NotSafeError, match="says that its output is open"):
        hand.make_safe()


@pytest.mark.parametrize("model", MODELS)
def test_the_furnace_is_off_when_each_register_says_so(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    registers = MODELS[model]
    hand, line = furnace(
        monkeypatch, model=model, **({"host": "10.0.0.8"} if registers.has_tcp else {"serial_port": "x"})
    )
    off = (
        {registers.auto_manual: 1, registers.manual_output: 0}
        if registers.force_standby is None
        else {registers.force_standby: 1}
    )
    assert not hand.look()
    hand.make_safe()
    assert line.words == off
    assert hand.look()
    for address, word in off.items():
        line.words[address] = word + 1
        assert not hand.look()
        line.refused = {address}
        with pytest.raises(NotSafeError, match="its output is not off"):
            hand.make_safe()
        line.refused = set()
        hand.make_safe()
    hand.close()
    assert line.n_hung_up == 1
    assert hand.done == "furnace in standby"


def test_only_a_serial_line_is_not_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    tcp, line = furnace(monkeypatch, model="EPC3000", host="10.0.0.8")
    assert tcp.is_shared
    assert line.line == EurothermSettings(model="EPC3000", host="10.0.0.8").line
    assert not furnace(monkeypatch, model="3200", serial_port="/dev/null")[0].is_shared
