"""The choice of a coupon: complementary sites, the right glass and furnace, always inside the space."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import numpy as np
import pytest

from beamline.optimize import Objective, SearchSpace
from beamline.optimize.acquisition import Choice, Goal, Search, choose, greedy
from beamline.optimize.evidence import gather, group_by_coupon
from beamline.optimize.noise import Noise
from beamline.optimize.posterior import fit
from beamline.optimize.words import role
from beamline.recipe import HeatTreatment

QUICK = Search(n_draws=64, n_screening_draws=32, n_writings=32, n_furnace=8, n_refinements=1, n_around=4)


def chosen(
    kit: ModuleType, space: SearchSpace, sites_by_fraction: dict[float, int], search: Search = QUICK, seed: int = 0
) -> Choice:
    posterior = fit(kit.SmallPrior(), gather(group_by_coupon([])), Noise(), np.random.default_rng(0))
    draws = posterior.draws(search.n_draws, np.random.default_rng(1))
    goal = Goal(Objective(), np.log(50.0), np.zeros(search.n_draws))
    rng = np.random.default_rng(seed)
    return choose(draws, goal, space, sites_by_fraction=sites_by_fraction, favourites=(), search=search, rng=rng)


def test_greedy_takes_what_complements_and_not_the_second_best_copy() -> None:
    # Two candidates alike, good in the first draws; a third, poorer by itself, good in the last.
    utility = np.array([[1.0, 0.95, 0.0], [1.0, 0.95, 0.0], [0.0, 0.0, 0.6]])
    order, gains, credit = greedy(utility, np.zeros(3), 3)
    assert order == [0, 2, 1]
    assert gains == pytest.approx([2 / 3, 0.2, 0.0])
    assert credit[:, 1] == pytest.approx([0.0, 0.0, 0.6])


def test_greedy_counts_only_what_beats_the_incumbent() -> None:
    order, gains, _ = greedy(np.array([[0.5, 0.9], [0.5, 0.0]]), np.array([0.6, 0.6]), 2)
    assert order[0] == 1
    assert gains == pytest.approx([0.15, 0.0])


def test_where_nothing_is_to_be_gained_the_best_by_itself_comes_first() -> None:
    order, gains, _ = greedy(np.array([[0.1, 0.3, 0.2]]), np.array([9.0]), 3)
    assert order == [1, 2, 0]
    assert not gains.any()


def test_sites_are_as_many_as_asked_distinct_and_inside(kit: ModuleType) -> None:
    space = SearchSpace(n_passes=(1, 3))
    choice = chosen(kit, space, {0.5: 7})
    assert len(choice.writings) == len(set(choice.writings)) == 7
    assert choice.samples.shape == (64, 7, 4)
    for writing in choice.writings:
        assert 80.0 <= writing.pulse_energy_uJ <= 260.0
        assert 0.2 <= writing.speed_mm_s <= 2.0
        assert 1 <= writing.n_passes <= 3
    assert 200.0 <= choice.heat_treatment.temperature_C <= 550.0
    assert 1800.0 <= choice.heat_treatment.hold_s <= 7200.0


def test_the_expected_best_grows_by_the_gains(kit: ModuleType) -> None:
    choice = chosen(kit, SearchSpace(), {0.5: 5})
    before, after = choice.expected_best
    assert before == 0.0
    assert after == pytest.approx(choice.gains.sum())
    assert (choice.gains > 0).all()
    assert choice.gains[0] == choice.gains.max()


def test_the_glass_that_serves_the_objective_is_taken(kit: ModuleType) -> None:
    # In the small model iodide moves the peak by 0.1 eV and the ratio by exp(2): glasses at the ends miss both.
    assert chosen(kit, SearchSpace(), {0.05: 6, 0.5: 6, 0.95: 6}).iodide_fraction == 0.5
    assert chosen(kit, SearchSpace(), {0.95: 6}).iodide_fraction == 0.95


def test_the_furnace_goes_where_the_target_is(kit: ModuleType) -> None:
    """With parameters known, 2.0 - 0.03 hot - 0.012 dose = 1.968 eV and the ratio's own line cross at one temperature."""
    prior = kit.SmallPrior()
    seen = [
        kit.observation(
            kit.luminescence(
                1239.841984 / (2.0 - 0.03 * (t - 400) / 150 - 0.012 * d),
                np.exp(0.4 - 0.8 * d - 0.4 * (t - 400) / 150),
                9000.0,
                0.01,
            ),
            coupon=f"C{t:.0f}",
            site=f"S{i}",
            speed_mm_s=0.6 * np.exp(-d),
            temperature_C=t,
        )
        for t in (300.0, 400.0, 500.0, 540.0)
        for i, d in enumerate((-0.8, -0.3, 0.3, 0.8))
    ]
    posterior = fit(prior, gather(group_by_coupon(seen)), Noise(), np.random.default_rng(0))
    draws = posterior.draws(64, np.random.default_rng(1))
    goal = Goal(Objective(brightness="ignore"), np.log(50.0), np.zeros(64))
    choice = choose(
        draws,
        goal,
        SearchSpace(),
        sites_by_fraction={0.5: 6},
        favourites=(),
        search=QUICK,
        rng=np.random.default_rng(0),
    )
    # hot = (0.032 - 0.006) / (0.03 - 0.006): 562 degC; within tolerances from about 470 degC on.
    assert choice.heat_treatment.temperature_C > 470.0
    assert goal.objective.is_met(choice.samples, np.log(50.0)).any(axis=1).mean() > 0.6


