"""Calibrations on the twin: what they find, what they leave in the records, and what they refuse before anything moves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from event_model import compose_run

from beamline.experiments import (
    CalibrationError,
    dark_calibration,
    furnace_calibration,
    last_calibrations,
    power_calibration,
    response_calibration,
)
from beamline.records import Run
from beamline.session import Session
from devices import Bench
from plans import (
    ExperimentRefusedError,
    NightLabel,
    calibrate_dark,
    calibrate_furnace,
    calibrate_power,
    calibrate_response,
    calibrate_wavelength,
    home_stage,
)

LABEL = NightLabel("calibration", "00000000-0000-4000-8000-000000000003", {"vitrail": "test"})


def with_less(bench: Bench) -> Bench:
    """A bench that can do less than the plans' own bounds allow."""
    limits = replace(bench.geometry.limits, repetition_rate_kHz=(1.0, 100.0), integration_s=(0.001, 10.0))
    return replace(bench, geometry=replace(bench.geometry, limits=limits))


def nothing(_: object) -> float:
    raise AssertionError("nobody is asked")


def test_power_dark_and_furnace_are_calibrated_and_the_records_know_when(session: Session) -> None:
    bench = session.bench
    asked: list[float] = []

    def reference(target_C: float) -> float:
        asked.append(target_C)
        return target_C + 0.02 * target_C

    session.RE(calibrate_power(bench, LABEL, [20.0, 60.0, 200.0]))
    session.RE(calibrate_dark(bench, LABEL, [0.01, 1.0, 4.0], n_averages=4))
    session.RE(calibrate_furnace(bench, LABEL, [100.0, 200.0], reference_C=reference, hold_s=300.0))
    power_run, dark_run, furnace_run = session.records.runs(purpose="calibration")

    power = power_calibration(power_run)
    assert power.set_power_W.tolist() == pytest.approx([0.2, 0.6, 2.0], rel=0.02)
    assert 0.1 < power.transmission < 0.4  # P3: 0.25 reconciles the paper's numbers
    assert power.nonlinearity < 0.15
    assert 0 < power.transmission_sd < 0.02

    dark = dark_calibration(dark_run)
    config = dark_run.config("dark")
    assert dark.read_noise_counts == pytest.approx(float(config["spectrometer_read_noise_counts"]), rel=0.3)
    assert 0 < dark.offset_counts < 5000

    furnace = furnace_calibration(furnace_run)
    assert asked == [100.0, 200.0]
    assert furnace.true_C(150.0) == pytest.approx(153.0, abs=1.0)
    assert bench.furnace.heater.get() == "standby"

    assert {role: run.uid for role, run in last_calibrations(session.records).items()} == {
        "laser": power_run.uid,
        "spectrometer": dark_run.uid,
        "furnace": furnace_run.uid,
    }
    with pytest.raises(CalibrationError, match="and not 'power_at_sample'"):
        power_calibration(dark_run)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda b: calibrate_power(b, LABEL, [500.0, 20.0]), r"pulse_energies_uJ\[0\] = 500.0 uJ"),
        (lambda b: calibrate_power(b, LABEL, [20.0, 50.0], repetition_rate_kHz=200.0), "200 kHz, allowed are 1 to 100"),
        (lambda b: calibrate_dark(b, LABEL, [0.1]), "at least 2 items"),
        (lambda b: calibrate_dark(b, LABEL, [0.001, 60.0]), "integration time: 60 s, allowed are 0.001 to 10"),
        (lambda b: calibrate_wavelength(b, LABEL, lamp="Ne"), "this spectrometer's is of Hg-Ar; nothing has moved"),
        (lambda b: calibrate_wavelength(b, LABEL, integration_s=20.0), "20 s, allowed are 0.001 to 10"),
        (lambda b: calibrate_furnace(b, LABEL, [300.0, 200.0], reference_C=nothing), "must rise"),
        (lambda b: calibrate_furnace(b, LABEL, [700.0], reference_C=nothing), r"temperatures_C\[0\] = 700.0 degC"),
        (lambda b: calibrate_response(b, LABEL, [1, 2, 2, 3], [1] * 4, operator=nothing), "rising"),
        (lambda b: calibrate_response(b, LABEL, [1, 2, 3, 4], [1, 1, 0, 1], operator=nothing), "above 0"),
    ],
)
def test_what_cannot_be_calibrated_is_refused_at_the_call(
    session: Session, make: Callable[[Any], Any], words: str
) -> None:
    with pytest.raises(ExperimentRefusedError, match=words):
        make(with_less(session.bench))
    assert session.records.runs() == []


