"""The physics model behind the optimiser's protocol."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest

from beamline.optimize.evidence import gather, group_by_coupon, padded_steps
from beamline.optimize.noise import Noise
from beamline.optimize.posterior import fit
from beamline.optimize.prior import PhysicsPrior, writing_sites
from beamline.physics import PARAMETERS, nominal, predict, settings
from beamline.recipe import Dot, HeatTreatment, Line

STEPS = padded_steps([HeatTreatment(temperature_C=550.0, hold_s=7200.0).steps()])[0]
LINES = tuple(Line(pulse_energy_uJ=energy, speed_mm_s=speed) for energy in (120.0, 200.0) for speed in (0.3, 0.8))


@pytest.fixture(scope="module")
def prior() -> PhysicsPrior:
    return PhysicsPrior()


def test_at_the_median_it_is_the_nominal_model(prior: PhysicsPrior) -> None:
    sites = writing_sites(LINES, 0.5, STEPS)
    found = prior.observables(np.zeros((1, len(prior.latents))), sites)[0]
    seen = predict(settings(LINES, 0.5), STEPS, nominal())[0]
    assert found[:, 0] == pytest.approx(seen["red_peak_eV"])
    assert found[:, 3] - found[:, 2] == pytest.approx(np.log(seen["green_intensity"] / seen["red_intensity"]))


def test_latents_are_the_parameters_with_half_their_spread_and_the_spectrometer(prior: PhysicsPrior) -> None:
    assert [latent.name for latent in prior.latents[:-3]] == [parameter.name for parameter in PARAMETERS]
    assert prior.latents[0].spread == pytest.approx(0.5 * PARAMETERS[0].spread)
    assert [latent.name for latent in prior.latents[-3:]] == [
        "collection_counts_s",
        "green_over_red_detection",
        "dot_over_line_collection",
    ]


def test_sites_of_different_histories_and_glasses_come_out_as_by_themselves(prior: PhysicsPrior) -> None:
    cold = padded_steps([HeatTreatment(temperature_C=250.0, hold_s=7200.0).steps()])[0]
    some, others = writing_sites(LINES, 0.5, STEPS), writing_sites(LINES[:2], 0.66, cold)
    both = type(some)(
        (*some.writings, *others.writings),
        np.concatenate([some.iodide_fraction, others.iodide_fraction]),
        np.zeros(6),
        np.concatenate([some.steps, others.steps]),
    )
    latent = np.random.default_rng(0).standard_normal((3, len(prior.latents)))
    found = prior.observables(latent, both)
    assert found[:, :4] == pytest.approx(prior.observables(latent, some))
    assert found[:, 4:] == pytest.approx(prior.observables(latent, others))


def test_writing_once_and_annealing_often_is_the_same(prior: PhysicsPrior) -> None:
    latent = np.random.default_rng(0).standard_normal((3, len(prior.latents)))
    sites = writing_sites(LINES, 0.5, STEPS)
    assert prior.write(latent, sites).anneal(STEPS) == pytest.approx(prior.observables(latent, sites))


def test_derivatives_are_those_of_the_model(prior: PhysicsPrior) -> None:
    sites = writing_sites(LINES, 0.5, STEPS)
    at = np.zeros(len(prior.latents))
    found = prior.sensitivity(at, sites)
    by_name = [latent.name for latent in prior.latents].index("line_equivalence")
    moved = np.zeros((2, len(at)))
    moved[:, by_name] = (-0.1, 0.1)
    low, high = prior.observables(moved, sites)
    assert found.latent[:, :, by_name] == pytest.approx((high - low) / 0.2, abs=0.02, rel=0.1)
    warmer = tuple(line.model_copy(update={"pulse_energy_uJ": 1.02 * line.pulse_energy_uJ}) for line in LINES)
    by_energy = (prior.observables(at[None], writing_sites(warmer, 0.5, STEPS))[0] - found.value) / np.log(1.02)
    assert found.log_energy == pytest.approx(by_energy, abs=0.15, rel=0.15)
    richer = prior.observables(at[None], writing_sites(LINES, 0.51, STEPS))[0]
    assert found.iodide == pytest.approx((richer - found.value) / 0.01, abs=1e-6)
    without = prior.sensitivity(at, sites, with_latents=False)
    assert not without.latent.any()
    assert without.iodide == pytest.approx(found.iodide)


def test_the_spectrometers_latents_scale_the_rates_only(prior: PhysicsPrior) -> None:
    sites = writing_sites((LINES[0], Dot(pulse_energy_uJ=200.0, exposure_s=5.0)), 0.5, STEPS)
    latent = np.zeros((4, len(prior.latents)))
    latent[1, -3] = latent[2, -2] = latent[3, -1] = 1.0
    plain, collected, tilted, dots = prior.observables(latent, sites)
    assert collected - plain == pytest.approx(np.array([[0, 0, 3.0, 3.0]] * 2))
    assert tilted - plain == pytest.approx(np.array([[0, 0, -0.05, 0.05]] * 2))
    assert dots - plain == pytest.approx(np.array([[0.0, 0, 0, 0], [0, 0, 1.0, 1.0]]))


def test_a_measured_power_teaches_the_transmission(prior: PhysicsPrior, kit: ModuleType) -> None:
    index = [latent.name for latent in prior.latents].index("optical_transmission")
    seen = [
        kit.observation(
            kit.luminescence(),
            site=f"S{i}",
            pulse_energy_uJ=energy,
            power_at_sample_W=energy * 10e3 * 1e-6 * 0.28,
        )
        for i, energy in enumerate((100.0, 150.0, 200.0))
    ]
    rows, values, sds = prior.direct_data(gather(group_by_coupon(seen)).sites)
    assert rows.shape == (1, len(prior.latents))
    assert values == pytest.approx(np.log(0.28 / 0.25))
    assert sds[0] < 0.025
    posterior = fit(prior, gather(group_by_coupon(seen)), Noise(), np.random.default_rng(0))
    told = 0.25 * np.exp(posterior.latent[index] * prior.latents[index].spread)
    assert told == pytest.approx(0.28, abs=0.01)
    assert posterior.latent_sd[index] < 0.4
    assert prior.direct_data(writing_sites(LINES, 0.5, STEPS))[1].size == 0


def test_without_crystals_there_is_no_light_and_no_accident(prior: PhysicsPrior) -> None:
    sites = writing_sites((Line(pulse_energy_uJ=2.0, speed_mm_s=3.0),), 0.5, STEPS)
    found = prior.observables(np.zeros((1, len(prior.latents))), sites)
    assert np.isfinite(found).all()
    assert (found[0, 0, 2:] < 0.0).all()


@pytest.mark.parametrize("iodide_fraction", [0.0, 1.0])
def test_a_pure_glass_has_no_slope_by_a_halide_that_it_lacks(prior: PhysicsPrior, iodide_fraction: float) -> None:
    at = np.zeros(len(prior.latents))
    pure = prior.sensitivity(at, writing_sites(LINES, iodide_fraction, STEPS), with_latents=False)
    mixed = prior.sensitivity(at, writing_sites(LINES, 0.5, STEPS), with_latents=False)
    assert np.all(pure.iodide == 0.0)
    assert np.any(mixed.iodide != 0.0)
    assert np.abs(mixed.iodide).max() < 100.0  # a scatter of 0.02 of the glass is no e^100 in light
