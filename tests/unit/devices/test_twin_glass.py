"""The twin makes physical sense: what is dark, what shifts, what is remembered, what repeats; seen through the devices only."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import bluesky.plan_stubs as bps
import numpy as np
import pytest
from numpy.typing import NDArray

from beamline.physics import make_settings, nominal, predict, spectrum
from devices.twin import Effects
from devices.twin.world import COLLECTION_counts_s

from .glass_bench import NONE, Bench

LINE_UM = 1000.0 * 0.1 * np.sqrt(np.pi / 2)  # what a long line has under a spot of 0.1 mm, um


def model(
    wavelength_nm: NDArray[np.float64],
    steps: Sequence[tuple[float, float]] = (),
    integration_s: float = 0.2,
    iodide_fraction: float = 0.5,
    **writing: Any,
) -> NDArray[np.float64]:
    """Counts that the physics expects of a long line, or of a dot, at 0.5 W, shape [2048]."""
    settings = make_settings(iodide_fraction=iodide_fraction, pulse_energy_uJ=200.0, power_at_sample_W=0.5, **writing)
    rate = spectrum(predict(settings, np.reshape(steps, (-1, 2)), nominal()), wavelength_nm)[0, 0]
    seen = LINE_UM if "speed_mm_s" in writing else 1.0
    return rate * COLLECTION_counts_s * seen * integration_s * (wavelength_nm[1] - wavelength_nm[0])


def programme(temperature_C: float, hold_s: float, pieces: int = 400) -> list[tuple[float, float]]:
    """The furnace's ramps and hold as steps; settling and lag add some two minutes to the hold."""
    edges = np.linspace(25.0, temperature_C, pieces + 1)
    ramp = [(t, (temperature_C - 25.0) * 6.0 / pieces) for t in 0.5 * (edges[1:] + edges[:-1])]
    return [*ramp, (temperature_C, hold_s + 120.0), *ramp[::-1]]


def test_a_typical_line_fills_a_good_part_of_the_detector() -> None:
    bench = Bench(effects=NONE)
    bench.line(5.0)
    counts = bench.spectrum(10.0, 5.0)
    assert 6_000 < counts.max() < 15_000
    assert bench.roles.spectrometer.n_saturated.get() == 0
    assert bench.wavelength_nm[counts.argmax()] == pytest.approx(514, abs=2)


def test_dark_is_a_thousand_counts_with_read_noise() -> None:
    bench = Bench(seed=3)
    bench.RE(bps.mv(bench.roles.spectrometer.n_averages, 1))
    bench.RE(bps.trigger(bench.roles.spectrometer, wait=True))
    first = bench.roles.spectrometer.counts.get()
    bench.RE(bps.trigger(bench.roles.spectrometer, wait=True))
    difference = bench.roles.spectrometer.counts.get() - first
    assert first.mean() == pytest.approx(1000, abs=3)
    assert 10 < difference.std() / np.sqrt(2) < 11.5


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_nothing_shines_where_nothing_was_written_or_too_shortly(seed: int) -> None:
    bench = Bench(seed=seed)
    bench.dot(5.0, 5.0, 0.3)
    noise = 5 * np.sqrt(2 * (10**2 + 0.3 * 20) / 10)
    for place in ((5.0, 5.0), (15.0, 15.0)):
        assert abs(bench.spectrum(*place)).max() < noise


def test_a_longer_dot_is_brighter() -> None:
    bench = Bench(effects=NONE)
    for i, exposure_s in enumerate((0.5, 1.5, 3.0, 5.0)):
        bench.dot(2.0 + 2 * i, 5.0, exposure_s)
    peaks = [bench.spectrum(2.0 + 2 * i, 5.0).max() for i in range(4)]
    assert peaks == sorted(peaks)
    assert peaks[0] < 0.03 * peaks[2]
    assert peaks[3] > 500


