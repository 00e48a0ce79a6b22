"""A coupon found again by its marks, and the height at which it is sharp."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from beamline.campaign import Campaign
from beamline.campaign.observations import outcomes_of
from beamline.experiments import CalibrationError, focus_of, map_of, registration_of
from beamline.recipe import Luminescence, Measurement
from devices import RefusedError
from devices.twin import Effects
from plans import (
    ULTRAVIOLET,
    Experiment,
    ExperimentRefusedError,
    Shot,
    anneal_ladder,
    empty_stage,
    find_focus,
    line_series,
    load_on_stage,
    pl_map,
    register_coupon,
    registered_bench,
    write_marks,
)

from .conftest import Twin

QUICK = Measurement(integration_s=0.1, n_averages=2)
LOOSE = replace(Effects(), seat_shift_sd_mm=0.3, seat_turn_sd_deg=0.5)


@pytest.fixture
def loose(make_twin: Callable[..., Twin]) -> Twin:
    return make_twin(LOOSE)


@pytest.fixture
def experiment(loose: Twin, campaign: Campaign) -> Experiment:
    return loose.experiment(campaign.coupons[0])


def put_back(twin: Twin) -> None:
    """Off the stage, and on it again: it lies otherwise now."""
    twin.RE(empty_stage(twin.bench.unregistered()))
    twin.RE(load_on_stage(twin.bench.unregistered(), "C1"))


def test_a_coupon_that_was_put_back_is_measured_where_it_was_written(loose: Twin, experiment: Experiment) -> None:
    loose.RE(write_marks(experiment))
    loose.RE(line_series(experiment, [200.0], [0.4], x_mm=15.0, y_mm=15.0, measurement=QUICK))
    put_back(loose)

    found: list[Any] = []

    def registered() -> Any:
        found.append((yield from registered_bench(experiment)))

    loose.RE(registered())
    (bench,) = found
    lying = registration_of(loose.records.runs()[-1]).lying
    assert math.hypot(*lying.shift_mm) > 0.05
    assert abs(lying.turn_rad) > 1e-3
    assert lying.rms_mm < 0.005
    assert abs(lying.scale) < 1e-3
    for on, is_centred in ((experiment, False), (experiment.on(bench), True)):
        loose.RE(pl_map(on, (15.5, 14.55), n_x=1, n_y=10, step_mm=0.1, measurement=QUICK))
        run = loose.records.runs()[-1]
        seen = map_of(run)
        light = np.maximum(seen.seen.rates["red"], 0.0)
        middle_mm = float(light @ seen.y_mm / light.sum()) if light.sum() > 1000 else math.inf
        assert (abs(middle_mm - 15.0) < 0.02) is is_centred
        assert ("registration" in run.start) is is_centred


def test_a_registration_ends_when_the_coupon_is_carried(loose: Twin, experiment: Experiment) -> None:
    loose.RE(write_marks(experiment))
    found: list[Any] = []

    def registered() -> Any:
        found.append((yield from registered_bench(experiment, ["M0", "M1"])))

    loose.RE(registered())
    on = experiment.on(found[0])
    put_back(loose)
    n_runs = len(loose.records.runs())
    with pytest.raises(RefusedError, match=r"has been carried since the registration.*nothing has moved"):
        loose.RE(pl_map(on, (5.0, 5.0), n_x=1, n_y=1, measurement=QUICK))
    with pytest.raises(ExperimentRefusedError, match="give the marks"):
        anneal_ladder(on, [300.0])
    assert len(loose.records.runs()) == n_runs


def test_a_ladder_with_marks_finds_the_lines_after_the_furnace(loose: Twin, experiment: Experiment) -> None:
    """Lines far from the marks, and a coupon that lies anew after the furnace: without the marks the head misses them."""
    loose.RE(write_marks(experiment))
    options: Any = {"hold_s": 60.0, "ramp_C_min": 20.0, "measurement": QUICK}
    loose.RE(anneal_ladder(experiment, [300.0], places_mm=((16.0, 15.0),), marks=("M0", "M1", "M2"), **options))
    as_written, annealed = (outcomes_of(run)["L0"] for run in loose.records.runs(purpose="measurement"))
    assert isinstance(as_written, Luminescence)
    assert isinstance(annealed, Luminescence)
    loose.RE(load_on_stage(loose.bench, "C1"))
    assert len(loose.records.runs(purpose="imaging")) == 2


def test_marks_that_are_not_where_they_were_written_are_refused(loose: Twin, experiment: Experiment) -> None:
    loose.RE(write_marks(experiment))
    loose.RE(register_coupon(experiment, tolerance_mm=0.02))
    run = loose.records.runs()[-1]
    assert registration_of(run).lying.rms_mm < 0.005
    run.start["experiment"]["parameters"]["marks_mm"]["M2"][1] -= 0.15  # as if it had been written elsewhere
    with pytest.raises(CalibrationError, match=r"from where they should.*allowed are 20 um"):
        registration_of(run)
    loose.RE(empty_stage(loose.bench))
    run = loose.records.runs(purpose="imaging")[-1]
    with pytest.raises(CalibrationError, match="and not of 'find_focus'"):
        focus_of(run)


def test_bare_glass_has_no_marks(loose: Twin, experiment: Experiment) -> None:
    loose.RE(write_marks(experiment))
    loose.RE(register_coupon(experiment, shot=Shot("uv_365nm", exposure_s=0.0001)))
    with pytest.raises(CalibrationError, match="no spot is seen around marks"):
        registration_of(loose.records.runs()[-1])


def test_the_edge_says_how_high_the_surface_is(make_twin: Callable[..., Twin], campaign: Campaign) -> None:
    """The focus error of a coupon is found to some um, over two coupons, by daylight at its edge."""
    heights = {}
    tall = make_twin(replace(Effects.noise_only(), focus_offset_sd_mm=0.15))
    for coupon in campaign.coupons[::2]:
        experiment = tall.experiment(coupon)
        tall.RE(find_focus(experiment, (0.1, 10.0)))
        heights[coupon.serial] = focus_of(tall.records.runs()[-1])
    tall.RE(write_marks(experiment))
    tall.RE(find_focus(experiment, (1.5, 1.5), depth_mm=0.2, shot=ULTRAVIOLET))
    track = focus_of(tall.records.runs()[-1])
    for found in heights.values():
        assert found.z_sd_mm < 0.01
    assert abs(heights["C1"].off_mm - heights["C3"].off_mm) > 0.02
    # a track lies where the laser's focus was, whatever the surface: parfocal, as the geometry says
    assert track.off_mm == pytest.approx(0.0, abs=0.03)


def test_a_surface_that_is_as_meant_is_found_there(make_twin: Callable[..., Twin], campaign: Campaign) -> None:
    plain = make_twin(Effects.noise_only())
    plain.RE(find_focus(plain.experiment(campaign.coupons[0]), (0.1, 10.0)))
    found = focus_of(plain.records.runs()[-1])
    assert abs(found.off_mm) < max(4 * found.z_sd_mm, 0.003)
    plain.RE(find_focus(plain.experiment(campaign.coupons[0]), (10.0, 10.0), n_heights=7))
    with pytest.raises(CalibrationError, match="times as sharp as the least"):
        focus_of(plain.records.runs()[-1])


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda e: find_focus(e, (30.0, 1.0)), "outside the coupon"),
        (lambda e: find_focus(e, (0.1, 1.0), span_mm=9.0), r"span_mm = 9.0 mm"),
        (lambda e: find_focus(e, (0.1, 1.0), n_heights=3), "n_heights"),
        (lambda e: find_focus(e, (0.1, 1.0), shot=Shot(exposure_s=90.0)), "exposure 90 s, allowed are"),
        (lambda e: write_marks(e, inset_mm=9.5), r"less than 3 mm apart; nothing has moved"),
        (lambda e: write_marks(e, inset_mm=0.5), "along the edge"),
        (register_coupon, "M0 is not written; write_marks first"),
        (lambda e: register_coupon(e, ["M0"]), "at least 2 items"),
        (lambda e: register_coupon(e, tolerance_mm=2.0), "tolerance_mm = 2.0 mm"),
        (lambda e: anneal_ladder(e, [300.0], marks=("M0", "M1")), "M0 is not written"),
    ],
)
def test_what_cannot_be_done_is_refused_at_the_call(loose: Twin, experiment: Experiment, make: Any, words: str) -> None:
    with pytest.raises(ExperimentRefusedError, match=words):
        make(experiment)
    assert loose.records.runs() == []
    assert loose.bench.changer.at_stage.get() == ""
