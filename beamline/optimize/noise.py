"""What keeps two sites of one recipe apart: sizes of the scatter that neither parameters nor misfit explain.

Assumptions, of the size that the parts of a bench are specified for: where data speak, `sizes.py` learns them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from beamline.optimize.discrepancy import shared

__all__ = ["Noise"]

Floats = npt.NDArray[np.float64]


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
    """

    ln_energy: float = 0.03
    iodide_fraction: float = 0.02
    coupon: Floats = field(default_factory=lambda: _effect(0.0035, 0.0015, 0.10))
    site: Floats = field(default_factory=lambda: _effect(0.0012, 0.0008, 0.05))
    analysis: Floats = field(default_factory=lambda: np.ones(4))