def test_heat_shifts_the_red_and_strengthens_it() -> None:
    bench = Bench(effects=NONE)
    bench.line(5.0)
    before = bench.spectrum(10.0, 5.0)
    bench.anneal(550.0)
    after = bench.spectrum(10.0, 5.0)
    assert bench.red_peak_nm(after) > bench.red_peak_nm(before) + 20
    red = bench.wavelength_nm > 560
    assert after[red].max() > 2 * before[red].max()


@pytest.mark.parametrize("writing", [{"speed_mm_s": 0.4}, {"exposure_s": 4.0}, {"speed_mm_s": 0.8, "n_passes": 2}])
def test_without_effects_the_twin_is_the_model(writing: dict[str, float]) -> None:
    """A writing and an anneal through the devices are `predict` of the same, with the furnace's programme."""
    bench = Bench(effects=NONE)
    if "exposure_s" in writing:
        bench.dot(10.0, 5.0, **writing)
    else:
        bench.line(5.0, **writing)
    as_written = bench.spectrum(10.0, 5.0)
    assert np.allclose(as_written, model(bench.wavelength_nm, **writing), rtol=1e-3, atol=0.1)
    bench.anneal(450.0)
    annealed = model(bench.wavelength_nm, programme(450.0, 7200.0), **writing)
    assert np.allclose(bench.spectrum(10.0, 5.0), annealed, rtol=0.03, atol=0.005 * annealed.max())


def test_rewriting_after_heat_begins_anew() -> None:
    """The melt forgets: what was heated and written again is what two passes leave."""
    bench = Bench(effects=NONE)
    bench.line(5.0)
    bench.anneal(550.0)
    bench.line(5.0)
    twice = model(bench.wavelength_nm, speed_mm_s=0.4, n_passes=2)
    assert np.allclose(bench.spectrum(10.0, 5.0), twice, rtol=1e-3, atol=0.1)


def test_passes_of_a_dot_add_up() -> None:
    bench = Bench(effects=NONE)
    bench.dot(5.0, 5.0, 1.5, n_passes=2)
    bench.dot(8.0, 5.0, 1.5)
    green = bench.wavelength_nm < 560
    assert bench.spectrum(5.0, 5.0)[green].max() > 1.5 * bench.spectrum(8.0, 5.0)[green].max()


def test_an_interrupted_line_exists_as_far_as_it_went() -> None:
    bench = Bench(effects=NONE)
    bench.line(5.0, length_mm=4.0, stop_after_s=5.0)  # half of it
    bench.line(9.0, length_mm=4.0)
    assert bench.roles.laser.output.get() == "closed"
    whole = bench.spectrum(9.0, 9.0).max()
    assert bench.spectrum(9.0, 5.0).max() == pytest.approx(whole, rel=1e-3)
    assert bench.spectrum(10.0, 5.0).max() == pytest.approx(whole / 2, rel=1e-2)  # its very end
    assert bench.spectrum(11.0, 5.0).max() < 1e-3 * whole


@pytest.mark.parametrize("speed_mm_s", [0.01, 3.0])
def test_the_slowest_and_the_fastest_line_can_be_seen(speed_mm_s: float) -> None:
    bench = Bench(effects=NONE)
    bench.clock.advance(1e3)  # then the times of a line are rounded more coarsely
    for y_mm in np.linspace(5.0, 9.0, 9):
        bench.line(float(y_mm), speed_mm_s=speed_mm_s)
    assert np.all(np.isfinite(bench.spectrum(10.0, 5.0)))


def test_a_part_written_twice_is_rewritten_and_the_rest_is_not() -> None:
    bench = Bench(effects=NONE)
    bench.line(5.0, length_mm=4.0)
    bench.line(5.0, length_mm=2.0)
    once, twice = (model(bench.wavelength_nm, speed_mm_s=0.4, n_passes=n) for n in (1, 2))
    assert np.allclose(bench.spectrum(10.0, 5.0), twice, rtol=1e-3, atol=0.1)
    assert np.allclose(bench.spectrum(8.5, 5.0), once, rtol=1e-3, atol=0.1)


