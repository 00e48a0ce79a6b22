"""The posterior: exact where the model is linear, careful with limits and outliers, and its draws agree with it."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest

from beamline.optimize.discrepancy import (
    DEFAULT_AMPLITUDE,
    DEFAULT_FURNACE,
    N_FEATURES,
    OF_FURNACE,
    Discrepancy,
    coordinates,
    correlation,
)
from beamline.optimize.evidence import gather, group_by_coupon
from beamline.optimize.likelihood import Problem
from beamline.optimize.maximum import maximise
from beamline.optimize.noise import Noise
from beamline.optimize.posterior import Posterior, fit
from beamline.optimize.sizes import Sizes
from beamline.recipe import NoLuminescence, Observation, Saturated

TRUTH = np.array([0.8, -0.5, -1.0, 0.4, 0.6])
SPEEDS = np.geomspace(0.2, 2.0, 8)


def observed(kit: ModuleType, *, coupons: int = 3, seed: int = 0, shift_nm: float = 0.0) -> list[Observation]:
    """Sites of some coupons on a bench that is the small model under TRUTH."""
    prior, rng = kit.SmallPrior(), np.random.default_rng(seed)
    seen = []
    for n in range(coupons):
        blank = [
            kit.observation(
                kit.luminescence(), coupon=f"C{n}", site=f"S{i}", speed_mm_s=v, temperature_C=400.0 + 50 * n
            )
            for i, v in enumerate(SPEEDS)
        ]
        true = prior.observables(TRUTH[None], gather([blank]).sites)[0]
        for one, row in zip(blank, true, strict=True):
            red, green = np.exp(row[2:] + 0.02 * rng.standard_normal(2))
            outcome = kit.luminescence(1239.841984 / row[0] + shift_nm, green / red, red)
            seen.append(one.model_copy(update={"outcome": outcome}))
    return seen


def fitted(kit: ModuleType, seen: list[Observation]) -> Posterior:
    return fit(kit.SmallPrior(), gather(group_by_coupon(seen)), Noise(), np.random.default_rng(0))


def test_without_evidence_the_posterior_is_the_prior(kit: ModuleType) -> None:
    posterior = fitted(kit, [])
    assert not posterior.latent.any()
    assert (posterior.latent_sd == 1.0).all()
    draws = posterior.draws(2000, np.random.default_rng(0))
    assert draws.latent.mean(0) == pytest.approx(0.0, abs=0.08)
    assert draws.latent.std(0) == pytest.approx(1.0, abs=0.06)
    assert draws.truth.shape == (2000, 0, 4)


def test_the_maximum_of_a_linear_model_is_that_of_linear_algebra(kit: ModuleType) -> None:
    evidence = gather(group_by_coupon(observed(kit)))
    problem = Problem(kit.SmallPrior(), evidence)
    discrepancy = Discrepancy.make(DEFAULT_AMPLITUDE, DEFAULT_FURNACE, np.random.default_rng(0))
    found = maximise(problem, discrepancy, Sizes(), np.zeros(5), np.zeros(problem.n), max_steps=20)
    covariance = found.linear.covariance.dense() + np.diag(found.linear.sd**2)
    slope = found.linear.latent
    curvature = np.eye(5) + slope.T @ np.linalg.solve(covariance, slope)
    residual = problem.number - found.linear.mean + slope @ found.linear.at
    exact = np.linalg.solve(curvature, slope.T @ np.linalg.solve(covariance, residual))
    assert found.linear.at == pytest.approx(exact, abs=3e-2)  # the search ends where the cost hardly falls
    assert found.latent_sd == pytest.approx(np.sqrt(np.diag(np.linalg.inv(curvature))))


def test_parameters_are_learnt_within_their_stated_uncertainty(kit: ModuleType) -> None:
    posterior = fitted(kit, observed(kit))
    assert (np.abs(posterior.latent - TRUTH) < 3.0 * posterior.latent_sd).all()
    assert (posterior.latent_sd < [0.4, 0.9, 0.6, 0.95, 0.2]).all()


def test_draws_have_the_mean_and_spread_of_the_posterior(kit: ModuleType) -> None:
    posterior = fitted(kit, observed(kit))
    draws = posterior.draws(3000, np.random.default_rng(1))
    assert draws.latent.mean(0) == pytest.approx(posterior.latent, abs=0.06)
    # The features' prior is not quite the kernel's: a tenth.
    assert draws.latent.std(0) == pytest.approx(posterior.latent_sd, rel=0.12)


def test_the_truth_at_observed_sites_is_the_measurement_within_its_noise(kit: ModuleType) -> None:
    seen = observed(kit)
    posterior = fitted(kit, seen)
    truth = posterior.draws(500, np.random.default_rng(1)).truth
    for row, (site, number, sd) in enumerate(
        zip(posterior.evidence.row_site, posterior.evidence.number, posterior.evidence.sd, strict=True)
    ):
        at = truth[:, site, int(np.argmax(posterior.evidence.row_weights[row]))]
        assert abs(at.mean() - number) < 3.0 * sd
        assert at.std() < 1.2 * sd


def test_a_far_limit_changes_nothing_and_a_near_one_pulls(kit: ModuleType) -> None:
    seen = observed(kit, coupons=1)
    dark = kit.observation(NoLuminescence(rate_limit_counts_s=1e9), coupon="C0", site="X", speed_mm_s=0.5)
    without, far = fitted(kit, seen), fitted(kit, [*seen, dark])
    assert far.latent == pytest.approx(without.latent, abs=1e-3)
    low = dark.model_copy(update={"outcome": NoLuminescence(rate_limit_counts_s=30.0)})
    assert fitted(kit, [low]).latent[4] < -0.5  # dark where light was expected: less is collected than thought
    bright = dark.model_copy(update={"outcome": Saturated(n_saturated_pixels=9, rate_floor_counts_s=1e7)})
    assert fitted(kit, [bright]).latent[4] > 0.5
    dim = dark.model_copy(update={"outcome": Saturated(n_saturated_pixels=9, rate_floor_counts_s=1.0)})
    assert fitted(kit, [dim]).latent == pytest.approx(np.zeros(5), abs=1e-3)


def test_one_wild_datum_does_not_carry_the_answer_away(kit: ModuleType) -> None:
    seen = observed(kit)
    wild = seen[3].model_copy(update={"outcome": kit.luminescence(720.0, 1.0, 5000.0)})
    clean, spoilt = fitted(kit, seen), fitted(kit, [*seen[:3], wild, *seen[4:]])
    assert np.abs(spoilt.latent - clean.latent)[0] < 2.0 * clean.latent_sd[0]
    # It does not speak for others, but it is believed for itself.
    there = spoilt.draws(300, np.random.default_rng(0)).truth[:, 3, 0]
    assert 1239.841984 / there.mean() == pytest.approx(720.0, abs=1.0)


def test_more_coupons_leave_less_uncertainty(kit: ModuleType) -> None:
    one, three = fitted(kit, observed(kit, coupons=1)), fitted(kit, observed(kit, coupons=3))
    assert (three.latent_sd < one.latent_sd + 1e-9).all()
    assert three.latent_sd[0] < 0.9 * one.latent_sd[0]


def test_the_misfit_takes_what_no_parameter_can(kit: ModuleType) -> None:
    """A green peak that moves with the speed, which the small model's latents cannot do."""
    seen = []
    for one in observed(kit):
        shift_eV = 0.008 * float(np.log(one.writing.speed_mm_s / 0.63))
        bands = tuple(
            band.model_copy(update={"peak_eV": band.peak_eV + shift_eV}) if band.phase == "green" else band
            for band in one.outcome.bands
        )
        seen.append(one.model_copy(update={"outcome": one.outcome.model_copy(update={"bands": bands})}))
    where = coordinates(gather(group_by_coupon(seen)).sites)[[0, 7]]  # slowest and fastest
    shifted, plain = (
        fitted(kit, some).draws(200, np.random.default_rng(0)).misfit(where)[:, :, 1].mean(0)
        for some in (seen, observed(kit))
    )
    told = 0.008 * np.log(10.0)
    assert np.diff(shifted)[0] == pytest.approx(told, rel=0.3)
    assert abs(np.diff(plain)[0]) < 0.1 * told


def test_random_features_stand_for_the_kernels() -> None:
    rng = np.random.default_rng(0)
    where = rng.uniform(-1.0, 1.0, (20, 7))
    made = [Discrepancy.make(DEFAULT_AMPLITUDE, DEFAULT_FURNACE, rng).features(where) for _ in range(30)]
    of_all, of_furnace = (
        np.mean([features[:, part] @ features[:, part].T for features in made], axis=0)
        for part in (slice(0, N_FEATURES), slice(N_FEATURES, None))
    )
    assert of_all == pytest.approx(correlation(where, where), abs=0.05)
    assert of_furnace == pytest.approx(correlation(where * OF_FURNACE, where * OF_FURNACE), abs=0.06)
