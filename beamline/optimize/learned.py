"""What a campaign has taught: numbers before and after, which are confounded, what tells them apart, how honest sigmas are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import numpy as np
import numpy.typing as npt

from beamline.optimize.agent import Agent
from beamline.optimize.calibration import held_out, pooled
from beamline.optimize.knowledge import Confounded, Knowledge, Standing
from beamline.optimize.predictions import rounded
from beamline.optimize.prior import Latent
from beamline.optimize.protocol import CouponCheck, ObservableCheck
from beamline.optimize.separate import Trial, separation, trials
from beamline.optimize.steady import steady
from beamline.recipe import Coupon, Frozen, Glass, HeatTreatment, Writing, quantity

__all__ = ["ConfoundedNumbers", "Learned", "LearnedNumber", "Member", "SeparatingCoupon", "what_was_learned"]

Floats = npt.NDArray[np.float64]

MOST_CONFOUNDED = 3
"""Directions that are named."""
_SPREAD = 22
"""Purpose of random numbers."""

_Number = Annotated[float, quantity("1")]
_Size = Annotated[float, quantity("1", ge=0)]


class LearnedNumber(Frozen):
    """One uncertain number, before and after.

    Attributes:
        unit: of its intervals.
        prior: what 68 % of the prior lie within, in `unit`, with the median between.
        posterior: the same afterwards.
        z: prior sigmas by which it has moved.
        z_sd: one sigma of it, in prior sigmas.
        z_sd_if_others_known: what that would be if all other numbers were known.
        standing: `known` by itself; `confounded`: only together with others; `unseen`: the data do not speak of it.
    """

    name: str
    symbol: str
    unit: str
    prior: tuple[float, float, float]
    posterior: tuple[float, float, float]
    z: _Number
    z_sd: _Size
    z_sd_if_others_known: _Size
    standing: Standing


class Member(Frozen):
    """What one sigma of a direction does to one of its numbers."""

    name: str
    z: Annotated[float, quantity("1", "prior sigmas")]
    words: str


class SeparatingCoupon(Frozen):
    """The coupon of the space that tells confounded numbers apart best, by the linearised model.

    Attributes:
        glass: of it.
        heat_treatment: of it.
        writings: of its sites; what the other sites of a coupon get does not matter.
        sd_before: one sigma along the direction, in its own sigmas of the prior.
        sd_after: what is expected to be left of it.
    """

    glass: Glass
    heat_treatment: HeatTreatment
    writings: tuple[Writing, ...]
    sd_before: _Size
    sd_after: _Size


class ConfoundedNumbers(Frozen):
    """Numbers that may move together without anything that was measured telling.

    Attributes:
        members: which, the one that moves most first.
        inflation: how many times surer one would be if they did not hide each other.
        combination_sd: one sigma of what is known of them together, in prior sigmas.
        words: as a sentence.
        next_coupon: what would tell them apart; None where no coupon is at hand.
    """

    members: tuple[Member, ...]
    inflation: _Size
    combination_sd: _Size
    words: str
    next_coupon: SeparatingCoupon | None = None


class Learned(Frozen):
    """What was learnt of everything.

    Attributes:
        n_coupons: with observations.
        n_observations: taken in.
        numbers: all of them, the one that most was learnt of first.
        confounded: numbers that hide each other, those that hide most first.
        foreseen: each coupon as it was predicted from those before it, pooled.
        held_out: each coupon as it is predicted from all others, pooled.
        held_out_coupons: the same coupon by coupon.
    """

    n_coupons: int
    n_observations: int
    numbers: tuple[LearnedNumber, ...]
    confounded: tuple[ConfoundedNumbers, ...]
    foreseen: tuple[ObservableCheck, ...]
    held_out: tuple[ObservableCheck, ...]
    held_out_coupons: tuple[CouponCheck, ...]


@steady
def what_was_learned(agent: Agent, coupons: Sequence[Coupon] = ()) -> Learned:
    """All that an agent has learnt.

    Args:
        agent: that was told the outcomes of a campaign.
        coupons: that could be made next, used or not: their glasses count, and how many sites they have.
    """
    belief, history = agent.belief(), agent.history
    knowledge = Knowledge.of(belief.posterior)
    found = knowledge.confounded(MOST_CONFOUNDED)
    next_coupons: Sequence[SeparatingCoupon | None] = [None] * len(found)
    if found and coupons:
        next_coupons = _separating(agent, knowledge, found, coupons)
    apart = held_out(history, prior=agent.prior, noise=agent.noise)
    return Learned(
        n_coupons=history.n_coupons,
        n_observations=history.n_observations,
        numbers=_numbers(knowledge),
        confounded=tuple(_confounded(knowledge, one, coupon) for one, coupon in zip(found, next_coupons, strict=True)),
        foreseen=pooled(agent.status().checks),
        held_out=pooled(apart),
        held_out_coupons=apart,
    )


def _numbers(knowledge: Knowledge) -> tuple[LearnedNumber, ...]:
    sd, alone = knowledge.sd, knowledge.sd_if_others_known
    # Bits that a Gaussian belief has gained over its prior (Kullback-Leibler divergence).
    bits = 0.5 * (sd**2 + knowledge.mean**2 - 1.0 - 2.0 * np.log(np.maximum(sd, 1e-6))) / np.log(2.0)
    rows = []
    for i in np.argsort(-bits, kind="stable"):
        one, z = knowledge.latents[i], float(knowledge.mean[i])
        rows.append(
            LearnedNumber(
                name=one.name,
                symbol=one.symbol,
                unit=one.unit,
                prior=_interval(one, 0.0, 1.0),
                posterior=_interval(one, z, float(sd[i])),
                z=rounded(z),
                z_sd=rounded(sd[i]),
                z_sd_if_others_known=rounded(alone[i]),
                standing=knowledge.standing(int(i)),
            )
        )
    return tuple(rows)


def _interval(one: Latent, z: float, sd: float) -> tuple[float, float, float]:
    low, middle, high = (rounded(one.value(z + step * sd)) for step in (-1.0, 0.0, 1.0))
    return low, middle, high


def _separating(
    agent: Agent, knowledge: Knowledge, found: Sequence[Confounded], coupons: Sequence[Coupon]
) -> list[SeparatingCoupon]:
    """For each direction the coupon that leaves least of it."""
    belief, history = agent.belief(), agent.history
    first_of = {coupon.glass.iodide_fraction: coupon for coupon in reversed(coupons)}
    along = np.column_stack([one.move / np.linalg.norm(one.move) for one in found])
    tried = list(
        trials(
            belief.posterior,
            agent.prior.mixing.T @ along,
            history.space,
            iodide_fractions=sorted(first_of),
            ln_detectable=belief.ln_detectable,
            rng=history.rng(history.n_coupons, _SPREAD),
        )
    )
    sites = {fraction: len(history.sites(coupon)) for fraction, coupon in first_of.items()}
    made = []
    for i in range(len(found)):
        variance = float(along[:, i] @ knowledge.covariance @ along[:, i])
        best = separation([trial.about(i) for trial in tried], variance, sites)
        trial: Trial = best.trial
        made.append(
            SeparatingCoupon(
                glass=first_of[trial.iodide_fraction].glass,
                heat_treatment=trial.heat_treatment,
                writings=tuple(trial.writings[site] for site in best.sites),
                sd_before=rounded(np.sqrt(variance)),
                sd_after=rounded(np.sqrt(max(variance - best.variance_taken, 0.0))),
            )
        )
    return made


def _confounded(knowledge: Knowledge, one: Confounded, coupon: SeparatingCoupon | None) -> ConfoundedNumbers:
    members = tuple(_member(knowledge.latents[i], float(one.move[i])) for i in one.members)
    of = [knowledge.latents[i] for i in one.members]
    how = "in one combination"
    if len(of) == 2 and all(number.prior == "lognormal" for number in of):
        how = "in their ratio" if one.move[one.members[0]] * one.move[one.members[1]] > 0 else "in their product"
    together = " with ".join(f"{member.name} {member.words}" for member in members)
    names = [member.name for member in members]
    alone = ", ".join(f"{knowledge.sd[i]:.2f}" for i in one.members)
    return ConfoundedNumbers(
        members=members,
        inflation=rounded(one.inflation),
        combination_sd=rounded(one.contrast_sd),
        words=(
            f"{', '.join(names[:-1])} and {names[-1]} are known only {how} (±{one.contrast_sd:.2f} prior sigmas; by themselves "
            f"±{alone}): {together} would have been seen as nothing"
        ),
        next_coupon=coupon,
    )


def _member(latent: Latent, z: float) -> Member:
    if latent.prior == "lognormal":
        words = f"x {np.exp(latent.spread * z):.4g}"
    else:
        words = f"{latent.spread * z:+.2g}{'' if latent.unit == '1' else f' {latent.unit}'}"
    return Member(name=latent.name, z=rounded(z), words=words)
