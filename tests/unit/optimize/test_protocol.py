"""What every optimiser promises: the seam, determinism, order, coupons at hand, documents."""

from __future__ import annotations

import json
from collections.abc import Sequence
from types import ModuleType

import numpy as np
import pytest

from beamline.optimize import Objective, Optimizer, OptimizerKind, OptimizerStatus, SearchSpace, make_optimizer
from beamline.optimize.acquisition import Search
from beamline.optimize.agent import Agent
from beamline.recipe import Coupon, Glass, Observation, Site, Suggestion

KINDS: tuple[OptimizerKind, ...] = ("physics", "gp", "skopt", "sobol", "random")
N_SITES = {"physics": 4, "gp": 4, "skopt": 2, "sobol": 4, "random": 4}
QUICK = Search(n_draws=48, n_screening_draws=24, n_writings=24, n_furnace=6, n_refinements=1, n_around=3)


def made(
    kit: ModuleType, kind: OptimizerKind, *, seed: int = 5, n_sites: int | None = None, space: SearchSpace | None = None
) -> Optimizer:
    """An optimiser of a kind; the agent with the small model, so that its own doing is tested and not the physics.

    scikit-optimize takes about a second for every point that it is asked for: two sites must do.
    """
    n_sites = N_SITES[kind] if n_sites is None else n_sites
    space, objective, layout = space or SearchSpace(), Objective(), kit.layout_of(n_sites)
    if kind == "physics":
        return Agent(space, objective, layout, seed, prior=kit.SmallPrior(), search=QUICK)
    return make_optimizer(kind, space=space, objective=objective, layout=layout, seed=seed)


def outcomes(kit: ModuleType, suggestion: Suggestion, seed: int = 0) -> list[Observation]:
    return kit.answered_by(
        kit.SmallPrior(), suggestion, np.array([0.5, 0.0, 0.5, 0.0, 0.3]), np.random.default_rng(seed)
    )


@pytest.mark.parametrize("kind", KINDS)
class TestEveryOptimizer:
    def test_it_is_one_and_suggests_a_whole_coupon_inside_the_space(self, kit: ModuleType, kind: OptimizerKind) -> None:
        optimizer = made(kit, kind)
        assert isinstance(optimizer, Optimizer)
        rack = kit.rack(2)
        suggestion = optimizer.suggest(rack)
        assert suggestion.coupon in rack
        assert [site.site.name for site in suggestion.sites] == ["S00", "S01", "S02", "S03"][: N_SITES[kind]]
        assert {site.site.coupon for site in suggestion.sites} == {suggestion.coupon.serial}
        assert len({site.suggestion_id for site in suggestion.sites}) == N_SITES[kind]
        assert len({site.writing for site in suggestion.sites}) == N_SITES[kind]
        for site in suggestion.sites:
            assert 80.0 <= site.writing.pulse_energy_uJ <= 260.0
            assert 0.2 <= site.writing.speed_mm_s <= 2.0
            assert site.reason
        assert 200.0 <= suggestion.heat_treatment.temperature_C <= 550.0
        assert 1800.0 <= suggestion.heat_treatment.hold_s <= 7200.0
        assert suggestion.heat_treatment.ramp_C_min == 10.0

    def test_same_seed_and_observations_give_the_same_bytes_in_any_order(
        self, kit: ModuleType, kind: OptimizerKind
    ) -> None:
        optimizer, rack = made(kit, kind), kit.rack(3)
        first = optimizer.suggest(rack)
        assert optimizer.suggest(rack) == first  # asking changes nothing
        seen = outcomes(kit, first)
        optimizer.ingest(seen)
        second = optimizer.suggest(rack)
        optimizer.ingest(outcomes(kit, second, seed=1))
        told = (optimizer.suggest(rack).to_json(), optimizer.status().to_json())

        again = made(kit, kind)  # replayed at once, the first coupon's sites backwards, one of them twice
        again.ingest([*seen[::-1], seen[0], *outcomes(kit, second, seed=1)])
        assert (again.suggest(rack).to_json(), again.status().to_json()) == told

        piecemeal = made(kit, kind)  # one at a time, with questions in between
        for one in (*seen, *outcomes(kit, second, seed=1)):
            piecemeal.ingest([one])
        piecemeal.status()
        assert (piecemeal.suggest(rack).to_json(), piecemeal.status().to_json()) == told

    def test_another_seed_is_another_night(self, kit: ModuleType, kind: OptimizerKind) -> None:
        one, other = (made(kit, kind, seed=seed).suggest(kit.rack(1)) for seed in (1, 2))
        assert one.suggestion_id != other.suggestion_id
        assert [site.writing for site in one.sites] != [site.writing for site in other.sites]

    def test_only_unused_coupons_at_hand_are_taken(self, kit: ModuleType, kind: OptimizerKind) -> None:
        optimizer, rack = made(kit, kind), kit.rack(3)
        first = optimizer.suggest(rack)
        optimizer.ingest(outcomes(kit, first))
        assert optimizer.suggest(rack).coupon != first.coupon
        assert optimizer.suggest(rack[2:]).coupon == rack[2]
        with pytest.raises(
            ValueError, match=rf"no unused coupon at hand \(given: {first.coupon.serial}; already observed"
        ):
            optimizer.suggest([first.coupon])
        with pytest.raises(ValueError, match=r"no unused coupon at hand \(given: none"):
            optimizer.suggest([])

    def test_a_layout_without_sites_is_refused(self, kit: ModuleType, kind: OptimizerKind) -> None:
        with pytest.raises(ValueError, match="no sites"):
            made(kit, kind, n_sites=0).suggest(kit.rack(1))

    def test_the_glass_is_one_of_those_at_hand(self, kit: ModuleType, kind: OptimizerKind) -> None:
        rich = Glass(name="Br-rich", bromide=2.0, iodide=1.0)
        assert made(kit, kind).suggest(kit.rack(2, rich)).coupon.glass == rich
        both = [*kit.rack(1, rich), *kit.rack(1, first=2)]
        assert made(kit, kind).suggest(both).coupon in both

    def test_the_status_is_a_document_and_names_the_best_site(self, kit: ModuleType, kind: OptimizerKind) -> None:
        optimizer = made(kit, kind)
        empty = optimizer.status()
        assert (empty.kind, empty.p_reached, empty.best, empty.trace) == (kind, 0.0, None, ())
        suggestion = optimizer.suggest(kit.rack(1))
        good = kit.luminescence(630.0, 1.0, 9000.0)
        poor = kit.luminescence(600.0, 3.0, 9000.0)
        optimizer.ingest(kit.answered(suggestion, lambda i: good if i == 1 else poor))
        status = optimizer.status()
        assert OptimizerStatus.from_json(status.to_json()) == status
        assert json.loads(status.to_json())["n_observations"] == N_SITES[kind]
        assert status.best is not None
        assert status.best.observation.site.name == "S01"
        assert status.p_reached > 0.95
        measured = {one.observable: one.mean for one in status.best.outcome}
        assert measured["red_peak_nm"] == pytest.approx(630.0, abs=1.0)
        assert [entry.best_site for entry in status.trace] == ["S01"]

    def test_fixed_factors_stay_fixed(self, kit: ModuleType, kind: OptimizerKind) -> None:
        space = SearchSpace(pulse_energy_uJ=(200.0, 200.0), hold_s=(3600.0, 3600.0))
        suggestion = made(kit, kind, space=space).suggest(kit.rack(1))
        assert {site.writing.pulse_energy_uJ for site in suggestion.sites} == {200.0}
        assert suggestion.heat_treatment.hold_s == 3600.0