def test_a_coupon_in_the_furnace_is_not_heated(session: Session) -> None:
    import bluesky.plan_stubs as bps

    session.RE(bps.mv(session.bench.changer.in_furnace, "C1"))
    with pytest.raises(ExperimentRefusedError, match="coupon C1 is in the furnace"):
        calibrate_furnace(session.bench, LABEL, [100.0], reference_C=nothing)


def test_a_reference_that_reads_nothing_ends_it_with_the_heater_off(session: Session) -> None:
    with pytest.raises(ExperimentRefusedError, match="the reference gave nan at 60 degC"):
        session.RE(calibrate_furnace(session.bench, LABEL, [60.0], reference_C=lambda _: float("nan"), hold_s=0.0))
    assert session.bench.furnace.heater.get() == "standby"
    assert not last_calibrations(session.records)


def test_a_lamp_that_is_not_there_is_not_seen(session: Session) -> None:
    words: list[str] = []
    session.RE(calibrate_response(session.bench, LABEL, [400, 500, 600, 900], [1, 2, 3, 4], operator=words.append))
    assert [text.split()[0] for text in words] == ["Cover", "Uncover", "Cover"]
    with pytest.raises(CalibrationError, match="not seen"):
        response_calibration(session.records.runs()[-1])


def test_the_response_is_what_the_detector_makes_of_the_lamp() -> None:
    axis = np.linspace(400.0, 900.0, 800)
    truth = np.exp(-(((axis - 600.0) / 180.0) ** 2))

    def glows(at_nm: Any) -> Any:
        return 1e4 * (900.0 / at_nm) ** 5 * np.expm1(1.44e7 / (900.0 * 2900.0)) / np.expm1(1.44e7 / (at_nm * 2900.0))

    lamp = glows(axis)
    rng = np.random.default_rng(1)
    stated_nm = np.array([400.0, 500.0, 650.0, 800.0])
    certificate = {"wavelength_nm": stated_nm.tolist(), "irradiance": glows(stated_nm).tolist()}
    about = {"kind": "spectrometer_response", "role": "spectrometer", "parameters": {"certificate": certificate}}
    made = compose_run(metadata={"purpose": "calibration", "calibration": about})
    documents: list[tuple[str, Any]] = [("start", made.start_doc)]
    for stream, light in (("dark", 0.0 * lamp), ("lamp", lamp * truth)):
        key = {"source": "t", "dtype": "array", "shape": [800]}
        config = {"data": {"spectrometer_wavelength_nm": axis}, "timestamps": {}, "data_keys": {}}
        one = made.compose_descriptor(
            name=stream, data_keys={"spectrometer_counts": key}, configuration={"spectrometer": config}, validate=False
        )
        counts = 1000.0 + light + rng.normal(0.0, 3.0, 800)
        event = one.compose_event(data={"spectrometer_counts": counts}, timestamps={"spectrometer_counts": 0.0})
        documents += [("descriptor", one.descriptor_doc), ("event", event)]
    documents.append(("stop", made.compose_stop()))
    _, found = response_calibration(Run.of_documents(documents))
    inside = (axis > 450.0) & (axis < 790.0)
    assert np.isnan(found[axis > 800.0]).all()
    assert found[inside] == pytest.approx(truth[inside], rel=0.02)


def test_the_check_list_of_a_night_takes_the_day_from_the_records(session: Session) -> None:
    from beamline.preflight import recorded_days

    assert recorded_days(session.records) == {}
    session.RE(calibrate_dark(session.bench, LABEL, [0.01, 0.1]))
    time = session.records.runs()[-1].start["time"]
    today = datetime.fromtimestamp(time, UTC).astimezone().date()
    assert recorded_days(session.records) == {"spectrometer": today}


def test_a_stage_is_homed_with_the_laser_closed(session: Session) -> None:
    bench = session.bench
    placement = bench.changer.placement
    session.RE(home_stage(bench, LABEL))
    run = session.records.runs()[-1]
    assert run.table("stage")["stage_x_mm"].tolist() == [bench.geometry.seat_x_mm, 0.0]
    assert last_calibrations(session.records)["stage"].uid == run.uid
    assert bench.changer.placement != placement
    bench.laser.driver.open_output()
    with pytest.raises(ExperimentRefusedError, match="output is open"):
        home_stage(bench, LABEL)
    bench.laser.driver.close_output()
