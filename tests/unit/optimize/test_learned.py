"""What was learnt, and the coupon that would tell confounded numbers apart, on the small model."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import numpy.typing as npt
import pytest

from beamline.optimize import Objective, SearchSpace
from beamline.optimize.agent import Agent
from beamline.optimize.calibration import pooled
from beamline.optimize.evidence import Sites, gather, group_by_coupon
from beamline.optimize.learned import Learned, what_was_learned
from beamline.optimize.likelihood import Problem
from beamline.optimize.maximum import maximise
from beamline.optimize.noise import Noise
from beamline.optimize.posterior import Posterior, fit
from beamline.optimize.protocol import CouponCheck, ObservableCheck
from beamline.optimize.separate import separation, trials
from beamline.recipe import Observation

Floats = npt.NDArray[np.float64]
SPACE = SearchSpace()


def at_one_dose(kit: ModuleType, coupons: int = 2) -> list[Observation]:
    """Sites all written alike: what the dose does cannot be told from what it is without it."""
    return [
        kit.observation(kit.luminescence(629.0 + n), coupon=f"C{n}", site=f"S{i}", speed_mm_s=0.2)
        for n in range(coupons)
        for i in range(4)
    ]


def fitted(kit: ModuleType, seen: list[Observation]) -> Posterior:
    return fit(kit.SmallPrior(), gather(group_by_coupon(seen)), Noise(), np.random.default_rng(0))


def test_the_coupon_promised_leaves_about_what_was_promised_and_others_more(kit: ModuleType) -> None:
    seen = at_one_dose(kit)
    posterior = fitted(kit, seen)
    assert posterior.data is not None
    along = np.array([[0.0, 0.0, 0.5, -2.0, 0.0]]).T / np.hypot(0.5, 2.0)  # the ratio, and how the dose moves it
    variance = float(along[:, 0] @ posterior.data.maximum.latent_covariance @ along[:, 0])
    tried = list(
        trials(
            posterior,
            along,
            SPACE,
            iodide_fractions=(0.5,),
            ln_detectable=3.0,
            rng=np.random.default_rng(1),
        )
    )
    best = separation(tried, variance, {0.5: 4})
    each = [separation([trial], variance, {0.5: 4}).variance_taken for trial in tried]
    assert best.variance_taken == max(each)
    # Further sites are taken for what they add, and only then.
    alone = max(separation([trial], variance, {0.5: 1}).variance_taken for trial in tried)
    assert alone < 0.99 * best.variance_taken or (len(best.sites) == 1 and alone == best.variance_taken)
    left = variance - best.variance_taken
    assert 0.0 < left < 0.8 * variance

    made = [
        kit.observation(kit.luminescence(), coupon="NEXT", site=f"S{i}").model_copy(
            update={"writing": best.trial.writings[site], "heat_history": best.trial.heat_treatment.steps()}
        )
        for i, site in enumerate(best.sites)
    ]
    true = kit.SmallPrior().observables(posterior.latent[None], gather([made]).sites)[0]
    as_foreseen = [
        one.model_copy(
            update={"outcome": kit.luminescence(1239.841984 / row[0], np.exp(row[3] - row[2]), np.exp(row[2]))}
        )
        for one, row in zip(made, true, strict=True)
    ]
    problem = Problem(kit.SmallPrior(), gather(group_by_coupon([*seen, *as_foreseen])))
    odd = np.zeros(problem.n)
    then = maximise(problem, posterior.discrepancy, posterior.sizes, posterior.latent, odd, max_steps=3)
    found = float(along[:, 0] @ then.latent_covariance @ along[:, 0])
    assert np.sqrt(found) == pytest.approx(np.sqrt(left), rel=0.05)


def test_what_cannot_be_seen_tells_nothing(kit: ModuleType) -> None:
    posterior = fitted(kit, at_one_dose(kit))
    told = {"iodide_fractions": (0.5,), "rng": np.random.default_rng(1)}
    dark = list(trials(posterior, np.eye(5)[:, :1], SPACE, ln_detectable=99.0, **told))
    assert separation(dark, 1.0, {0.5: 4}).variance_taken < 1e-9


def test_before_data_there_is_nothing_to_tell_apart(kit: ModuleType) -> None:
    with pytest.raises(ValueError, match="tell the optimiser some outcomes"):
        next(
            trials(
                fitted(kit, []),
                np.eye(5)[:, :1],
                SPACE,
                iodide_fractions=(0.5,),
                ln_detectable=3.0,
                rng=np.random.default_rng(1),
            )
        )


def test_all_of_it_is_a_document(kit: ModuleType) -> None:
    class OnlyTheProduct(kit.SmallPrior):  # type: ignore[name-defined, misc]  # of a fixture
        """Two latents that do nearly the same to the peak, and much of it."""

        def observables(self, latent: Floats, sites: Sites) -> Floats:
            out: Floats = super().observables(latent, sites)
            out[..., 0] += 0.06 * (latent[:, 0] + latent[:, 1])[:, None]
            return out

    agent = Agent(SPACE, Objective(), kit.layout_of(4), 1, prior=OnlyTheProduct())
    agent.ingest(at_one_dose(kit, coupons=3))
    found = what_was_learned(agent, kit.rack(1, first=9))
    assert Learned.model_validate_json(found.to_json()) == found
    assert (found.n_coupons, found.n_observations) == (3, 12)
    assert found.numbers[0].name == "collection"  # of what light is collected most was unknown
    for one in found.numbers:
        low, middle, high = one.posterior
        assert low < middle < high
        assert one.z_sd_if_others_known <= one.z_sd + 1e-9
    # What the dose does to the ratio cannot be told from the ratio either.
    hidden = [{m.name for m in one.members} for one in found.confounded]
    assert hidden == [{"peak", "peak_by_dose"}, {"ratio", "ratio_by_dose"}]
    assert "only in their product" in found.confounded[0].words
    for one in found.confounded:
        assert one.next_coupon is not None
        assert one.next_coupon.sd_after < one.next_coupon.sd_before
        assert all(member.name in one.words for member in one.members)
    assert {one.coupon for one in found.held_out_coupons} == {"C0", "C1", "C2"}
    assert sum(one.n for one in found.held_out) == 4 * 12
    assert [one.next_coupon for one in what_was_learned(agent).confounded] == [None] * len(found.confounded)


def test_one_coupon_has_no_others(kit: ModuleType) -> None:
    agent = Agent(SPACE, Objective(), kit.layout_of(4), 1, prior=kit.SmallPrior())
    agent.ingest(at_one_dose(kit, coupons=1))
    assert what_was_learned(agent).held_out == ()


def test_checks_are_pooled_by_their_numbers() -> None:
    def of(coupon: str, n: int, z: float, share: float) -> CouponCheck:
        one = ObservableCheck(
            observable="red_peak_eV", n=n, z_mean=z, z_rms=abs(z), share_within_1_sd=share, share_within_2_sd=1.0
        )
        return CouponCheck(coupon=coupon, observables=(one,))

    (one,) = pooled([of("A", 3, 1.0, 0.5), of("B", 1, -3.0, 0.1)])
    assert (one.n, one.z_mean) == (4, 0.0)
    assert one.z_rms == pytest.approx(np.sqrt(3.0))
    assert one.share_within_1_sd == pytest.approx(0.4)


def test_a_campaign_of_failures_has_taught_nothing(kit: ModuleType) -> None:
    agent = Agent(SPACE, Objective(), kit.layout_of(4), 1, prior=kit.SmallPrior())
    agent.ingest([kit.observation(kit.FAILED, coupon=f"C{n}") for n in range(3)])
    found = what_was_learned(agent, kit.rack(1, first=9))
    assert (found.confounded, found.foreseen, found.held_out) == ((), (), ())
    assert {one.standing for one in found.numbers} == {"unseen"}
    assert all(one.prior == one.posterior for one in found.numbers)
