"""How far a model is trusted: by what it foresaw; and what is believed where it is not."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from beamline.optimize import Objective, SearchSpace
from beamline.optimize.agent import Agent
from beamline.optimize.belief import Belief, believe
from beamline.optimize.checks import quantile_z
from beamline.optimize.evidence import gather, group_by_coupon
from beamline.optimize.fresh import foreseen
from beamline.optimize.history import History
from beamline.optimize.mixed import Mixed, mixed
from beamline.optimize.noise import Noise
from beamline.optimize.plain import PlainPrior, plain_misfit
from beamline.optimize.posterior import Draws, fit
from beamline.optimize.trust import BEFORE, MOST, Trust, log_density
from beamline.recipe import Observation

TRUTH = np.array([0.8, -0.5, -1.0, 0.4, 0.6])
SPEEDS = np.geomspace(0.2, 2.0, 6)


def coupon(kit: ModuleType, n: int, *, off_nm: float = 0.0) -> list[Observation]:
    """A coupon of the small model under TRUTH at a temperature of its own, its red peaks moved by some nm."""
    blank = [
        kit.observation(
            kit.luminescence(), coupon=f"C{n}", site=f"S{i}", speed_mm_s=speed, temperature_C=250.0 + 60.0 * n
        )
        for i, speed in enumerate(SPEEDS)
    ]
    true = kit.SmallPrior().observables(TRUTH[None], gather([blank]).sites)[0]
    rng = np.random.default_rng(n)
    seen = []
    for one, row in zip(blank, true, strict=True):
        red, green = np.exp(row[2:] + 0.02 * rng.standard_normal(2))
        outcome = kit.luminescence(1239.841984 / row[0] + off_nm, green / red, red)
        seen.append(one.model_copy(update={"outcome": outcome}))
    return seen


def beliefs(kit: ModuleType, groups: list[list[Observation]]) -> list[Belief]:
    """After each of the coupons, none first."""
    history = History("physics", SearchSpace(), Objective(), kit.layout_of(6), 3)
    history.add([seen for group in groups for seen in group])
    found: list[Belief] = []
    for n in range(len(groups) + 1):
        before = found[-1] if found else None
        found.append(believe(history, n, before=before, prior=kit.SmallPrior(), noise=Noise(), n_draws=96))
    return found


def draws_of(kit: ModuleType, n: int = 40) -> tuple[Draws, Draws]:
    """Of the small model, and of planes, after one coupon."""
    evidence, rng = gather(group_by_coupon(coupon(kit, 1))), np.random.default_rng(0)
    plain = Noise(misfit=plain_misfit(4))
    return (
        fit(kit.SmallPrior(), evidence, Noise(), rng).draws(n, rng),
        fit(PlainPrior(), evidence, plain, rng).draws(n, rng),
    )


def test_a_quantile_of_one_normal_distribution_is_its_z_score() -> None:
    value = np.array([-7.0, -1.0, 0.0, 2.5, 9.0])
    assert quantile_z(3.0 + 2.0 * value, np.full((4, 5), 3.0), np.full((4, 5), 2.0), np.full(4, 0.25)) == pytest.approx(
        value, abs=1e-6
    )


def test_a_quantile_of_a_mixture_is_that_of_its_distribution_function() -> None:
    # Halfway between two narrow peaks is the middle, and beyond both a tail of half the weight.
    mean, sd = np.array([[-1.0, -1.0], [1.0, 1.0]]), np.full((2, 2), 0.01)
    z = quantile_z(np.array([0.0, 1.0]), mean, sd, np.array([0.5, 0.5]))
    assert z == pytest.approx([0.0, 0.6744898], abs=1e-6)  # the 75 % quantile
    z = quantile_z(np.array([0.0, 1.0]), mean, sd, np.array([0.9, 0.1]))
    assert z == pytest.approx([1.2815516, 1.6448536], abs=1e-6)  # those of 90 and 95 %


def test_derivatives_of_planes_are_those_of_their_values(kit: ModuleType) -> None:
    prior, sites = PlainPrior(), gather([coupon(kit, 2)]).sites
    rng = np.random.default_rng(0)
    latent, step = rng.standard_normal(len(prior.latents)), rng.standard_normal(len(prior.latents))
    slope = prior.sensitivity(latent, sites)
    moved = prior.observables((latent + step)[None], sites)[0]
    assert moved == pytest.approx(slope.value + slope.latent @ step)
    without = prior.sensitivity(latent, sites, with_latents=False)
    assert not without.latent.any()
    richer = prior.observables(latent[None], type(sites)(
        sites.writings, sites.iodide_fraction + 0.1, sites.power_at_sample_W, sites.steps
    ))[0]  # fmt: skip
    assert richer == pytest.approx(slope.value + 0.1 * slope.iodide)
    written = prior.write(latent[None], sites).anneal(sites.steps[0])
    assert written == pytest.approx(prior.observables(latent[None], sites))


def test_mixed_draws_are_those_of_their_parts_in_their_share(kit: ModuleType) -> None:
    one, other = draws_of(kit)
    together = mixed(one, other, 0.3)
    assert len(together) == 40
    assert [len(places) for _, places in together.parts] == [28, 12]
    sites = gather([coupon(kit, 3)]).sites
    for number, draws in enumerate((one, other)):
        which = together.of_part(number)
        assert together.emitted(sites)[which] == pytest.approx(draws.first(which.sum()).emitted(sites))
        assert together.truth[which] == pytest.approx(draws.first(which.sum()).truth)
    assert together.probabilities.sum() == pytest.approx(1.0)
    assert together.probabilities[together.of_part(1)].sum() == pytest.approx(0.3)
    few = together.first(10)
    assert [len(places) for _, places in few.parts] == [7, 3]
    assert few.emitted(sites) == pytest.approx(together.emitted(sites)[:10])
    assert few.written(sites).anneal(sites.steps[0]) == pytest.approx(few.emitted(sites))


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_no_belief_is_left_without_draws(kit: ModuleType, share: float) -> None:
    together: Mixed = mixed(*draws_of(kit), share)
    assert min(len(places) for _, places in together.parts) == 2
    assert together.shares == (1.0 - share, share)


def test_density_of_a_coupon_is_that_of_the_joint_normal_distribution(kit: ModuleType) -> None:
    """One site of one band: no covariance but the four numbers' own."""
    draws, _ = draws_of(kit, 400)
    seen = [coupon(kit, 3)[2]]
    evidence = gather([seen])
    mean, variance = foreseen(draws, evidence.sites)
    noise = draws.posterior.noise
    slope = draws.posterior.prior.sensitivity(draws.posterior.latent, evidence.sites)
    order = [int(np.argmax(row)) for row in evidence.row_weights]
    covariance = np.cov(mean[:, 0].T) + noise.coupon + noise.site
    covariance += noise.iodide_fraction**2 * np.outer(slope.iodide[0], slope.iodide[0])
    covariance += noise.ln_energy**2 * np.outer(slope.log_energy[0], slope.log_energy[0])
    # Each draw has its own size of what the coupon has for itself; the density takes the learnt one.
    larger = draws.of_coupon[0] ** 2 - 1.0
    of_coupon = larger[:4] * np.diag(noise.coupon) + larger[4] * (noise.iodide_fraction * slope.iodide[0]) ** 2
    assert np.diag(covariance - np.cov(mean[:, 0].T)) + of_coupon == pytest.approx(variance[0, 0])
    covariance = covariance[np.ix_(order, order)] + np.diag((evidence.sd * noise.analysis[order]) ** 2)
    expected = multivariate_normal(mean[:, 0].mean(0)[order], covariance).logpdf(evidence.number)
    assert log_density(draws, seen) == pytest.approx(expected)
    dark = [kit.observation(kit.FAILED)]
    assert log_density(draws, dark) == 0.0


