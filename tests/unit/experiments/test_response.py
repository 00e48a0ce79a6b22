"""The response of the spectrometer on the twin: found from a lamp and its certificate in a file, and used from then on."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from beamline.engine import SessionEngine
from beamline.experiments import CalibrationError, read_certificate, response_calibration, valid_calibrations
from beamline.recipe import Coupon, Glass, Measurement
from beamline.records import LogWriter, Records, response_of
from devices import DiscreteEventClock, Geometry, make_bench
from devices.twin import Effects, build_twin
from devices.twin.lamp import standard_lamp
from devices.twin.optics import response
from plans import Experiment, NightLabel, calibrate_dark, calibrate_response, pl_map

COUPON = Coupon(serial="C1", glass=Glass(name="BrI", bromide=1.5, iodide=1.5))
LABEL = NightLabel("response", "response-1", {"vitrail": "test"})
EFFECTS = replace(Effects.noise_only(), response_fall=0.2, order_sorting_step=0.03)


def certificate_file(folder: Path) -> Path:
    """As a maker has it: every 50 nm, in a unit of its own."""
    at_nm = np.arange(400.0, 901.0, 50.0)
    rows = [f"{x:g},{y:.6g}" for x, y in zip(at_nm, 3e-4 * standard_lamp(at_nm), strict=True)]
    path = folder / "lamp.csv"
    path.write_text("\n".join(["# lamp S-1, 2026-05-01", "wavelength_nm,irradiance_mW_m2_nm", *rows]))
    return path


def test_the_response_of_the_twin_is_found_within_noise_and_used_afterwards(tmp_path: Path) -> None:
    clock, records = DiscreteEventClock(), Records(tmp_path / "data")
    bench = replace(
        make_bench(build_twin(5, [COUPON], clock, Geometry(), EFFECTS), clock, Geometry()),
        identity="twin of seed 5",
        calibrations=lambda: valid_calibrations(records, "twin of seed 5", datetime.now(UTC).timestamp()),
    )
    engine = SessionEngine({})
    try:
        clock.install(engine)
        engine.subscribe(LogWriter(tmp_path / "data"))
        lamp = read_certificate(certificate_file(tmp_path))
        hold = bench.spectrometer.driver.hold_standard_lamp  # type: ignore[attr-defined]  # the twin's person with a lamp
        engine(calibrate_response(bench, LABEL, lamp.wavelength_nm, lamp.irradiance, operator=hold, n_averages=100))
        calibration = records.runs()[-1]
        engine(
            calibrate_dark(bench, LABEL, [0.1, 0.2], n_averages=100)
        )  # with its settings: it is dark again, and so said
        on = Experiment(bench, records, LABEL, COUPON)
        engine(pl_map(on, (5.0, 5.0), n_x=2, n_y=1, measurement=Measurement(integration_s=0.05, n_averages=1)))
        seen = records.runs()[-1]
    finally:
        engine.end()

    axis, found = response_calibration(calibration)
    truth = response(axis, EFFECTS)
    ratio = found / truth
    ratio /= np.median(ratio)
    # a pixel: its own gain (0.3 %), and electrons; 20 pixels together tell what is not noise
    blocks = ratio[: 20 * (ratio.size // 20)].reshape(-1, 20)
    assert np.median(np.std(blocks, axis=1)) < 0.01
    assert np.abs(blocks.mean(axis=1) - 1.0).max() < 5 * 0.003 / np.sqrt(20) + 0.003
    assert np.ptp(truth) > 0.19

    assert seen.start["calibrations"]["spectrometer_response"]["run"] == calibration.uid
    used = response_of(seen.start, axis)
    assert used is not None
    known = np.isfinite(used)
    assert known.mean() > 0.98
    away = used[known] / truth[known]
    assert away / np.median(away) == pytest.approx(np.ones(known.sum()), abs=0.02)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "the first line names the columns"),
        ("nm,light\n400,1\n", "the first line names the columns"),
        ("wavelength_nm,irradiance\n400,1\n500,two\n", "line 3: '500,two' is not two numbers"),
        ("wavelength_nm,irradiance\n400,1\n500,2,3\n", "line 3"),
        ("wavelength_nm,irradiance\n400,1\n500,2\n", "at least four"),
        ("wavelength_nm,irradiance\n400,1\n500,2\n450,3\n600,3\n", "rising"),
        ("wavelength_nm,irradiance\n400,1\n500,2\n550,-3\n600,3\n", "above 0"),
    ],
)
def test_a_file_that_is_no_certificate_says_why(text: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "lamp.csv"
    path.write_text(text)
    with pytest.raises(CalibrationError, match=words) as told:
        read_certificate(path)
    assert "lamp.csv" in str(told.value)


def test_between_two_wavelengths_a_lamp_glows_as_planck_has_it(tmp_path: Path) -> None:
    lamp = read_certificate(certificate_file(tmp_path))
    at_nm = np.linspace(405.0, 895.0, 50)
    assert lamp.at(at_nm) / standard_lamp(at_nm) == pytest.approx(np.full(50, 3e-4), rel=2e-3)
    assert np.isnan(lamp.at([399.0, 901.0])).all()
