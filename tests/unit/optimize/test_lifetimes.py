"""Lifetimes as observables: modelled where the objective speaks of them, and only there; never made up."""

from __future__ import annotations

from functools import cache
from types import ModuleType

import numpy as np
import numpy.typing as npt
import pytest
from pydantic import ValidationError

from beamline.optimize import Objective, SearchSpace, make_optimizer
from beamline.optimize.acquisition import Search
from beamline.optimize.agent import Agent
from beamline.optimize.evidence import gather, group_by_coupon
from beamline.optimize.observables import DARK, Observable, data_of
from beamline.optimize.prior import PhysicsPrior, writing_sites
from beamline.optimize.standing import measured_truth, standing_of
from beamline.recipe import Lifetime, Line, NoLifetime, Observation, Suggestion

QUICK = Search(n_draws=32, n_screening_draws=16, n_writings=16, n_furnace=6, n_refinements=1, n_around=2)
FORTY = Objective.model_validate({"green_red_ratio": "ignore", "red_lifetime_ns": {"target": 45.0, "tolerance": 4.0}})
WRITINGS = (Line(pulse_energy_uJ=120.0, speed_mm_s=0.4), Line(pulse_energy_uJ=200.0, speed_mm_s=1.0))
STEPS = np.array([[450.0, 3600.0]])


def samples(red_ns: float, **others: float) -> npt.NDArray[np.float64]:
    """One outcome with light in both bands."""
    at = {
        "RED_PEAK_EV": 1.968,
        "GREEN_PEAK_EV": 2.41,
        "LN_RED_RATE": 8.0,
        "LN_GREEN_RATE": 8.0,
        "LN_GREEN_LIFETIME": 3.4,
    }
    at |= {"LN_RED_LIFETIME": float(np.log(red_ns)), **others}
    return np.array([at[one.name] for one in Observable])


def with_lifetime(seen: Observation, red_ns: float | None) -> Observation:
    if red_ns is None:
        found: Lifetime | NoLifetime = NoLifetime(phase="red", reason="12 photons: too few to tell; count for longer")
    else:
        found = Lifetime(phase="red", lifetime_ns=red_ns, lifetime_sd_ns=0.03 * red_ns, n_photons=4000.0)
    return seen.model_copy(update={"lifetimes": (found,)})


# --------------------------------------------------------------------------------------------------------------- wishes
def test_what_is_modelled_follows_from_the_objective() -> None:
    assert Objective().n_observables == 4
    assert Objective().lifetime_phases() == ()
    assert FORTY.n_observables == 6
    assert FORTY.lifetime_phases() == ("red",)
    assert Objective(lifetime="minimise_green").lifetime_phases() == ("green",)
    assert "lifetime" not in Objective().to_json()
    assert Objective.from_json(FORTY.to_json()) == FORTY


@pytest.mark.parametrize(
    ("wish", "inside", "outside"),
    [
        ({"target": 40.0, "tolerance": 5.0}, (35.1, 44.9), (34.9, 45.1)),
        ({"at_least": 40.0}, (40.1, 900.0), (39.9, 1.0)),
        ({"at_most": 40.0}, (39.9, 1.0), (40.1,)),
        ({"at_least": 30.0, "at_most": 40.0}, (30.1, 39.9), (29.9, 40.1)),
    ],
)
def test_a_lifetime_is_met_inside_its_ends_only(
    wish: dict[str, float], inside: tuple[float, ...], outside: tuple[float, ...]
) -> None:
    objective = Objective.model_validate(
        {"red_peak_nm": "ignore", "green_red_ratio": "ignore", "red_lifetime_ns": wish}
    )
    assert all(objective.is_met(samples(one)) for one in inside)
    assert not any(objective.is_met(samples(one)) for one in outside)
    # Without a lifetime nothing is met, "at most" neither; nor without light.
    assert not objective.is_met(samples(1.0, LN_RED_LIFETIME=DARK[4]))
    assert not objective.is_met(samples(inside[0], LN_RED_RATE=-30.0), ln_detectable=4.0)


@pytest.mark.parametrize(
    "wish",
    [{}, {"target": 40.0}, {"target": 40.0, "tolerance": 5.0, "at_most": 50.0}, {"at_least": 5.0, "at_most": 4.0}],
)
def test_half_a_wish_is_refused(wish: dict[str, float]) -> None:
    with pytest.raises(ValidationError, match="at_least"):
        Objective.model_validate({"red_lifetime_ns": wish})


@pytest.mark.parametrize("together", ["specification", "desirability", "front"])
def test_long_is_better_where_long_is_wanted_and_unknown_is_worst(together: str) -> None:
    for way, better in (("maximise_red", 80.0), ("minimise_red", 20.0)):
        objective = Objective.model_validate({"lifetime": way, "together": together})
        worth = [float(objective.utility(samples(one), 4.0)) for one in (better, 40.0, 1600.0 / better)]
        assert worth[0] > worth[1] > worth[2]
        assert objective.utility(samples(1.0, LN_RED_LIFETIME=DARK[4]), 4.0) < worth[2]
        assert objective.desirabilities(samples(40.0), 4.0).shape == (4,)
    assert "red lifetime as short as possible" in objective.words()


# ----------------------------------------------------------------------------------------------------------------- data
def test_a_lifetime_is_a_datum_where_it_is_modelled_and_none_is_none(kit: ModuleType) -> None:
    plain = kit.observation(kit.luminescence())
    seen = with_lifetime(plain, 45.0)
    assert data_of(seen) == data_of(plain)
    *spectrum, decay = data_of(seen, 6)
    assert tuple(spectrum) == data_of(plain)
    assert decay.observable is Observable.LN_RED_LIFETIME
    assert decay.number == pytest.approx(np.log(45.0))
    assert decay.sd == pytest.approx(0.03)
    assert data_of(with_lifetime(plain, None), 6) == data_of(plain, 6) == data_of(plain)


