"""What keeps two sites of one recipe apart: sizes of the scatter that neither parameters nor misfit explain.

What nights of chance recipes on the simulated bench have taught (docs/decisions/027), and where a search for other sizes begins:
`sizes.py` learns them, and they grow with one coupon where they are too small but shrink with many where they are too large.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from scipy.linalg import block_diag

from beamline.optimize.discrepancy import DEFAULT_AMPLITUDE, DEFAULT_FURNACE, shared
from beamline.optimize.observables import N_OBSERVABLES

__all__ = ["Noise"]

Floats = npt.NDArray[np.float64]

LIFETIME_MISFIT, LIFETIME_FURNACE = 0.06, 0.04
"""Of a lifetime's logarithm, as of the rates': what the model misses in the losses without light changes both."""
LIFETIME_COUPON, LIFETIME_SITE = 0.02, 0.01
"""Of a lifetime's logarithm (assumed, and learnt like the others): focus and placing, which rates depend on, do not act on it."""


def _effect(red_peak_eV: float, green_peak_eV: float, ln_rate: float) -> Floats:
    return shared(np.array([red_peak_eV, green_peak_eV, ln_rate, ln_rate]))


@dataclass(frozen=True)
class Noise:
    """One-sigma sizes; covariances (4, 4) are over the observables, in their own units.

    Attributes:
        ln_energy: of the pulse energy from site to site.
        iodide_fraction: of the glass from coupon to coupon.
        coupon: covariance of what the sites of a coupon share besides.
        site: covariance of what a site has for itself (focus, placing under the spectrometer).
        analysis: factor on the uncertainties that the analysis gives, by observable, (4,). Part of these (the choice of a
            band's shape) is the same for all spectra and does not scatter.
        misfit: of what the model misses, by observable, (4,); the misfit is a function, the others scatter.
        furnace: of the part of it that the sites of a coupon share, (4,).
    """

    ln_energy: float = 0.006
    iodide_fraction: float = 0.015
    coupon: Floats = field(default_factory=lambda: _effect(0.0013, 0.00014, 0.02))
    site: Floats = field(default_factory=lambda: _effect(0.0004, 0.0001, 0.008))
    analysis: Floats = field(default_factory=lambda: np.array([0.4, 0.06, 0.4, 0.2]))
    misfit: Floats = field(default_factory=lambda: DEFAULT_AMPLITUDE)
    furnace: Floats = field(default_factory=lambda: DEFAULT_FURNACE)

    @classmethod
    def usual(cls, n_observables: int = N_OBSERVABLES) -> Noise:
        """The sizes of the observables that are modelled, before data."""
        usual, k = cls(), n_observables - N_OBSERVABLES
        if k == 0:
            return usual
        return cls(
            coupon=block_diag(usual.coupon, LIFETIME_COUPON**2 * np.eye(k)),
            site=block_diag(usual.site, LIFETIME_SITE**2 * np.eye(k)),
            analysis=np.concatenate([usual.analysis, np.ones(k)]),
            misfit=np.concatenate([usual.misfit, np.full(k, LIFETIME_MISFIT)]),
            furnace=np.concatenate([usual.furnace, np.full(k, LIFETIME_FURNACE)]),
        )