def test_an_open_output_at_rest_burns_a_dot() -> None:
    bench = Bench(effects=NONE)
    bench.to_laser(5.0, 5.0)

    def plan() -> Any:
        yield from bps.mv(bench.roles.laser.output, "open")
        yield from bps.sleep(5.0)
        yield from bps.mv(bench.roles.laser.output, "closed")

    bench.RE(plan())
    bench.dot(8.0, 5.0, 5.0)
    assert bench.spectrum(5.0, 5.0).max() == pytest.approx(bench.spectrum(8.0, 5.0).max(), rel=1e-6)


def test_travel_with_an_open_output_writes_nothing() -> None:
    bench = Bench(effects=NONE)
    bench.to_laser(5.0, 5.0)
    x, _, _ = bench.geometry.under_laser(9.0, 5.0, 0.2)
    bench.RE(bps.mv(bench.roles.laser.output, "open"))  # closed by the engine's end; open again by hand
    bench.roles.laser.driver.open_output()
    bench.RE(bps.mv(bench.roles.stage.x_mm, x))
    bench.roles.laser.driver.close_output()
    assert bench.spectrum(7.0, 5.0).max() < 1


@pytest.mark.parametrize(("place", "depth_mm"), [((-1.0, 5.0), 0.2), ((5.0, 20.5), 0.2), ((5.0, 5.0), 0.0)])
def test_light_outside_the_glass_writes_nothing(place: tuple[float, float], depth_mm: float) -> None:
    bench = Bench(effects=NONE)
    bench.dot(*place, 5.0, depth_mm=depth_mm)
    assert bench.spectrum(*place).max() < 1


def test_without_a_coupon_there_is_nothing_to_write_or_see() -> None:
    bench = Bench(effects=NONE)
    bench.RE(bps.mv(bench.roles.changer.at_stage, ""))
    bench.dot(5.0, 5.0, 5.0)
    bench.RE(bps.mv(bench.roles.changer.at_stage, "A"))
    assert bench.spectrum(5.0, 5.0).max() < 1


def test_coupons_do_not_share_their_sites() -> None:
    bench = Bench(effects=NONE)
    bench.dot(5.0, 5.0, 5.0)
    bench.RE(bps.mv(bench.roles.changer.at_stage, ""))
    bench.RE(bps.mv(bench.roles.changer.at_stage, "B"))
    assert bench.spectrum(5.0, 5.0).max() < 1


def test_the_spot_sees_what_is_near() -> None:
    bench = Bench(effects=NONE)
    bench.dot(5.0, 5.0, 5.0)
    centre, edge, away = (bench.spectrum(5.0 + d, 5.0).max() for d in (0.0, 0.1, 0.5))
    assert edge == pytest.approx(centre * np.exp(-2), rel=1e-2)
    assert away < 1e-3 * centre


def test_much_light_saturates_and_says_so() -> None:
    bench = Bench(effects=NONE)
    bench.line(5.0)
    bench.spectrum(10.0, 5.0, integration_s=5.0, n_averages=2)
    assert bench.roles.spectrometer.counts.get().max() == 65535.0
    assert 10 < bench.roles.spectrometer.n_saturated.get() < 2048


def a_night(seed: int) -> tuple[NDArray[np.float64], float]:
    bench = Bench(seed=seed)
    bench.dot(5.0, 5.0, 3.0)
    bench.line(8.0)
    bench.anneal(400.0, 600.0)
    return np.stack([bench.spectrum(5.0, 5.0), bench.spectrum(10.0, 8.0)]), bench.roles.laser.power_at_sample_W.get()


def test_the_seed_is_the_truth() -> None:
    first, again, other = a_night(7), a_night(7), a_night(8)
    assert np.array_equal(first[0], again[0])
    assert first[1] == again[1]
    assert not np.array_equal(first[0], other[0])
    assert first[1] != other[1]


