"""Limits: refused before anything moves, in words that name device, value, limits and unit."""

from __future__ import annotations

import math
from typing import Any

import bluesky.plan_stubs as bps
import pytest
from bluesky import RunEngine
from bluesky.simulators import check_limits
from hypothesis import given
from hypothesis import strategies as st
from ophyd.utils import LimitError, ReadOnlyError

from devices import Bench, LineMove
from devices.checks import within

OUTSIDE = [
    ("laser.pulse_energy_uJ", 400.1, "laser_pulse_energy_uJ: 400.1 uJ is outside its limits, 1 to 400 uJ"),
    ("laser.pulse_energy_uJ", -1, "laser_pulse_energy_uJ: -1 uJ"),
    ("laser.pulse_energy_uJ", math.nan, "laser_pulse_energy_uJ: nan uJ"),
    ("laser.repetition_rate_kHz", 0, "laser_repetition_rate_kHz: 0 kHz"),
    ("laser.exposure_s", 61, "laser_exposure_s: 61 s is outside its limits, 0.001 to 60 s"),
    ("stage.x_mm", 251, "stage_x_mm: 251 mm is outside its limits, 0 to 250 mm"),
    ("stage.z_mm", math.inf, "stage_z_mm: inf mm"),
    ("stage.line", LineMove(10, 10, 4), "stage_line speed: 4 mm/s is outside its limits, 0.01 to 3 mm/s"),
    ("stage.line", LineMove(-1, 10, 1), "stage_line x: -1 mm"),
    ("stage.line", LineMove(1, 500, 1), "stage_line y: 500 mm"),
    ("furnace", 600, "furnace: 600 degC is outside its limits, 20 to 560 degC"),
    ("furnace.ramp_C_min", 0, "furnace_ramp_C_min: 0 degC/min"),
    ("spectrometer.integration_s", 0, "spectrometer_integration_s: 0 s"),
    ("spectrometer.n_averages", 0, "spectrometer_n_averages: 0 exposures"),
]


def signal(bench: Bench, path: str) -> Any:
    role, *rest = path.split(".")
    device = getattr(bench, role)
    return getattr(device, rest[0]) if rest else device


@pytest.mark.parametrize(("path", "value", "message"), OUTSIDE)
def test_refused_by_the_engine_and_before_the_run(
    RE: RunEngine, bench: Bench, path: str, value: Any, message: str
) -> None:
    target = signal(bench, path)
    before = {role: getattr(bench, role).read() for role in ("stage", "furnace", "laser")}
    with pytest.raises(LimitError, match=message.replace(".", r"\.")):
        target.check_value(value)
    with pytest.raises(LimitError):
        check_limits(bps.mv(target, value))
    with pytest.raises(LimitError):
        RE(bps.mv(target, value))
    after = {role: getattr(bench, role).read() for role in ("stage", "furnace", "laser")}
    assert [{k: v["value"] for k, v in d.items()} for d in before.values()] == [
        {k: v["value"] for k, v in d.items()} for d in after.values()
    ]


@pytest.mark.parametrize(
    ("path", "value", "error"),
    [
        ("laser.pulse_energy_uJ", "200", TypeError),
        ("laser.pulse_energy_uJ", True, TypeError),
        ("furnace", None, TypeError),
        ("stage.line", (1, 2, 3), TypeError),
        ("laser.output", "ajar", ValueError),
        ("spectrometer.lamp", "dim", ValueError),
        ("spectrometer.n_averages", 2.5, ValueError),
        ("changer.at_stage", "Z", ValueError),
        ("site_name", "x" * 33, ValueError),
    ],
)
def test_what_makes_no_sense_is_refused(bench: Bench, path: str, value: Any, error: type[Exception]) -> None:
    target = signal(bench, path)
    with pytest.raises(error, match=target.name):
        target.check_value(value)
    with pytest.raises(error, match=target.name):
        target.set(value)


def test_readings_cannot_be_set(bench: Bench) -> None:
    with pytest.raises(ReadOnlyError, match="read only"):
        bench.laser.power_at_sample_W.set(1.0)
    with pytest.raises(ReadOnlyError, match=r"bps\.mv"):
        bench.laser.pulse_energy_uJ.put(100.0)


@given(st.floats(), st.floats(-1e6, 1e6), st.floats(0, 1e6))
def test_within_takes_exactly_what_lies_between(value: Any, low: float, width: float) -> None:
    limits = (low, low + width)
    if limits[0] <= value <= limits[1]:
        assert within("it", value, limits, "mm") == value
    else:
        with pytest.raises(LimitError, match=r"it: .* mm is outside"):
            within("it", value, limits, "mm")