def test_records_without_lifetimes_read_and_write_as_before(kit: ModuleType) -> None:
    plain = kit.observation(kit.luminescence())
    assert "lifetimes" not in plain.to_json()
    assert Observation.from_json(plain.to_json()).lifetimes is None
    seen = with_lifetime(plain, None)
    assert Observation.from_json(seen.to_json()) == seen


def test_without_a_model_a_site_without_a_lifetime_meets_nothing(kit: ModuleType) -> None:
    seen = [kit.observation(kit.luminescence(), site=f"S{i}") for i in range(2)]
    evidence = gather(group_by_coupon([with_lifetime(seen[0], 45.0), with_lifetime(seen[1], None)]), 6)
    standing = standing_of(evidence, measured_truth(evidence, 256, np.random.default_rng(1)), FORTY, np.log(50.0))
    assert standing.p_in_specification[0] > 0.5
    assert standing.p_in_specification[1] == 0.0


# --------------------------------------------------------------------------------------------------------------- models
@cache
def priors() -> tuple[PhysicsPrior, PhysicsPrior]:
    return PhysicsPrior(), PhysicsPrior(n_observables=6)


def test_the_physics_foresees_lifetimes_beside_the_same_spectra() -> None:
    four, six = priors()
    latent = 0.4 * np.random.default_rng(2).standard_normal((3, len(four.latents)))
    sites = writing_sites(WRITINGS, 0.5, STEPS)
    values = six.observables(latent, sites)
    assert np.array_equal(values[..., :4], four.observables(latent, sites))
    assert np.all((values[..., 4:] > np.log(5.0)) & (values[..., 4:] < np.log(300.0)))
    # And the same from sites that were written once and annealed later.
    np.testing.assert_allclose(six.write(latent, sites).anneal(STEPS), values, rtol=1e-9)


def test_its_derivatives_hold_the_parameters_of_which_only_lifetimes_depend() -> None:
    four, six = priors()
    names = [one.name for one in six.latents]
    latent, sites = np.zeros(len(names)), writing_sites(WRITINGS, 0.5, STEPS)
    slope = six.sensitivity(latent, sites)
    at = names.index("lifetime_mixed_ns")
    assert np.all(slope.latent[:, Observable.LN_RED_LIFETIME, at] > 0.0)
    assert np.array_equal(slope.latent[:, :4], four.sensitivity(latent, sites).latent)


def told(kit: ModuleType, suggestion: Suggestion, seed: int) -> list[Observation]:
    """Observations on a bench that is the physics at its medians, one site of them without a lifetime."""
    four, six = priors()
    rng, zero = np.random.default_rng(seed), np.zeros(len(four.latents))
    found = kit.answered_by(four, suggestion, zero, rng)
    steps = np.array([[one.temperature_C, one.duration_s] for one in suggestion.heat_treatment.steps()])
    sites = writing_sites(
        tuple(one.writing for one in suggestion.sites), suggestion.coupon.glass.iodide_fraction, steps
    )
    ns = np.exp(
        six.observables(zero[None], sites)[0, :, Observable.LN_RED_LIFETIME] + 0.03 * rng.standard_normal(len(found))
    )
    return [with_lifetime(seen, None if i == 0 else float(ns[i])) for i, seen in enumerate(found)]


def test_the_agent_learns_lifetimes_and_says_what_it_expects(kit: ModuleType) -> None:
    agents = [Agent(SearchSpace(), FORTY, kit.layout_of(3), 5, search=QUICK) for _ in range(2)]
    rack = kit.rack(2)
    first = agents[0].suggest(rack)
    seen = told(kit, first, 1)
    agents[0].ingest(seen)
    agents[1].ingest([Observation.from_json(one.to_json()) for one in reversed(seen)])
    second = agents[0].suggest(rack)
    assert second.to_json() == agents[1].suggest(rack).to_json()
    before, after = ({p.observable: p for p in one.sites[0].predictions} for one in (first, second))
    assert after["ln_red_lifetime"].sd < before["ln_red_lifetime"].sd
    assert 20.0 < after["red_lifetime_ns"].mean < 90.0
    assert "lifetimes red" in second.sites[0].reason
    status = agents[0].status()
    assert {one.observable for one in status.misfit} >= {"ln_red_lifetime", "ln_green_lifetime"}
    assert {one.observable for one in status.checks[0].observables} >= {"ln_red_lifetime"}
    # The site without a lifetime is believed to have the one that its conditions make it expect.
    truth = agents[0].belief().draws.truth[..., Observable.LN_RED_LIFETIME]
    assert np.all(np.isfinite(truth))
    missing = [one.site.name for one in agents[0].belief().posterior.evidence.observations].index(seen[0].site.name)
    assert truth[:, missing].std() > truth[:, missing - 1].std()


@pytest.mark.parametrize("kind", ["gp", "sobol", "random"])
def test_optimisers_without_physics_take_lifetimes_too(kit: ModuleType, kind: str) -> None:
    optimizer = make_optimizer(kind, space=SearchSpace(), objective=FORTY, layout=kit.layout_of(3), seed=5)  # type: ignore[arg-type]
    rack = kit.rack(4)
    for n in range(2):
        optimizer.ingest(told(kit, optimizer.suggest(rack), n))
    assert len(optimizer.suggest(rack).sites) == 3
    assert 0.0 <= optimizer.status().p_reached <= 1.0
