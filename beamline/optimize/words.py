"""Numbers and samples in the words of the bench: predictions with units, reasons in sentences, beliefs about parameters."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from beamline.optimize.acquisition import Choice
from beamline.optimize.knowledge import Knowledge
from beamline.optimize.observables import N_OBSERVABLES, Observable
from beamline.optimize.predictions import predictions, rounded
from beamline.optimize.prior import Latent
from beamline.optimize.protocol import ParameterBelief
from beamline.recipe import Coupon, Prediction, Site, SiteSuggestion, Suggestion, hc_eV_nm

__all__ = ["expectation", "misfits", "parameters", "predictions", "role", "rounded", "suggestion"]

Floats = npt.NDArray[np.float64]

NO_GAIN = 1e-3
"""Gain in expected utility below which a site is not there for its own outcome."""
CLEAR_SHIFT = 3.0
"""How many standard errors a mean must lie off, in the draws that a site is for, to be named as its reason."""
BEST_BET = "the first site"

_MISFIT = {
    Observable.RED_PEAK_EV: ("red_peak_eV", "eV"),
    Observable.GREEN_PEAK_EV: ("green_peak_eV", "eV"),
    Observable.LN_RED_RATE: ("ln_red_rate", "ln(counts/s)"),
    Observable.LN_GREEN_RATE: ("ln_green_rate", "ln(counts/s)"),
    Observable.LN_RED_LIFETIME: ("ln_red_lifetime", "ln(ns)"),
    Observable.LN_GREEN_LIFETIME: ("ln_green_lifetime", "ln(ns)"),
}


def expectation(samples: Floats) -> str:
    """Samples of one site's observables (s, 4) in words."""
    peak_nm = hc_eV_nm / samples[:, Observable.RED_PEAK_EV]
    ln_ratio = samples[:, Observable.LN_GREEN_RATE] - samples[:, Observable.LN_RED_RATE]
    told = (
        f"red at {peak_nm.mean():.1f} ± {peak_nm.std():.1f} nm, "
        f"green:red {np.exp(ln_ratio.mean()):.2g} ×/÷ {np.exp(min(ln_ratio.std(), 5.0)):.2g}"
    )
    if samples.shape[1] > N_OBSERVABLES:
        red, green = np.exp(samples[:, [Observable.LN_RED_LIFETIME, Observable.LN_GREEN_LIFETIME]]).T
        told += (
            f", lifetimes red {red.mean():.3g} ± {red.std():.2g} ns, green {green.mean():.3g} ± {green.std():.2g} ns"
        )
    return told


def role(
    choice: Choice, rank: int, latent: Floats, latents: Sequence[Latent], without: npt.NDArray[np.bool_] | None = None
) -> str:
    """Why a site was chosen, after those before it: what is special about the draws in which it is the better one.

    Args:
        choice: recipes and expected outcomes.
        rank: of the site, 0 for the first.
        latent: the draws' latents, (s, n_latent).
        latents: their names.
        without: which draws are of a belief without the model, (s,).
    """
    if rank == 0:
        return "the best single bet"
    if choice.gains[rank] < NO_GAIN:
        return "adds little by itself: tells how far such sites scatter"
    credit = choice.credit[:, rank]
    if without is not None and credit[without].sum() > 0.5 * credit.sum():
        return "for the case that the physics is wrong"

    def shift(samples: Floats) -> tuple[Floats, Floats]:
        """Mean in the draws that the site is for, off the mean of all: in units, and in standard errors."""
        off = credit @ samples / credit.sum() - samples.mean(0)
        n_effective = credit.sum() ** 2 / (credit**2).sum()
        return off, off / np.maximum(samples.std(0), 1e-12) * np.sqrt(n_effective)

    bet = choice.samples[:, 0]
    ln_ratio = bet[:, Observable.LN_GREEN_RATE] - bet[:, Observable.LN_RED_RATE]
    off, clear = shift(np.column_stack([hc_eV_nm / bet[:, Observable.RED_PEAK_EV], ln_ratio]))
    told = []
    if abs(clear[0]) > CLEAR_SHIFT:
        told.append(f"{abs(off[0]):.1f} nm {'redder' if off[0] > 0 else 'bluer'}")
    if abs(clear[1]) > CLEAR_SHIFT:
        told.append(f"with a green:red {np.exp(abs(off[1])):.2g} times {'higher' if off[1] > 0 else 'lower'}")
    if told:
        return f"for the case that {BEST_BET} comes out {', '.join(told)} than expected"
    off, clear = shift(latent)
    which = int(np.argmax(np.abs(clear)))
    if abs(clear[which]) > 1.5 * CLEAR_SHIFT:  # the largest of many
        way = "above" if off[which] > 0 else "below"
        return f"for the case that {latents[which].name} ({latents[which].symbol}) is {way} its present estimate"
    return "covers the scatter between sites and between coupons"


