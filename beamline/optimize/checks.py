"""Predicted against observed: what was expected of a coupon before it was seen, in z-scores.

What is expected of a site is not Gaussian: draws of the physics differ by more than their scatter, and two beliefs may be mixed.
So a z-score is that of the quantile: of a value above 97.5 % of what was expected it is 1.96, whatever the shape.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from scipy.special import log_ndtr, logsumexp, ndtri_exp

from beamline.optimize.evidence import gather
from beamline.optimize.fresh import foreseen
from beamline.optimize.mixed import Mixed
from beamline.optimize.observables import Known, Observable
from beamline.optimize.posterior import Draws
from beamline.optimize.predictions import rounded
from beamline.optimize.protocol import CouponCheck, ObservableCheck
from beamline.recipe import Observation

__all__ = ["check", "quantile_z", "z_scores"]

Floats = npt.NDArray[np.float64]


def quantile_z(value: Floats, mean: Floats, sd: Floats, weights: Floats) -> Floats:
    """Standard normal quantiles of values in mixtures of s normal distributions.

    Args:
        value: (n,).
        mean: of the parts, (s, n).
        sd: of the parts, (s, n).
        weights: of the parts, (s,); they add up to 1.
    """
    u = (value - mean) / sd
    below, above = (logsumexp(log_ndtr(side), axis=0, b=weights[:, None]) for side in (u, -u))
    # From the nearer tail: a probability near one has lost its digits.
    low, high = ndtri_exp(np.minimum(below, 0.0)), -ndtri_exp(np.minimum(above, 0.0))
    return np.asarray(np.where(below < above, low, high))


def z_scores(draws: Draws | Mixed, observations: Sequence[Observation]) -> Mapping[Observable, Floats]:
    """Z-scores of the measured values of one coupon under draws made before it, by observable; those never measured are absent.

    Measured powers and heat histories are taken as they were, not as they were set.
    """
    evidence = gather([observations], draws.posterior.evidence.n_observables)
    if evidence.n_rows == 0:
        return {}
    mean, variance = foreseen(draws, evidence.sites)
    found = {}
    for observable in list(Observable)[: evidence.n_observables]:
        rows = [
            row
            for row in range(evidence.n_rows)
            if evidence.known[row] is Known.VALUE and evidence.row_weights[row, observable] == 1.0
        ]
        if rows:
            sites = evidence.row_site[rows]
            noise = np.empty((len(draws), len(rows)))
            for part, places in draws.parts:
                noise[places] = evidence.sd[rows] * part.posterior.noise.analysis[observable]
            sd = np.sqrt(variance[:, sites, observable] + noise**2)
            found[observable] = quantile_z(evidence.number[rows], mean[:, sites, observable], sd, draws.probabilities)
    return found


def check(draws: Draws | Mixed, observations: Sequence[Observation]) -> CouponCheck | None:
    """How one coupon came out under draws made before it; None where no value was measured.

    The z-scores of a coupon are not independent: its sites share what the coupon has for itself.
    """
    found = tuple(
        ObservableCheck(
            observable=observable.name.lower().replace("_ev", "_eV"),
            n=len(z),
            z_mean=rounded(z.mean()),
            z_rms=rounded(np.sqrt((z**2).mean())),
            share_within_1_sd=rounded((np.abs(z) <= 1.0).mean()),
            share_within_2_sd=rounded((np.abs(z) <= 2.0).mean()),
        )
        for observable, z in z_scores(draws, observations).items()
    )
    return CouponCheck(coupon=observations[0].site.coupon, observables=found) if found else None
