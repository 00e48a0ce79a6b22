"""Plans of single experiments: what they write, what they refuse before anything moves, and how they go on their way."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beamline.campaign import Campaign
from beamline.campaign.observations import outcomes_of
from beamline.experiments import decays_of, map_of
from beamline.patterns import Pattern, image_pattern
from beamline.recipe import Line, Luminescence, Measurement, NoLuminescence
from beamline.records import Ledger, SiteState
from beamline.session import Session
from plans import (
    Experiment,
    ExperimentRefusedError,
    NightLabel,
    anneal_ladder,
    anneal_series,
    dot_matrix,
    image_sites,
    line_series,
    pl_decay,
    pl_map,
    pl_over_temperature,
    rewrite,
    settings_map,
    stability_series,
    write_marks,
    write_pattern,
)
from plans.order import boustrophedon, path_mm, short_order

QUICK = Measurement(integration_s=0.1, n_averages=2)
LONG = Measurement(integration_s=5.0)
LINE = Line(pulse_energy_uJ=200.0, speed_mm_s=0.4)


@pytest.fixture
def experiment(session: Session, campaign: Campaign) -> Experiment:
    label = NightLabel("test", "00000000-0000-4000-8000-000000000001", {"vitrail": "test"})
    return Experiment(session.bench, session.records, label, campaign.coupons[0])


def only(session: Session, purpose: str) -> Any:
    (run,) = [run for run in session.records.runs() if run.start["purpose"] == purpose]
    return run


def test_a_dot_matrix_is_lit_where_the_exposure_is_long(session: Session, experiment: Experiment) -> None:
    session.RE(dot_matrix(experiment, [150.0, 200.0], [0.3, 6.0], measurement=QUICK))
    found = outcomes_of(only(session, "measurement"))
    assert set(found) == {"E0t0", "E0t1", "E1t0", "E1t1"}
    assert all(isinstance(found[name], NoLuminescence) for name in ("E0t0", "E1t0"))
    assert isinstance(found["E1t1"], Luminescence)


def test_the_estimate_is_in_the_record_and_is_about_right(session: Session, experiment: Experiment) -> None:
    before_s = session.bench.clock.now_s
    session.RE(line_series(experiment, [150.0, 200.0], [0.4, 0.8], measurement=QUICK))
    estimated_s = only(session, "writing").start["experiment"]["estimated_s"]
    assert session.bench.clock.now_s - before_s == pytest.approx(estimated_s, rel=0.4)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda e: dot_matrix(e, [500.0], [1.0]), r"energies_uJ\[0\] = 500.0 uJ.*400"),
        (lambda e: dot_matrix(e, [], [1.0]), "energies_uJ"),
        (lambda e: dot_matrix(e, [200.0] * 30, [1.0]), "outside the coupon"),
        (lambda e: dot_matrix(e, [200.0], [1.0], x_mm=0.2), "along the edge"),
        (lambda e: dot_matrix(e, [100.0, 200.0], [1.0], pitch_mm=0.1), "kept free"),
        (lambda e: line_series(e, [200.0], [5.0]), r"speeds_mm_s\[0\] = 5.0 mm/s"),
        (lambda e: anneal_ladder(e, [450.0, 300.0]), "must rise"),
        (lambda e: anneal_ladder(e, [700.0]), "degC"),
        (lambda e: anneal_series([e], [300.0, 400.0]), "1 coupons for 2"),
        (lambda e: pl_map(e, (5.0, 5.0), n_x=100, n_y=2), "end at"),
        (lambda e: pl_map(e, (5.0, 5.0), n_x=10, n_y=2, mode="fly", step_mm=1.0), "mm/s"),
        (lambda e: pl_decay(e, {"a": (50.0, 1.0)}), "outside the coupon"),
        (lambda e: pl_decay(e, {"a": (5.0, 1.0)}, filters=("blue",)), "no filter"),
        (lambda e: stability_series(e, (5.0, 50.0)), "outside the coupon"),
        (lambda e: line_series(e, [200.0] * 12, [0.4]), "outside the coupon"),
        (lambda e: line_series(e, [200.0], [0.4], x_mm=0.2), "along the edge"),
        (lambda e: settings_map(e, energies_uJ=[100.0, 450.0]), r"energies_uJ\[1\] = 450.0 uJ"),
        (lambda e: settings_map(e, speeds_mm_s=[0.4] * 20), "outside the coupon"),
        (lambda e: anneal_series([e], [700.0]), "degC"),
        (lambda e: anneal_series([e], [300.0], places_mm=((30.0, 5.0),)), "outside the coupon"),
        (lambda e: anneal_ladder(e, [300.0], places_mm=((5.0, 5.0), (5.1, 5.0))), "kept free"),
        (lambda e: anneal_ladder(e, [300.0], places_mm=((0.6, 5.0),)), "along the edge"),
        (lambda e: pl_over_temperature(e, (5.0, 5.0), [25.0, 200.0]), "a heated stage or a cryostat"),
        (lambda e: rewrite(e, ["E0v0"]), "nothing is written there"),
        (lambda e: rewrite(e, ["E0v0"], pulse_energy_uJ=450.0), "pulse_energy_uJ = 450.0 uJ"),
        (
            lambda e: write_pattern(e, Pattern.of(np.ones((60, 60)), 0.4), {1: LINE}),
            "0.3 mm would fit, or 45 x 45 cells",
        ),
        (lambda e: write_pattern(e, Pattern.of(np.ones((3, 3)), 0.4), {2: LINE}), "no recipe"),
    ],
)
def test_what_cannot_be_done_is_refused_at_the_call(
    session: Session, experiment: Experiment, make: Any, words: str
) -> None:
    with pytest.raises(ExperimentRefusedError, match=words):
        make(experiment)
    assert session.records.runs() == []
    assert session.bench.changer.at_stage.get() == ""


def test_what_the_bench_cannot_do_is_refused_at_the_call(session: Session, experiment: Experiment) -> None:
    """Limits of this bench, narrower than what any bench may have."""
    bench = session.bench
    limits = replace(
        bench.geometry.limits, pulse_energy_uJ=(1.0, 180.0), line_speed_mm_s=(0.01, 1.0), x_mm=(0.0, 100.0)
    )
    small = replace(experiment, bench=replace(bench, geometry=replace(bench.geometry, limits=limits)))
    with pytest.raises(
        ExperimentRefusedError, match=r"pulse energy 200 uJ, allowed are 1 to 180 uJ.*nothing has moved"
    ):
        line_series(small, [150.0, 200.0], [0.4])
    with pytest.raises(ExperimentRefusedError, match=r"speed 1.6 mm/s, allowed are 0.01 to 1 mm/s"):
        line_series(small, [150.0], [1.6])
    with pytest.raises(ExperimentRefusedError, match=r"stage x under the spectrometer .* allowed are 0 to 100 mm"):
        dot_matrix(small, [150.0], [1.0])
    assert session.records.runs() == []
    assert bench.changer.at_stage.get() == ""


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda e: dot_matrix(e, [150.0], [1.0], measurement=LONG), "integration time: 5 s, allowed are 0.001 to 2 s"),
        (lambda e: settings_map(e, measurement=LONG), "integration time: 5 s"),
        (lambda e: pl_map(e, (5.0, 5.0), n_x=2, n_y=2, measurement=LONG), "integration time: 5 s"),
        (lambda e: pl_map(e, (5.0, 12.0), n_x=2, n_y=40), "stage y 22 to 29.8 mm, allowed are 0 to 25 mm"),
        (lambda e: stability_series(e, (5.0, 5.0), measurement=LONG), "integration time: 5 s"),
        (
            lambda e: stability_series(e, (5.0, 18.0)),
            "stage y under the spectrometer for .* 28 mm, allowed are 0 to 25 mm",
        ),
        (lambda e: pl_decay(e, {"a": (5.0, 18.0)}), "stage y under the spectrometer for .* 28 mm"),
        (lambda e: pl_decay(e, {"a": (5.0, 5.0)}, duration_s=100.0), "duration: 100 s, allowed are 0.1 to 60 s"),
        (lambda e: anneal_series([e], [450.0]), "450 degC, allowed are 20 to 400 degC"),
        (lambda e: anneal_ladder(e, [300.0], ramp_C_min=15.0), "ramp: 15 degC/min, allowed are 0.1 to 10 degC/min"),
        (
            lambda e: write_pattern(e, Pattern.of([[1]], 0.4), {1: Line(pulse_energy_uJ=200.0, speed_mm_s=2.0)}),
            "speed 2 mm/s",
        ),
        (lambda e: image_sites(e, {"a": (5.0, 18.0)}), "stage y 28 mm, allowed are 0 to 25 mm"),
    ],
)
def test_limits_of_this_bench_hold_for_what_is_measured_and_heated(
    session: Session, experiment: Experiment, make: Any, words: str
) -> None:
    bench = session.bench
    limits = replace(
        bench.geometry.limits,
        y_mm=(0.0, 25.0),
        line_speed_mm_s=(0.01, 1.6),
        integration_s=(0.001, 2.0),
        lifetime_duration_s=(0.1, 60.0),
        furnace_temperature_C=(20.0, 400.0),
        furnace_ramp_C_min=(0.1, 10.0),
    )
    small = replace(experiment, bench=replace(bench, geometry=replace(bench.geometry, limits=limits)))
    with pytest.raises(ExperimentRefusedError, match=f"{words}.*nothing has moved"):
        make(small)
    assert session.records.runs() == []
    assert bench.changer.at_stage.get() == ""


def test_a_picture_does_not_go_over_the_edge_nor_over_what_is_there(
    session: Session, experiment: Experiment, tmp_path: Path
) -> None:
    cell = Pattern.of([[1]], 0.4)
    for corner_mm, words in (((19.8, 5.0), "outside the coupon"), ((0.1, 5.0), "along the edge")):
        with pytest.raises(ExperimentRefusedError, match=words):
            write_pattern(experiment, cell, {1: LINE}, corner_mm=corner_mm)
    drawing = tmp_path / "large.svg"
    drawing.write_text('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><rect width="9" height="9"/></svg>')
    with pytest.raises(ExperimentRefusedError, match=r"40 x 40 mm; .* 0.18 mm would fit, or 45 x 45 cells"):
        write_pattern(experiment, image_pattern(drawing, cell_mm=0.4, columns=100, n_colours=1), {1: LINE})
    assert session.records.runs() == []
    session.RE(write_pattern(experiment, cell, {1: LINE}, corner_mm=(5.0, 5.0)))
    with pytest.raises(ExperimentRefusedError, match="must not be exposed again"):
        write_pattern(experiment, cell, {1: LINE}, corner_mm=(5.0, 5.0))
    with pytest.raises(ExperimentRefusedError, match="comes within"):
        dot_matrix(experiment, [150.0], [4.0], x_mm=5.2, y_mm=5.2)


def test_a_place_that_is_taken_is_refused(session: Session, experiment: Experiment) -> None:
    session.RE(line_series(experiment, [200.0], [0.8], measurement=QUICK))
    with pytest.raises(ExperimentRefusedError, match="must not be exposed again"):
        line_series(experiment, [150.0], [0.4])
    with pytest.raises(ExperimentRefusedError, match="comes within"):
        dot_matrix(experiment, [150.0], [4.0], x_mm=2.4, y_mm=2.1)
    for taken in (
        lambda: settings_map(experiment),
        lambda: anneal_ladder(experiment, [300.0], places_mm=((2.5, 2.1),)),
        lambda: anneal_series([experiment], [300.0], places_mm=((2.5, 2.1),)),
        lambda: write_marks(experiment, inset_mm=2.1),
        lambda: write_pattern(experiment, Pattern.of([[1]], 0.4), {1: LINE}, corner_mm=(2.2, 1.8)),
    ):
        with pytest.raises(
            ExperimentRefusedError, match=r"(comes within|must not be exposed again|lies on).*nothing has moved"
        ):
            taken()
    assert len(session.records.runs()) == 2


def test_rewriting_takes_the_red_further_and_the_ledger_knows(session: Session, experiment: Experiment) -> None:
    session.RE(line_series(experiment, [200.0], [0.4], measurement=QUICK))
    session.RE(rewrite(experiment, ["E0v0"]))
    session.RE(pl_map(experiment, (2.3, 2.0), n_x=3, n_y=1, measurement=QUICK))
    before = outcomes_of(only(session, "measurement"))["E0v0"]
    after = map_of(only(session, "map")).seen.phases["red"]
    assert isinstance(before, Luminescence)
    red = before.band("red")
    assert red is not None
    assert np.nanmean(after.peak_nm) > red.peak_nm + 15
    site = Ledger.of(session.records.runs()).site("C1", "E0v0")
    assert site.state is SiteState.WRITTEN
    assert site.n_exposures == 2


def test_maps_at_rest_and_on_the_fly_see_the_same_lines(session: Session, experiment: Experiment) -> None:
    session.RE(line_series(experiment, [200.0], [0.4, 0.4], measurement=QUICK))
    settings = Measurement(integration_s=0.05, n_averages=1)
    maps = {}
    for mode in ("step", "raster", "fly"):
        session.RE(
            pl_map(experiment, (1.6, 1.8), n_x=10, n_y=8, step_mm=0.15, mode=mode, measurement=settings)  # type: ignore[arg-type]
        )
        maps[mode] = map_of(session.records.runs()[-1])
    for mode, seen in maps.items():
        light = seen.seen.rates["red"]
        assert light.size >= 80
        weight = np.maximum(light, 0)
        centre = float(weight @ seen.x_mm / weight.sum())
        assert centre == pytest.approx(2.45, abs=0.12), mode
        bright = seen.y_mm[light > 0.5 * light.max()]
        assert set(np.round(bright - 1.8, 2)) <= {0.15, 0.30, 1.05}, mode
    rows = maps["step"].y_mm
    assert np.ptp(rows) == pytest.approx(7 * 0.15, abs=1e-6)


def test_decays_are_fitted_from_the_record(session: Session, experiment: Experiment) -> None:
    session.RE(line_series(experiment, [200.0], [0.4], measurement=QUICK))
    session.RE(pl_decay(experiment, {"E0v0": (2.5, 2.0)}, filters=("green", "red"), duration_s=20.0))
    found = decays_of(only(session, "decay"))
    for fit in found.values():
        assert not isinstance(fit, Exception)
        assert 5 < fit.average_ns("intensity") < 500
        assert fit.average_sd_ns("intensity") < 0.1 * fit.average_ns("intensity")
    assert session.bench.lifetime is not None
    assert session.bench.lifetime.excitation.get() == "off"


def test_stability_keeps_the_lamp_on_and_its_interval(session: Session, experiment: Experiment) -> None:
    session.RE(line_series(experiment, [200.0], [0.4], measurement=QUICK))
    session.RE(stability_series(experiment, (2.5, 2.0), n_spectra=5, every_s=30.0, measurement=QUICK))
    clock_s = only(session, "stability").table("spectra")["clock_s"]
    assert np.diff(clock_s) == pytest.approx(30.0, abs=1.0)
    assert session.bench.spectrometer.lamp.get() == "off"


def test_a_ladder_measures_after_each_step(session: Session, experiment: Experiment) -> None:
    plan = anneal_ladder(experiment, [300.0, 450.0], hold_s=600.0, places_mm=((10.0, 10.0),), measurement=QUICK)
    session.RE(plan)
    purposes = [run.start["purpose"] for run in session.records.runs()]
    assert purposes == ["writing", "measurement", "heat_treatment", "measurement", "heat_treatment", "measurement"]


# ----------------------------------------------------------------------------------------------------------------- order
places = st.lists(st.tuples(st.floats(0, 20), st.floats(0, 20)), min_size=1, max_size=40)


@given(places)
def test_every_place_is_visited_once_and_no_way_is_longer_than_as_given(spots: list[tuple[float, float]]) -> None:
    order = short_order(spots)
    assert sorted(order) == list(range(len(spots)))


def test_a_shuffled_grid_is_walked_almost_as_short_as_can_be() -> None:
    grid = [(float(x), float(y)) for x in range(10) for y in range(10)]
    rng = np.random.default_rng(0)
    shuffled = [grid[i] for i in rng.permutation(100)]
    shortest = path_mm([(float(x), float(y)) for x, y in boustrophedon(10, 10)])
    assert shortest == pytest.approx(99.0)
    assert path_mm(shuffled, short_order(shuffled)) <= 1.15 * shortest
    assert path_mm(shuffled) > 4 * shortest
    assert math.isclose(path_mm(shuffled[:1]), 0.0)
