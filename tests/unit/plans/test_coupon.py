"""One coupon through the bench: writing, heat treatment, measurement, as the documents tell it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from bluesky.utils import FailedStatus

from beamline.campaign.observations import coupon_observations, heat_history
from beamline.recipe import HeatTreatment, Luminescence, Measurement
from beamline.session import Session
from devices import RefusedError
from plans import CouponInHand, heat_treat_coupon, load_on_stage, measure_coupon, write_coupon

TREATMENT = HeatTreatment(temperature_C=450, hold_s=1200, ramp_C_min=10)


def through(session: Session, hand: CouponInHand, measurement: Measurement) -> Any:
    def plan() -> Any:
        yield from load_on_stage(session.bench, hand.coupon.serial)
        yield from write_coupon(session.bench, hand)
        yield from heat_treat_coupon(session.bench, hand, TREATMENT)
        yield from load_on_stage(session.bench, hand.coupon.serial)
        yield from measure_coupon(session.bench, hand, measurement)

    session.RE(plan())
    return {run.start["purpose"]: run for run in session.records.runs()}


def test_each_site_is_fired_once_a_pass_and_what_was_sent_is_in_the_record(
    session: Session, hand: CouponInHand
) -> None:
    runs = through(session, hand, Measurement(integration_s=0.2, n_averages=2))
    writing = runs["writing"]
    names = list(hand.sites)
    assert writing.table("intents")["site_name"].tolist() == names
    exposures = writing.table("exposures")
    assert exposures["site_name"].tolist() == [names[0], names[1], names[1], names[2]]
    # pulses: length / speed x rate for lines, exposure x rate for the dot
    expected = [1.0 / 0.4 * 1e4, 1.0 / 0.8 * 1e4, 1.0 / 0.8 * 1e4, 4.0 * 1e4]
    np.testing.assert_allclose(exposures["laser_pulses_delivered"], expected, rtol=0.01)
    # P3: about a quarter of set energy x rate arrives at the sample
    share = exposures["laser_power_at_sample_W"] / (exposures["laser_pulse_energy_uJ"] * 1e-6 * 1e4)
    assert np.all((share > 0.1) & (share < 0.5))
    assert session.bench.laser.output.get() == "closed"


def test_the_furnace_holds_for_as_long_as_asked_and_ends_cool_and_off(session: Session, hand: CouponInHand) -> None:
    run = through(session, hand, Measurement())["heat_treatment"]
    furnace = run.table("furnace")
    hot_s = furnace["clock_s"][np.abs(furnace["furnace_temperature_C"] - TREATMENT.temperature_C) < 3]
    assert TREATMENT.hold_s <= np.ptp(hot_s) <= TREATMENT.hold_s + 240
    assert furnace["furnace_temperature_C"][-1] < session.bench.geometry.unload_C
    assert session.bench.furnace.heater.get() == "standby"
    history = heat_history(run)
    assert sum(step.duration_s for step in history) == pytest.approx(np.ptp(furnace["clock_s"]))
    assert max(step.temperature_C for step in history) == pytest.approx(TREATMENT.temperature_C, abs=4)
    assert len(history) < 80


def test_a_detector_that_is_full_is_asked_again_for_a_shorter_time(session: Session, hand: CouponInHand) -> None:
    runs = through(session, hand, Measurement(integration_s=20, n_averages=1))
    spectra, dark = runs["measurement"].table("spectra"), runs["measurement"].table("dark")
    assert np.all(spectra["spectrometer_n_saturated"] == 0)
    assert spectra["spectrometer_integration_s"].min() < 20
    assert set(dark["spectrometer_integration_s"]) == set(spectra["spectrometer_integration_s"])
    assert session.bench.spectrometer.lamp.get() == "off"


def test_observations_are_the_same_whenever_they_are_made(session: Session, hand: CouponInHand) -> None:
    through(session, hand, Measurement(integration_s=0.2, n_averages=4))
    uid = hand.label.campaign_uid
    observations = coupon_observations(session.records, uid, hand.coupon.serial)
    assert [o.site.name for o in observations] == list(hand.sites)
    assert isinstance(observations[0].outcome, Luminescence)
    assert coupon_observations(session.records, uid, hand.coupon.serial) == observations


def test_a_line_that_fails_on_its_way_leaves_the_output_closed_and_the_site_suspect(
    session: Session, hand: CouponInHand, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(*_: object) -> float:
        raise RefusedError("stage", "line", "axis y reports a fault")

    monkeypatch.setattr(session.bench.stage.driver, "start_line", refuses)

    def plan() -> Any:
        yield from load_on_stage(session.bench, hand.coupon.serial)
        yield from write_coupon(session.bench, hand)

    with pytest.raises((RefusedError, FailedStatus)):
        session.RE(plan())
    assert session.bench.laser.output.get() == "closed"
    (run,) = session.records.runs(purpose="writing")
    assert run.stop is not None
    assert run.stop["exit_status"] == "fail"
    assert len(run.events("intents")) == 1
    assert len(run.events("exposures")) == 0


def test_a_gate_is_open_for_dots_and_shut_when_the_output_opens_for_a_line(
    session: Session, hand: CouponInHand, monkeypatch: pytest.MonkeyPatch
) -> None:
    laser, stage = session.bench.laser.driver, session.bench.stage.driver
    gate = {"is_open": False}
    seen: list[tuple[str, bool]] = []

    def switch(is_open: bool) -> float:  # noqa: FBT001  # as the protocol has it
        gate["is_open"] = is_open
        return 0.0

    def spy(name: str) -> None:
        original: Callable[..., Any] = getattr(laser, name)

        def called(*args: Any) -> Any:
            seen.append((name, gate["is_open"]))
            return original(*args)

        monkeypatch.setattr(laser, name, called)

    monkeypatch.setattr(stage, "capabilities", stage.capabilities | {"gate"})
    monkeypatch.setattr(stage, "switch_gate", switch)
    monkeypatch.setattr(type(stage), "is_gate_open", property(lambda _: gate["is_open"]))
    spy("start_exposure")
    spy("open_output")

    def plan() -> Any:
        yield from load_on_stage(session.bench, hand.coupon.serial)
        yield from write_coupon(session.bench, hand)

    session.RE(plan())
    dots = [is_open for name, is_open in seen if name == "start_exposure"]
    lines = [
        is_open
        for i, (name, is_open) in enumerate(seen)
        if name == "open_output" and (i == 0 or seen[i - 1][0] != "start_exposure")
    ]
    assert dots
    assert all(dots)
    assert lines
    assert not any(lines)


def test_light_leaves_the_laser_only_while_the_stage_moves(
    session: Session, hand: CouponInHand, monkeypatch: pytest.MonkeyPatch
) -> None:
    laser, stage = session.bench.laser.driver, session.bench.stage.driver
    lines = dataclasses.replace(hand, sites=dict(list(hand.sites.items())[:2]))
    calls: list[str] = []

    def spy(owner: Any, name: str) -> None:
        original: Callable[..., Any] = getattr(owner, name)

        def called(*args: Any, **kwargs: Any) -> Any:
            calls.append(name)
            return original(*args, **kwargs)

        monkeypatch.setattr(owner, name, called)

    for owner, name in ((laser, "open_output"), (laser, "close_output"), (stage, "start_line"), (stage, "start_move")):
        spy(owner, name)

    def plan() -> Any:
        yield from load_on_stage(session.bench, hand.coupon.serial)
        yield from write_coupon(session.bench, lines)

    session.RE(plan())
    assert calls.count("open_output") == 3  # one line of one pass, one of two
    for i, call in enumerate(calls):
        if call == "open_output":
            assert calls[i + 1 : i + 3] == ["start_line", "close_output"]
