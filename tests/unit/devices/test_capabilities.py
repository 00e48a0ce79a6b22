"""What an instrument lacks is refused before anything moves, with what it has."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace

import pytest
from bluesky import RunEngine

from devices import CAPABILITIES, Bench, DiscreteEventClock, RefusedError, make_bench
from devices.drivers.eurotherm import EurothermFurnace, EurothermSettings
from devices.drivers.light_conversion import LightConversionLaser, LightConversionSettings
from devices.drivers.zaber import ZaberSettings, ZaberStage
from devices.twin import build_twin
from plans.measure import measure_coupon

from .conftest import COUPONS


def test_every_driver_of_the_twin_has_only_what_its_role_knows(bench: Bench) -> None:
    assert set(bench.roles) == set(CAPABILITIES) == set(bench.capabilities)
    for name, role in bench.roles.items():
        assert role.capabilities <= set(CAPABILITIES[name])
    assert bench.capabilities["stage"] == ["home", "lines", "z"]


def test_drivers_say_what_their_settings_give_them() -> None:
    calibration = (0.0, 0.0), (100.0, 400.0)
    blind = LightConversionLaser(LightConversionSettings("h", 1, calibration, 0.0, 0.4))
    assert blind.capabilities == frozenset()
    assert LightConversionLaser(LightConversionSettings("h", 1, calibration, 0.5, 0.4)).capabilities == {
        "measured power"
    }
    assert LightConversionLaser(blind.settings, power_meter=lambda: 0.1).capabilities == {"measured power"}
    stage = ZaberStage(ZaberSettings((0.1, 0.1, 0.1), host="h", gate_output=1))
    assert stage.capabilities == {"z", "home", "lines", "gate"}
    assert EurothermFurnace(EurothermSettings("EPC3000", host="h")).capabilities == frozenset()


def test_a_lack_is_refused_with_what_is_there(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench.stage.driver, "capabilities", frozenset({"z"}))
    with pytest.raises(
        RefusedError, match=r"stage: writing lines needs 'lines' \(constant speed .*TwinStage lacks; it has: z\. Change"
    ):
        bench.stage.require("z", "lines", purpose="writing lines")
    bench.stage.require("z", purpose="a depth")


def test_photoluminescence_needs_a_lamp_that_can_be_switched(
    bench: Bench, RE: RunEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench.spectrometer.driver, "capabilities", frozenset())
    hand = SimpleNamespace(metadata=lambda *_: pytest.fail("a run was begun"))
    with pytest.raises(RefusedError, match=r"darks needs 'lamp'.*it has: nothing beyond its role"):
        RE(measure_coupon(bench, hand, None))


def test_a_bench_without_a_counter_says_so(clock: DiscreteEventClock) -> None:
    drivers = dataclasses.replace(build_twin(1, COUPONS, clock), lifetime=None)
    bench = make_bench(drivers, clock)
    assert bench.lifetime is None
    assert "lifetime" not in bench.roles
    with pytest.raises(RefusedError, match="this instrument has no lifetime counter"):
        bench.need_lifetime()