def test_a_model_that_foresees_is_trusted_and_one_that_does_not_is_not(kit: ModuleType) -> None:
    right = beliefs(kit, [coupon(kit, n) for n in range(3)])
    assert right[0].trust.physics == pytest.approx(BEFORE)
    assert right[-1].trust.log_odds == MOST
    assert right[-1].trust.reason() == "the physics is trusted to 98 %"
    wrong = beliefs(kit, [coupon(kit, n, off_nm=40.0 * (-1) ** n) for n in range(4)])
    assert wrong[-1].trust.physics < 0.3
    assert "it foresaw coupon C" in wrong[-1].trust.reason()
    assert "red peak wrong by" in wrong[-1].trust.reason()
    # The draws are of both in the share of the trust.
    assert wrong[-1].draws.of_part(0).mean() == pytest.approx(wrong[-1].trust.physics, abs=0.01)


def test_a_coupon_without_values_says_nothing(kit: ModuleType) -> None:
    one, other = draws_of(kit)
    assert Trust().after(one, other, [kit.observation(kit.FAILED)]) == Trust()


def test_status_and_suggestion_say_how_far_the_physics_is_trusted(kit: ModuleType) -> None:
    agent = Agent(SearchSpace(), Objective(), kit.layout_of(6), 3, prior=kit.SmallPrior())
    agent.ingest(coupon(kit, 1))
    trust = agent.status().trust
    assert trust is not None
    assert [one.coupon for one in trust.coupons] == ["C1"]
    assert agent.suggest(kit.rack(1, first=9)).reason.endswith(trust.reason)
