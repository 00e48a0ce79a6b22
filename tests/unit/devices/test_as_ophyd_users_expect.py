"""The roles in a plain RunEngine, by the plans that everybody uses."""

from __future__ import annotations

import math
from typing import Any

import bluesky.plan_stubs as bps
import bluesky.plans as bp
import pytest
from bluesky import RunEngine
from bluesky.callbacks.best_effort import BestEffortCallback
from ophyd.utils import LimitError

from devices import Bench, CouponAxis, Fluence
from devices.positions import expected_power_W, fluence_J_cm2, spot_radius_um

from .conftest import Documents

ROLES = ("laser", "stage", "furnace", "spectrometer", "changer")
SOFT = {"laser": ("exposure_s", 7.0), "furnace": ("ramp_C_min", 3.0), "spectrometer": ("integration_s", 4.0)}


@pytest.mark.parametrize("role", ROLES)
def test_a_role_has_hints_labels_and_units(bench: Bench, role: str) -> None:
    device = getattr(bench, role)
    assert device._ophyd_labels_
    for field in device.hints.get("fields", ()):
        assert field in device.read()
    for name, key in device.describe().items():
        assert key["dtype"] == "string" or key["units"], name
    assert role == "changer" or device.hints["fields"]


@pytest.mark.parametrize("role", ROLES)
def test_every_role_is_counted_with_a_table(bench: Bench, RE: RunEngine, documents: Documents, role: str) -> None:
    best = BestEffortCallback()
    best.disable_plots()
    RE.subscribe(best)
    RE(bp.count([getattr(bench, role)], num=2))
    assert len(documents.data("primary")) == 2
    assert set(documents.descriptor("primary")["configuration"]) == {role}


@pytest.mark.parametrize("role", ROLES)
def test_unstaging_gives_back_what_was_there_before(bench: Bench, role: str) -> None:
    device = getattr(bench, role)
    before = {name: getattr(device, name).get() for name in device.component_names if name != "counts"}
    device.stage()
    if role in SOFT:
        name, value = SOFT[role]
        getattr(device, name).set(value)
        assert getattr(device, name).get() == value
    device.unstage()
    after = {name: getattr(device, name).get() for name in before}
    assert {n: v for n, v in after.items() if n != "wavelength_nm"} == {
        n: v for n, v in before.items() if n != "wavelength_nm"
    }
    if role in SOFT:  # without staging what is set stays
        getattr(device, SOFT[role][0]).set(SOFT[role][1])
        device.unstage()
        assert getattr(device, SOFT[role][0]).get() == SOFT[role][1]


def test_a_place_on_the_coupon_scans_like_a_motor(bench: Bench, RE: RunEngine, documents: Documents) -> None:
    x, y = (
        CouponAxis(stage=bench.stage, geometry=bench.geometry, axis=axis, under="spectrometer") for axis in ("x", "y")
    )
    RE(bp.grid_scan([bench.spectrometer], x, 1.0, 3.0, 3, y, 5.0, 6.0, 2))
    rows = documents.data("primary")
    assert [(round(row["coupon_x_mm"], 6), round(row["coupon_y_mm"], 6)) for row in rows[:3]] == [
        (1, 5),
        (1, 6),
        (2, 5),
    ]
    assert bench.stage.x_mm.position == pytest.approx(bench.geometry.under_spectrometer(3.0, 6.0)[0])
    under = CouponAxis(stage=bench.stage, geometry=bench.geometry, axis="x", under="laser")
    RE(bps.mv(under, 0.0))
    assert bench.stage.x_mm.position == pytest.approx(bench.geometry.seat_x_mm)
    with pytest.raises(LimitError, match="coupon_x_mm: 500 mm is outside"):
        x.check_value(500.0)


def test_fluence_is_energy_over_the_spot_by_the_transmission_that_was_measured(bench: Bench, RE: RunEngine) -> None:
    assert spot_radius_um(1030.0, 0.4) == pytest.approx(0.8196, abs=1e-4)
    assert fluence_J_cm2(1.0, 1.0, 1030.0, 0.4) == pytest.approx(2e-6 / (math.pi * 0.8196e-4**2), rel=1e-3)
    assert expected_power_W(200.0, 10.0, 0.25) == pytest.approx(0.5)  # P3
    fluence = Fluence(laser=bench.laser)
    with pytest.raises(ValueError, match="open the output once"):
        fluence.learn()
    assert fluence.transmission == 0.25
    RE(bps.mv(bench.laser.exposure_s, 1.0))
    RE(bps.trigger(bench.laser, wait=True))
    learnt = fluence.learn()
    assert learnt == pytest.approx(bench.laser.power_at_sample_W.get() / 2.0)
    target = fluence_J_cm2(120.0, learnt, 1030.0, 0.4)
    RE(bps.mv(fluence, target))
    assert bench.laser.pulse_energy_uJ.get() == pytest.approx(120.0)
    assert fluence.position == pytest.approx(target)
    with pytest.raises(LimitError, match="J/cm2 is outside"):
        fluence.set(fluence.limits[1] * 1.01)


def test_what_a_magic_shows_is_there(bench: Bench) -> None:
    """`%wa` asks each device with a label for name, position and limits."""
    things: list[Any] = [bench.stage.x_mm, bench.furnace, bench.laser.pulse_energy_uJ, bench.changer.at_stage]
    for thing in things:
        assert thing.name
        assert thing.position is not None
        assert isinstance(thing.limits, tuple)