def test_the_agents_suggestion_says_what_it_expects(kit: ModuleType) -> None:
    suggestion = made(kit, "physics").suggest(kit.rack(1))
    assert "p = " in suggestion.reason
    assert suggestion.sites[0].reason.startswith("expected red at")
    assert suggestion.sites[0].reason.endswith("the best single bet")
    for site in suggestion.sites:
        expected = {one.observable: one for one in site.predictions}
        assert set(expected) >= {"red_peak_nm", "green_peak_nm", "green_red_ratio", "red_rate_counts_s"}
        assert 550.0 < expected["red_peak_nm"].mean < 700.0
        assert expected["red_peak_nm"].sd > 1.0
        assert site.p_in_specification is None or 0.0 <= site.p_in_specification <= 1.0


def test_the_agents_status_holds_parameters_checks_and_the_outlook(kit: ModuleType) -> None:
    agent, rack = made(kit, "physics"), kit.rack(2)
    for seed in range(2):
        agent.ingest(outcomes(kit, agent.suggest(rack), seed))
    status = agent.status()
    assert {belief.name for belief in status.parameters} == set(kit.LATENTS)
    learnt = {belief.name: belief for belief in status.parameters}["peak"]
    assert learnt.z_sd < 0.6
    assert learnt.posterior_value == pytest.approx(np.exp(0.1 * learnt.z), rel=1e-4)
    assert [check.coupon for check in status.checks] == ["C1", "C2"]
    assert {one.observable for one in status.checks[0].observables} >= {"red_peak_eV", "ln_red_rate"}
    assert all(0.0 < one.z_rms < 4.0 for check in status.checks for one in check.observables)
    assert {one.observable for one in status.fresh_coupon} >= {"red_peak_nm", "green_red_ratio"}
    assert status.p_fresh_coupon is not None
    assert len(status.misfit) == 4
    assert [entry.n_observations for entry in status.trace] == [4, 8]


def test_unknown_kinds_and_bad_seeds_are_refused(kit: ModuleType) -> None:
    told = {"space": SearchSpace(), "objective": Objective(), "layout": kit.layout_of(1)}
    with pytest.raises(ValueError, match="no such optimiser"):
        make_optimizer("tpe", seed=1, **told)
    with pytest.raises(ValueError, match="at least 0"):
        make_optimizer("random", seed=-1, **told)


def test_coupons_of_other_sizes_have_other_numbers_of_sites(kit: ModuleType) -> None:
    rich = Glass(name="I-rich", bromide=1.0, iodide=2.0)
    sizes = {"BrI": 2, "I-rich": 3}

    def layout(coupon: Coupon) -> Sequence[Site]:
        return kit.layout_of(sizes[coupon.glass.name])(coupon)

    for kind in KINDS:
        told = {"space": SearchSpace(), "objective": Objective(), "layout": layout, "seed": 3}
        if kind == "physics":
            optimizer: Optimizer = Agent(*told.values(), prior=kit.SmallPrior(), search=QUICK)
        else:
            optimizer = make_optimizer(kind, **told)
        suggestion = optimizer.suggest([*kit.rack(1), *kit.rack(1, rich, first=2)])
        assert len(suggestion.sites) == sizes[suggestion.coupon.glass.name]