def suggestion(
    name: str,
    choice: Choice,
    coupon: Coupon,
    sites: Sequence[Site],
    *,
    inside: npt.NDArray[np.bool_],
    latent: Floats,
    latents: Sequence[Latent],
    without: npt.NDArray[np.bool_],
    p_reached: float,
    trust: str,
) -> Suggestion:
    """A choice as a suggestion with reasons.

    Args:
        name: id of the suggestion.
        choice: recipes and expected outcomes, s draws of n sites.
        coupon: that takes them.
        sites: of the coupon, n.
        inside: whether each outcome meets the specification, (s, n).
        latent: the draws' latents, (s, n_latent).
        latents: their names.
        without: which draws are of a belief without the model, (s,).
        p_reached: probability that the best site so far meets it.
        trust: how far the model is believed, and why.
    """
    made = []
    for i, (site, writing) in enumerate(zip(sites, choice.writings, strict=True)):
        why = role(choice, i, latent, latents, without)
        p_inside = float(inside[:, i].mean())
        made.append(
            SiteSuggestion(
                suggestion_id=f"{name}.{site.name}",
                site=site,
                writing=writing,
                predictions=predictions(choice.samples[:, i]),
                acquisition=rounded(choice.gains[i]),
                p_in_specification=rounded(p_inside),
                reason=f"expected {expectation(choice.samples[:, i])}; in specification with p = {p_inside:.2f}; {why}",
            )
        )
    heat = choice.heat_treatment
    before, after = choice.expected_best
    return Suggestion(
        suggestion_id=name,
        coupon=coupon,
        heat_treatment=heat,
        sites=tuple(made),
        reason=(
            f"glass {coupon.glass.name}, {heat.temperature_C:g} degC for {heat.hold_s / 3600:.2g} h: at least one of the "
            f"{len(made)} sites in specification with p = {inside.any(axis=1).mean():.2f} (best site so far: "
            f"p = {p_reached:.2f}); expected score of the best site {before:.2f} -> {after:.2f}; {trust}"
        ),
    )


def parameters(knowledge: Knowledge) -> tuple[ParameterBelief, ...]:
    """The uncertain numbers, before and after."""
    return tuple(
        ParameterBelief(
            name=latent.name,
            symbol=latent.symbol,
            unit=latent.unit,
            prior_value=latent.nominal,
            posterior_value=rounded(latent.value(z)),
            z=rounded(z),
            z_sd=rounded(sd),
        )
        for latent, z, sd in zip(knowledge.latents, knowledge.mean, knowledge.sd, strict=True)
    )


def misfits(amplitude: Floats) -> tuple[Prediction, ...]:
    """One-sigma sizes of what the model misses, by observable (4,)."""
    return tuple(
        Prediction(observable=name, unit=unit, mean=0.0, sd=rounded(amplitude[observable]))
        for observable, (name, unit) in _MISFIT.items()
        if observable < len(amplitude)
    )
