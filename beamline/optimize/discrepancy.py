"""What the physics misses: smooth functions of the conditions, one for each observable, learnt from the residuals.

Two Gaussian processes per observable with scikit-optimize's kernel: one of all conditions, and one of the furnace's and the
glass' alone, which the sites of a coupon share. A mechanism of the furnace that the physics lacks moves all sites of a coupon
alike; within one coupon nothing is learnt of its size, and it must not be taken for small because writings are understood, nor
for a scatter between coupons, of which nothing could be learnt. The amplitudes are learnt with the other sizes (`sizes.py`).
The two rates share most of their misfit, so their ratio is known better than either.

Draws are functions: random Fourier features of the same kernel carry a draw of the prior to any conditions (Rahimi and
Recht 2007), and Matheron's rule moves it to the posterior (Wilson et al. 2020), so that one draw means the same function
wherever the search looks.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from beamline.optimize.evidence import Sites
from beamline.recipe import Dot

__all__ = ["DEFAULT_AMPLITUDE", "DEFAULT_FURNACE", "OF_FURNACE", "Discrepancy", "coordinates", "correlation", "shared"]

Floats = npt.NDArray[np.float64]

DEFAULT_AMPLITUDE = np.array([0.003, 0.0004, 0.06, 0.06])
"""One sigma of the misfit before data: 1 nm of the red peak, 0.1 nm of the green, 6 % of the rates. What nights of chance
recipes on the simulated bench have taught (docs/decisions/027); it grows with one coupon where it is too small."""
RATE_CORRELATION = 0.8
"""Of the misfits of the two rates: what is missed in the amount of crystal or in the damage changes both."""
LENGTH_SCALE = 1.5
"""Of the misfit in `coordinates`: it changes by itself over about half of a usual search space in each factor."""
N_FEATURES = 192
N_FURNACE_FEATURES = 96
DEFAULT_FURNACE = np.array([0.003, 0.0003, 0.04, 0.03])
"""One sigma of the part that the sites of a coupon share, before data; it may grow twentyfold (`sizes.py`)."""
OF_FURNACE = np.array([0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0])
"""Which of the `coordinates` this part is a function of."""


def coordinates(sites: Sites) -> Floats:
    """Conditions in units in which the model's misfit changes about equally fast: (m, 7).

    Doublings of energy, e-folds of writing time, passes, mode, 150 degC of the hottest furnace step, e-folds of its
    duration, quarters of iodide fraction.
    """
    rows = []
    hottest = np.argmax(np.where(sites.steps[:, :, 1] > 0, sites.steps[:, :, 0], -np.inf), axis=1)
    for i, writing in enumerate(sites.writings):
        time = np.log(writing.exposure_s) if isinstance(writing, Dot) else -np.log(writing.speed_mm_s)
        temperature_C, duration_s = sites.steps[i, hottest[i]]
        rows.append(
            (
                np.log2(writing.pulse_energy_uJ / 200.0),
                time,
                writing.n_passes - 1.0,
                3.0 * isinstance(writing, Dot),
                (temperature_C - 400.0) / 150.0,
                np.log1p(duration_s / 1800.0),
                4.0 * (sites.iodide_fraction[i] - 0.5),
            )
        )
    return np.array(rows, dtype=float).reshape(-1, 7)


def shared(amplitude: Floats) -> Floats:
    """Covariance of the observables' misfits at one place, (4, 4)."""
    correlation = np.eye(len(amplitude))
    correlation[2, 3] = correlation[3, 2] = RATE_CORRELATION
    return np.asarray(correlation * np.outer(amplitude, amplitude))


@cache
def _matern() -> Any:
    from beamline.optimize.kernels import matern  # noqa: PLC0415  # loads scikit-optimize: seconds

    return matern(LENGTH_SCALE)


def correlation(one: Floats, other: Floats) -> Floats:
    """Matern 5/2 correlation between conditions (`coordinates`): (a, 7), (b, 7) -> (a, b)."""
    return np.asarray(_matern()(one, other), dtype=float)


@dataclass(frozen=True)
class Discrepancy:
    """The misfit's prior under some amplitudes, with the random features of one seed.

    Attributes:
        amplitude: one sigma by observable of the part that is a function of all conditions, (4,).
        furnace: and of the part that the sites of a coupon share, (4,).
        frequencies: (n_features, 7); of the second part last, without slope along the writing's coordinates.
        phases: (n_features,).
    """

    amplitude: Floats
    furnace: Floats
    frequencies: Floats
    phases: Floats

    @classmethod
    def make(cls, amplitude: Floats, furnace: Floats, rng: np.random.Generator) -> Discrepancy:
        """Features of a Matern 5/2 kernel: its spectral density is a t distribution with five degrees of freedom."""
        n = N_FEATURES + N_FURNACE_FEATURES
        gauss = rng.standard_normal((n, 7))
        chi2 = rng.chisquare(5.0, size=(n, 1))
        frequencies = gauss * np.sqrt(5.0 / chi2) / LENGTH_SCALE
        frequencies[N_FEATURES:] *= OF_FURNACE
        return cls(amplitude, furnace, frequencies, rng.uniform(0, 2 * np.pi, n))

    @property
    def covariances(self) -> tuple[Floats, Floats]:
        """Of the four observables at one place, (4, 4), for each of the two parts."""
        return shared(self.amplitude), shared(self.furnace)

    def features(self, where: Floats) -> Floats:
        """Random Fourier features, (m, n_features): their products average to the correlations."""
        scale = np.repeat(np.sqrt([2.0 / N_FEATURES, 2.0 / N_FURNACE_FEATURES]), [N_FEATURES, N_FURNACE_FEATURES])
        return np.asarray(scale * np.cos(where @ self.frequencies.T + self.phases))

    def draw_weights(self, n: int, rng: np.random.Generator) -> Floats:
        """Weights of the features for n draws, (n_features, n, 4)."""
        gauss = rng.standard_normal((N_FEATURES + N_FURNACE_FEATURES, n, len(self.amplitude)))
        of_all, of_furnace = (np.linalg.cholesky(covariance) for covariance in self.covariances)
        return np.concatenate([gauss[:N_FEATURES] @ of_all.T, gauss[N_FEATURES:] @ of_furnace.T])
