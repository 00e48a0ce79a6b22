"""A posterior as a prior: what is kept, what is forgotten, and what evidence makes of it."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest

from beamline.optimize import Objective, SearchSpace, make_optimizer
from beamline.optimize.evidence import gather, group_by_coupon
from beamline.optimize.knowledge import Knowledge
from beamline.optimize.noise import Noise
from beamline.optimize.posterior import fit
from beamline.optimize.prior import SILENT, SPREAD_SCALE, PhysicsPrior, writing_sites
from beamline.optimize.sceptic import Sceptic, ln_evidence
from beamline.optimize.transfer import as_prior, drifted, prior_text
from beamline.physics import PRIOR
from beamline.physics.parameter_file import edited_prior
from beamline.recipe import Dot, Line, Observation

TABLES = PhysicsPrior()
N = len(TABLES.latents)


def learnt(seed: int = 0, shift: float = 1.0) -> Knowledge:
    """Some posterior: numbers moved, and surer in thirty directions."""
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((30, N))
    before = TABLES.mixing @ TABLES.mixing.T
    covariance = np.linalg.inv(np.linalg.inv(before) + rows.T @ rows)
    return Knowledge(TABLES.latents, shift * rng.standard_normal(N), covariance)


def test_with_nothing_forgotten_the_prior_is_the_posterior() -> None:
    knowledge = learnt()
    prior = PhysicsPrior(prior=as_prior(knowledge, learned_from=("a",), forgetting=0.0, instrument_forgetting=0.0))
    for one, before, z, sd in zip(prior.latents, TABLES.latents, knowledge.mean, knowledge.sd, strict=True):
        assert one.nominal == pytest.approx(before.value(z), rel=1e-8)
        assert one.spread == pytest.approx(before.spread * sd, rel=1e-7)
    correlation = knowledge.covariance / np.outer(knowledge.sd, knowledge.sd)
    assert prior.mixing @ prior.mixing.T == pytest.approx(correlation, abs=1e-4)


def test_with_all_forgotten_it_is_that_of_the_tables() -> None:
    prior = as_prior(learnt(), learned_from=("a",), forgetting=1.0, instrument_forgetting=1.0)
    assert dict(prior.correlations) == dict(PRIOR.correlations)
    for one, of_table in zip(prior.parameters, PRIOR.parameters, strict=True):
        assert (one.nominal, one.spread) == pytest.approx((of_table.nominal, of_table.spread), rel=1e-7)


def test_nothing_stays_surer_than_what_is_forgotten_and_the_instrument_forgets_more() -> None:
    sure = replace(learnt(), covariance=1e-6 * np.eye(N))
    prior = PhysicsPrior(prior=as_prior(sure, learned_from=("a",), forgetting=0.09, instrument_forgetting=0.25))
    shares = [one.spread / before.spread for one, before in zip(prior.latents, TABLES.latents, strict=True)]
    assert shares[:-3] == pytest.approx([0.3] * (N - 3), rel=1e-4)
    assert shares[-3:] == pytest.approx([0.5] * 3, rel=1e-4)


def test_to_forget_twice_is_to_forget_once_more() -> None:
    prior = as_prior(learnt(), learned_from=("a",), forgetting=0.1, instrument_forgetting=0.1)
    twice, once = drifted(drifted(prior, 0.2), 0.5), drifted(prior, 0.6)
    for one, other in zip(twice.parameters, once.parameters, strict=True):
        assert (one.nominal, one.spread) == pytest.approx((other.nominal, other.spread), rel=1e-6)
    assert twice.mixing == pytest.approx(once.mixing, abs=1e-3)
    assert once.learned_from == ("a",)


def test_the_file_says_the_same_and_where_it_comes_from() -> None:
    prior = as_prior(learnt(), learned_from=("uid-1", "uid-2"))
    text = prior_text(prior, "campaign first uid-1, 4 coupons")
    assert edited_prior(text) == prior
    assert text.startswith("# What was learnt: campaign first uid-1, 4 coupons.")


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_a_share_is_a_share(share: float) -> None:
    with pytest.raises(ValueError, match="between 0"):
        as_prior(learnt(), learned_from=(), forgetting=share)


def test_parameters_said_to_be_silent_are_and_the_other_derivatives_are_those_of_differences() -> None:
    rng = np.random.default_rng(2)
    writings = tuple(
        Line(pulse_energy_uJ=float(e), speed_mm_s=float(t), n_passes=int(n), depth_mm=float(d))
        if n % 2
        else Dot(pulse_energy_uJ=float(e), exposure_s=float(10 * t), n_passes=int(n), depth_mm=float(d))
        for e, t, n, d in zip(
            rng.uniform(50, 350, 16),
            rng.uniform(0.1, 2.0, 16),
            rng.integers(1, 5, 16),
            rng.uniform(0.1, 0.6, 16),
            strict=True,
        )
    )
    sites = writing_sites(writings, 0.5, np.array([[200.0, 600.0], [500.0, 3600.0]]))
    sites = replace(sites, iodide_fraction=rng.choice([0.0, 0.3, 0.5, 1.0], 16))
    for prior in (TABLES, PhysicsPrior(prior=as_prior(learnt(shift=0.3), learned_from=("a",)))):
        latent, step = 0.3 * rng.standard_normal(N), 0.05
        values = prior.observables(latent + np.vstack([np.zeros(N), step * np.eye(N)]), sites)
        differences = np.moveaxis((values[1:] - values[0]) / step, 0, -1)
        assert prior.sensitivity(latent, sites).latent == pytest.approx(differences, abs=1e-10)
        if prior is TABLES:
            silent = [i for i, one in enumerate(prior.latents) if one.name in SILENT]
            assert len(silent) == len(SILENT)
            assert not differences[:, :, silent].any()


def test_the_evidence_of_a_linear_model_is_that_of_linear_algebra(kit: ModuleType) -> None:
    seen = [kit.observation(kit.luminescence(628.0 + i), site=f"S{i}", speed_mm_s=0.3 + 0.2 * i) for i in range(5)]
    posterior = fit(kit.SmallPrior(), gather(group_by_coupon(seen)), Noise(), np.random.default_rng(0))
    assert posterior.data is not None
    found = posterior.data.maximum
    slope = found.linear.latent
    whole = found.linear.covariance.dense() + np.diag(found.variance + found.odd)
    whole += found.widening**2 * slope @ slope.T
    residual = found.number - found.linear.mean + slope @ found.linear.at
    _, ln_determinant = np.linalg.slogdet(2.0 * np.pi * whole)
    exact = -0.5 * (residual @ np.linalg.solve(whole, residual) + ln_determinant)
    assert ln_evidence(posterior) == pytest.approx(exact, rel=1e-9)


def test_what_still_holds_is_believed_and_what_does_not_is_dropped(kit: ModuleType) -> None:
    """A prior that is very sure of numbers three sigmas off, told of a bench that is so, and of one as in the tables."""
    off = np.zeros(N)
    off[
        [
            one.name in {"nose_K", "red_diameter_nm", "exchange_per_transport", "absorptivity_limit"}
            for one in TABLES.latents
        ]
    ] = 3.0
    prior = as_prior(Knowledge(TABLES.latents, off, 0.01 * np.eye(N)), learned_from=("a",), forgetting=0.01)
    suggestion = make_optimizer(
        "sobol", space=SearchSpace(), objective=Objective(), layout=kit.layout_of(5), seed=2
    ).suggest(kit.rack(1))
    steps = np.array([[step.temperature_C, step.duration_s] for step in suggestion.heat_treatment.steps()])
    sites = writing_sites(tuple(site.writing for site in suggestion.sites), 0.5, steps)

    def came_of(latent: np.ndarray) -> list[Observation]:
        red, _, ln_red, ln_green = TABLES.observables(latent[None], sites)[0].T
        return kit.answered(
            suggestion,
            lambda i: kit.luminescence(
                1239.841984 / red[i], float(np.exp(ln_green[i] - ln_red[i])), float(np.exp(ln_red[i]))
            ),
        )

    chosen = {}
    for bench, latent in (("moved", np.linalg.solve(TABLES.mixing, off)), ("tables", np.zeros(N))):
        optimizer = make_optimizer(
            "physics", space=SearchSpace(), objective=Objective(), layout=kit.layout_of(5), seed=1, prior=prior
        )
        assert isinstance(optimizer, Sceptic)
        assert optimizer.believed is optimizer.agents[0]  # before data there is no reason not to
        optimizer.ingest(came_of(latent))
        chosen[bench] = optimizer.agents.index(optimizer.believed)
        assert optimizer.status() == optimizer.believed.status()
    assert chosen["moved"] == 0
    assert chosen["tables"] > 0


def test_failures_are_no_evidence(kit: ModuleType) -> None:
    prior = as_prior(learnt(), learned_from=("a",))
    optimizer = Sceptic(SearchSpace(), Objective(), kit.layout_of(2), 1, prior=prior)
    optimizer.ingest([kit.observation(kit.FAILED, coupon="C1")])
    assert optimizer.ln_evidences(1) == (0.0, 0.0, 0.0)
    assert optimizer.believed is optimizer.agents[0]


def test_half_of_the_spreads_of_the_file_is_what_the_optimiser_takes() -> None:
    prior = as_prior(learnt(), learned_from=("a",))
    assert PhysicsPrior(prior=prior).latents[0].spread == pytest.approx(SPREAD_SCALE * prior.parameters[0].spread)
