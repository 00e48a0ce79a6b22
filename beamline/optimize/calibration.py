"""How honest the sigmas are: coupons foreseen from those before them, and from all others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from beamline.optimize.checks import check
from beamline.optimize.evidence import gather
from beamline.optimize.history import History
from beamline.optimize.noise import Noise
from beamline.optimize.posterior import fit
from beamline.optimize.predictions import rounded
from beamline.optimize.prior import Prior
from beamline.optimize.protocol import CouponCheck, ObservableCheck

__all__ = ["held_out", "pooled"]

MOST_HELD_OUT = 8
"""Coupons that are held out, evenly spread over all: each costs a fit from the beginning."""
N_DRAWS = 192
_FEATURES, _DRAWS = 0, 20
"""Purposes of random numbers; the misfit's features are those of the belief."""


def held_out(history: History, *, prior: Prior, noise: Noise) -> tuple[CouponCheck, ...]:
    """Coupons against what all others say of them, each left out in its turn; none where there is only one.

    Args:
        history: all observations.
        prior: the physics.
        noise: sizes of the scatter, before data.
    """
    n = history.n_coupons
    if n < 2:
        return ()
    found = []
    for left_out in sorted({round(i * (n - 1) / (min(n, MOST_HELD_OUT) - 1)) for i in range(min(n, MOST_HELD_OUT))}):
        others = [group for i, group in enumerate(history.groups) if i != left_out]
        posterior = fit(prior, gather(others, history.objective.n_observables), noise, history.rng(0, _FEATURES))
        draws = posterior.draws(N_DRAWS, history.rng(left_out, _DRAWS))
        found.append(check(draws, history.groups[left_out]))
    return tuple(one for one in found if one is not None)


def pooled(checks: Iterable[CouponCheck]) -> tuple[ObservableCheck, ...]:
    """The checks of many coupons as one, by observable."""
    by_name: dict[str, list[ObservableCheck]] = {}
    for coupon in checks:
        for one in coupon.observables:
            by_name.setdefault(one.observable, []).append(one)
    return tuple(_together(name, parts) for name, parts in by_name.items())


def _together(name: str, parts: Sequence[ObservableCheck]) -> ObservableCheck:
    n = np.array([part.n for part in parts])

    def mean(values: list[float]) -> float:
        return float(np.average(values, weights=n))

    return ObservableCheck(
        observable=name,
        n=int(n.sum()),
        z_mean=rounded(mean([part.z_mean for part in parts])),
        z_rms=rounded(np.sqrt(mean([part.z_rms**2 for part in parts]))),
        share_within_1_sd=rounded(mean([part.share_within_1_sd for part in parts])),
        share_within_2_sd=rounded(mean([part.share_within_2_sd for part in parts])),
    )