def test_looking_more_often_changes_nothing_of_the_heat() -> None:
    """The furnace is sampled in one night and left alone in the other; the glass is the same."""
    spectra = []
    for every_s in (1800.0, 60.0, 7.0):
        bench = Bench(effects=dataclasses.replace(NONE, coupon_lag_s=(120.0, 120.0), furnace_offset_C=(7.0, 7.0)))
        bench.line(5.0)
        bench.RE(bps.mv(bench.roles.changer.in_furnace, "A"))
        furnace = bench.roles.furnace
        status = furnace.set(500.0)
        for _ in range(round(3600 * 2 / every_s)):
            bench.clock.advance(every_s)
            furnace.read()
        bench.clock.advance(3 * 3600 - bench.clock.now_s)
        assert status.success
        bench.RE(bps.mv(furnace, 60.0))
        bench.RE(bps.mv(bench.roles.changer.at_stage, "A"))
        spectra.append(bench.spectrum(10.0, 5.0))
    assert np.allclose(spectra[1], spectra[0], rtol=1e-6)
    assert np.allclose(spectra[2], spectra[0], rtol=1e-6)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("parameter_scale", 0.45),
        ("composition_sd", 0.02),
        ("iodide_loss", (0.1, 0.1)),
        ("energy_noise_sd", 0.025),
        ("energy_drift_sd_h", 0.05),
        ("gate_jitter_sd_s", 0.01),
        ("focus_offset_sd_mm", 0.05),
        ("focus_tilt_sd_mm_cm", 0.05),
        ("absorptivity_exponent_sd", 0.1),
        ("conductivity_rise_1_K", (1e-4, 1e-4)),
        ("glass_transition_sd_K", 5.0),
        ("second_pass_boost_sd", 0.15),
        ("neighbour_heating", 1.0),
        ("furnace_offset_C", (10.0, 10.0)),
        ("furnace_gradient_C_cm", (5.0, 5.0)),
        ("coupon_lag_s", (180.0, 180.0)),
        ("furnace_overshoot", 1.0),
        ("stage_backlash_mm", 0.004),
        ("colour_gradient_eV", (0.005, 0.005)),
        ("dark_core", 0.2),
        ("tail_share", 0.1),
        ("self_absorption", 0.15),
        ("photobrightening", (0.1, 0.1)),
        ("ageing_h", 0.01),
        ("substrate_fluorescence_counts_s_nm", 60.0),
        ("lamp_second_order_counts_s_nm", 40.0),
        ("stray_light", 0.002),
        ("order_sorting_step", 0.015),
        ("wavelength_offset_nm", 0.3),
        ("shot_noise", True),
        ("read_noise_counts", 10.0),
        ("pixel_gain_sd", 0.003),
        ("nonlinearity", 0.01),
    ],
)
def test_each_effect_alone_is_seen(field: str, value: Any) -> None:
    """An effect that changes no count is none; and alone none turns the night into another."""

    def night(effects: Effects) -> NDArray[np.float64]:
        bench = Bench(seed=5, effects=effects)
        bench.line(4.0, energy_uJ=150.0, x_mm=5.0)
        bench.line(4.4, energy_uJ=150.0, x_mm=5.0)
        bench.dot(15.0, 15.0, 3.0, n_passes=2)
        bench.anneal(500.0, 600.0)
        return np.stack([bench.spectrum(5.0, 4.4), bench.spectrum(15.0, 15.0)])

    effects = dataclasses.replace(NONE, **{field: value})
    if field == "read_noise_counts":  # without shot noise nothing is drawn
        effects = dataclasses.replace(effects, shot_noise=True)
    plain, changed = night(NONE), night(effects)
    assert not np.allclose(plain, changed, rtol=1e-9, atol=1e-9)
    assert 0.2 < changed[0].sum() / plain[0].sum() < 5