def test_fixed_factors_stay_fixed_and_a_single_recipe_is_written_again(kit: ModuleType) -> None:
    space = SearchSpace(
        pulse_energy_uJ=(200.0, 200.0), speed_mm_s=(0.4, 0.4), temperature_C=(550.0, 550.0), hold_s=(3600.0, 3600.0)
    )
    choice = chosen(kit, space, {0.5: 4})
    assert set(choice.writings) == {space.writing(200.0, 0.4, 1)}
    assert len(choice.writings) == 4
    assert choice.heat_treatment == space.heat_treatment(550.0, 3600.0)
    assert choice.samples.shape == (64, 4, 4)


def test_dots_are_chosen_in_the_space_of_dots(kit: ModuleType) -> None:
    choice = chosen(kit, SearchSpace(mode="dot"), {0.5: 3})
    assert all(writing.mode == "dot" and 1.0 <= writing.exposure_s <= 10.0 for writing in choice.writings)


def test_reasons_name_the_case_that_a_site_is_for(kit: ModuleType) -> None:
    rng = np.random.default_rng(0)
    samples = np.zeros((200, 2, 4))
    samples[:, :, 0] = 1.968
    peak = rng.standard_normal(200)
    samples[:, 0, 0] += 0.01 * peak
    told = {"iodide_fraction": 0.5, "heat_treatment": None, "writings": (), "samples": samples, "expected_best": (0, 1)}
    latents, latent = kit.SmallPrior().latents, rng.standard_normal((200, 5))
    redder = Choice(gains=np.array([0.5, 0.2]), credit=np.column_stack([peak, np.maximum(-peak, 0)]), **told)
    assert role(redder, 0, latent, latents) == "the best single bet"
    assert "nm redder than expected" in role(redder, 1, latent, latents)
    ratio = Choice(gains=np.array([0.5, 0.2]), credit=np.column_stack([peak, np.maximum(latent[:, 2], 0)]), **told)
    assert role(ratio, 1, latent, latents) == "for the case that ratio (ratio) is above its present estimate"
    nothing = Choice(gains=np.array([0.5, 0.0]), credit=np.zeros((200, 2)), **told)
    assert "scatter" in role(nothing, 1, latent, latents)


def test_gain_per_hour_takes_the_quicker_of_two_treatments_that_serve_alike(kit: ModuleType) -> None:
    """The small model does not know the hold: told that hours cost, the shorter holds are taken."""
    space = SearchSpace(hold_s=(0.0, 20000.0))
    draws = fit(kit.SmallPrior(), gather([]), Noise(), np.random.default_rng(0)).draws(64, np.random.default_rng(1))

    def hold_s(seed: int, hours: Callable[[float, HeatTreatment], float] | None) -> float:
        choice = choose(
            draws,
            Goal(Objective(), 3.0, np.zeros(64)),
            space,
            sites_by_fraction={0.5: 3},
            favourites=(),
            search=Search(n_draws=64, n_screening_draws=32, n_writings=24),
            rng=np.random.default_rng(seed),
            hours=hours,
        )
        return choice.heat_treatment.hold_s

    # Where hours cost nothing the hold is as chance has it, so of several searches.
    free, priced = (
        np.mean([hold_s(seed, hours) for seed in range(2, 6)])
        for hours in (None, lambda _fraction, heat: 1.0 + heat.hold_s / 3600.0)
    )
    assert priced < 0.25 * free
