"""What was calibrated is used: in spectra and by the furnace, as the records say, and no longer than it is valid."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import bluesky.plan_stubs as bps
import numpy as np
import pytest
from bluesky.utils import RunEngineInterrupted

from beamline.campaign import Campaign
from beamline.campaign.left import held_s
from beamline.campaign.observations import heat_history, outcomes_of
from beamline.experiments import CalibrationError, valid_calibrations, wavelength_calibration
from beamline.experiments.valid import VALID_DAYS
from beamline.recipe import HeatTreatment, Luminescence, Measurement, Site
from beamline.records import Run, axis_of, corrected_axis, response_of, spectrum
from devices.errors import CommunicationError
from devices.twin import Effects
from plans import (
    CouponInHand,
    ExperimentRefusedError,
    NightLabel,
    anneal_ladder,
    calibrate_furnace,
    calibrate_wavelength,
    heat_treat_coupon,
    line_series,
    measure_coupon,
)

from .conftest import Twin

LABEL = NightLabel("calibration", "00000000-0000-4000-8000-000000000004", {"vitrail": "test"})
QUICK = Measurement(integration_s=0.1, n_averages=4)
NOISE = Effects.noise_only()


def red_nm(run: Run) -> float:
    (found,) = outcomes_of(run).values()
    assert isinstance(found, Luminescence)
    red = found.band("red")
    assert red is not None
    return red.peak_nm


def as_of(run: Run, calibrations: dict[str, Any]) -> Run:
    """The run as if it had begun with these calibrations."""
    (name, start), *rest = run.documents
    plain = {key: value for key, value in start.items() if key != "calibrations"}
    return Run.of_documents([(name, {**plain, "calibrations": calibrations}), *rest])


@pytest.mark.parametrize(("offset_nm", "bend_nm"), [(0.3, 0.0), (1.4, 0.5), (0.0, 0.3)])
def test_the_error_of_the_axis_is_found_and_taken_out(
    make_twin: Callable[..., Twin], offset_nm: float, bend_nm: float
) -> None:
    wrong = make_twin(replace(NOISE, wavelength_offset_nm=offset_nm, wavelength_bend_nm=bend_nm))
    wrong.RE(calibrate_wavelength(wrong.bench, LABEL))
    run = wrong.records.runs()[-1]
    found = wavelength_calibration(run)
    assert found.found.rms_nm < 0.02
    assert found.found.lines_nm.size == 11
    off_nm = found.error_nm([430.0, 630.0, 830.0])
    assert np.abs(off_nm[1]) == pytest.approx(offset_nm, abs=0.02)
    assert np.abs(off_nm[[0, 2]] - off_nm[1]) == pytest.approx([bend_nm, bend_nm], abs=0.05)
    assert wrong.bench.spectrometer.line_lamp.get() == "off"


@pytest.mark.parametrize("ends_by", ["an error", "an abort"])
def test_a_calibration_that_is_cut_short_leaves_its_lamp_off(make_twin: Callable[..., Twin], ends_by: str) -> None:
    twin = make_twin(NOISE)
    engine, spectrometer = twin.RE, twin.bench.spectrometer
    burnt: list[str] = []

    def in_the_middle() -> None:  # the lamp warms up for a minute
        burnt.append(spectrometer.line_lamp.get())
        engine.loop.call_soon_threadsafe(engine.loop.create_task, engine._request_pause_coro(defer=False))

    if ends_by == "an error":

        def fails(*_: object) -> float:
            burnt.append(spectrometer.line_lamp.get())
            raise CommunicationError("spectrometer: no answer; check the cable")

        acquire, n_asked = spectrometer.driver.start_acquisition, iter(range(9))
        spectrometer.driver.start_acquisition = lambda *a: acquire(*a) if next(n_asked) == 0 else fails()
        with pytest.raises(CommunicationError):
            engine(calibrate_wavelength(twin.bench, LABEL))
    else:
        twin.bench.clock.call_later(30.0, in_the_middle)
        with pytest.raises(RunEngineInterrupted):
            engine(calibrate_wavelength(twin.bench, LABEL))
        assert spectrometer.line_lamp.get() == "on"
        engine.abort("enough")
    assert burnt == ["on"]
    assert spectrometer.line_lamp.get() == "off"
    (run,) = twin.records.runs(purpose="calibration")
    assert run.stop is not None
    assert run.stop["exit_status"] != "success"


def test_spectra_after_it_are_on_the_corrected_axis_for_ever(
    make_twin: Callable[..., Twin], campaign: Campaign
) -> None:
    wrong = make_twin(replace(NOISE, wavelength_offset_nm=2.0))
    experiment = wrong.experiment(campaign.coupons[0])
    wrong.RE(line_series(experiment, [200.0], [0.4], measurement=QUICK))
    before = wrong.records.runs(purpose="measurement")[-1]
    wrong.RE(calibrate_wavelength(wrong.bench, LABEL))
    calibration = wrong.records.runs(purpose="calibration")[-1]
    sign = np.sign(wavelength_calibration(calibration).error_nm(630.0))
    hand = CouponInHand(LABEL, campaign.coupons[0], 1, "again", sites_of(before), recipes={})
    wrong.RE(measure_coupon(wrong.bench, hand, QUICK))
    after = wrong.records.runs(purpose="measurement")[-1]

    assert "calibrations" not in before.start
    used = after.start["calibrations"]["spectrometer_wavelength"]
    assert used["run"] == calibration.uid
    assert 0.0 <= used["age_days"] < 0.1
    assert red_nm(after) - red_nm(before) == pytest.approx(-2.0 * sign, abs=0.15)
    assert axis_of(after)[0] == pytest.approx(430.0 - 2.0 * sign, abs=0.05)
    assert axis_of(before)[0] == 430.0
    name = next(iter(hand.sites))
    assert spectrum(after, name).wavelength_nm == pytest.approx(axis_of(after))
    # a run says itself what was used: another one later, or none of the records, changes nothing
    alone = Run.of_documents(after.documents)
    assert red_nm(alone) == red_nm(after)


def sites_of(run: Run) -> dict[str, Site]:
    return {name: Site.model_validate(site) for name, site in run.start["sites"].items()}


def test_which_one_is_valid(make_twin: Callable[..., Twin]) -> None:
    twin = make_twin(NOISE)
    for _ in range(2):
        twin.RE(calibrate_wavelength(twin.bench, LABEL))
    _, second = twin.records.runs()
    made_s = float(second.start["time"])

    def used(days: float, identity: str = twin.bench.identity) -> str | None:
        found = valid_calibrations(twin.records, identity, made_s + 86400.0 * days)
        return found["spectrometer_wavelength"]["run"] if found else None

    assert used(0.001) == used(VALID_DAYS - 1) == second.uid  # the newest
    assert used(VALID_DAYS + 1) is None  # too old
    assert used(1.0, "another instrument") is None
    assert valid_calibrations(twin.records, twin.bench.identity, made_s - 1e-3).keys() <= {"spectrometer_wavelength"}
    # one that cannot be worked out is passed over for the one before it
    twin.RE(calibrate_wavelength(twin.bench, LABEL, integration_s=0.001, n_averages=1))
    dim = twin.records.runs()[-1]
    with pytest.raises(CalibrationError, match=r"is the lamp on, warm and before the slit"):
        wavelength_calibration(dim)
    assert used(1.0) == second.uid


def test_a_response_divides_what_was_counted(make_twin: Callable[..., Twin], campaign: Campaign) -> None:
    """A detector that is half as good in the red: with its response the red is twice as bright again, and no less certain."""
    twin = make_twin(NOISE)
    twin.RE(line_series(twin.experiment(campaign.coupons[0]), [200.0], [0.4], measurement=QUICK))
    run = twin.records.runs(purpose="measurement")[-1]
    response = {"wavelength_nm": [440.0, 560.0, 570.0, 820.0], "response": [1.0, 1.0, 0.5, 0.5], "run": "r" * 8}
    corrected = as_of(run, {"spectrometer_response": response})
    (plain,), (divided,) = (outcomes_of(one).values() for one in (run, corrected))
    assert isinstance(plain, Luminescence)
    assert isinstance(divided, Luminescence)
    for phase, factor in (("green", 1.0), ("red", 2.0)):
        a, b = plain.band(phase), divided.band(phase)  # type: ignore[arg-type]
        assert (a is None) == (b is None)
        if a is not None and b is not None:
            assert b.rate_counts_s == pytest.approx(factor * a.rate_counts_s, rel=0.05)
            assert b.rate_sd_counts_s / b.rate_counts_s == pytest.approx(a.rate_sd_counts_s / a.rate_counts_s, rel=0.3)
    known = response_of(corrected.start, axis_of(corrected))
    assert known is not None
    assert np.isnan(known[axis_of(corrected) > 821]).all()
    assert response_of(run.start, axis_of(run)) is None


def test_the_furnace_is_set_beside_what_is_wanted(make_twin: Callable[..., Twin], campaign: Campaign) -> None:
    twin = make_twin(NOISE)
    bench, coupon = twin.bench, campaign.coupons[0]
    hot = {"hold_s": 60.0}
    twin.RE(calibrate_furnace(bench, LABEL, [100.0, 300.0], reference_C=lambda T: T + 0.03 * T, **hot))
    twin.RE(bps.sleep(20000.0))  # until the furnace can be opened
    hand = CouponInHand(LABEL, coupon, 1, "heat", {}, {})
    wanted = HeatTreatment(temperature_C=206.0, hold_s=900.0, ramp_C_min=20.0)
    twin.RE(heat_treat_coupon(bench, hand, wanted))
    run = twin.records.runs(purpose="heat_treatment")[-1]
    assert run.start["heat_treatment"]["temperature_C"] == 206.0
    assert run.start["setpoint_C"] == pytest.approx(200.0, abs=0.3)
    assert float(np.max(run.table("furnace")["furnace_temperature_C"])) == pytest.approx(200.0, abs=1.5)
    longest = max(heat_history(run), key=lambda step: step.duration_s)
    assert longest.temperature_C == pytest.approx(206.0, abs=1.5)  # what the coupon saw, and what is learnt from
    assert held_s(run) == pytest.approx(900.0, abs=130.0)


def test_limits_hold_for_what_the_furnace_is_set_to(make_twin: Callable[..., Twin], campaign: Campaign) -> None:
    twin = make_twin(NOISE)
    twin.RE(calibrate_furnace(twin.bench, LABEL, [100.0, 200.0], reference_C=lambda T: T - 15.0, hold_s=0.0))
    n_runs = len(twin.records.runs())
    words = r"550 degC at the coupon are 56[45].\d degC at the furnace's sensor .* allowed are 20 to 560 degC; nothing has moved"
    with pytest.raises(ExperimentRefusedError, match=words):
        anneal_ladder(twin.experiment(campaign.coupons[0]), [300.0, 550.0])
    hand = CouponInHand(LABEL, campaign.coupons[0], 1, "heat", {}, {})
    with pytest.raises(ExperimentRefusedError, match=words):
        twin.RE(heat_treat_coupon(twin.bench, hand, HeatTreatment(temperature_C=550.0, hold_s=60.0)))
    assert len(twin.records.runs()) == n_runs
    assert twin.bench.changer.in_furnace.get() == ""


def test_an_axis_without_a_calibration_is_as_it_is_stated() -> None:
    stated = np.linspace(430.0, 830.0, 5)
    assert np.array_equal(corrected_axis({}, stated), stated)
