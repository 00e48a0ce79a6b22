"""Predicted against observed: what was expected of a coupon before it was seen, in z-scores."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from beamline.optimize.evidence import gather
from beamline.optimize.fresh import on_fresh_coupon
from beamline.optimize.observables import Known, Observable
from beamline.optimize.posterior import Draws
from beamline.optimize.predictions import rounded
from beamline.optimize.protocol import CouponCheck, ObservableCheck
from beamline.recipe import Observation

__all__ = ["check"]


def check(draws: Draws, observations: Sequence[Observation], rng: np.random.Generator) -> CouponCheck | None:
    """Z-scores of one coupon's observations under draws made before it; None where no value was measured.

    Measured powers and heat histories are taken as they were, not as they were set. The z-scores of a coupon are not
    independent: its sites share what the coupon has for itself.
    """
    evidence = gather([observations])
    if evidence.n_rows == 0:
        return None
    expected = on_fresh_coupon(draws, evidence.sites, rng)
    found = []
    for observable in Observable:
        rows = [
            row
            for row in range(evidence.n_rows)
            if evidence.known[row] is Known.VALUE and evidence.row_weights[row, observable] == 1.0
        ]
        if not rows:
            continue
        sites = evidence.row_site[rows]
        noise = evidence.sd[rows] * draws.posterior.noise.analysis[observable]
        sd = np.hypot(expected[:, sites, observable].std(0), noise)
        z = (evidence.number[rows] - expected[:, sites, observable].mean(0)) / sd
        found.append(
            ObservableCheck(
                observable=observable.name.lower().replace("_ev", "_eV"),
                n=len(rows),
                z_mean=rounded(z.mean()),
                z_rms=rounded(np.sqrt((z**2).mean())),
                share_within_1_sd=rounded((np.abs(z) <= 1.0).mean()),
                share_within_2_sd=rounded((np.abs(z) <= 2.0).mean()),
            )
        )
    return CouponCheck(coupon=observations[0].site.coupon, observables=tuple(found)) if found else None
