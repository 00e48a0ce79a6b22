"""Light through a band or a filter: what is counted in it, with its uncertainty."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import uniform_filter1d

from beamline.analysis.detector import Detector
from beamline.analysis.prepare import noise_factor

__all__ = [
    "GREEN_MAP",
    "LONG_PASS_645",
    "RED_MAP",
    "BandPass",
    "Integrated",
    "LongPass",
    "Transmission",
    "integrate",
    "measured_factor",
]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class BandPass:
    """Passes a range of wavelengths.

    Attributes:
        low_nm: half transmission at the short end.
        high_nm: half transmission at the long end.
        edge_nm: over which each edge rises from 12 to 88 % (logistic); 0 for a band that is cut out of a spectrum.
    """

    low_nm: float
    high_nm: float
    edge_nm: float = 0.0

    def __post_init__(self) -> None:
        if not (0 < self.low_nm < self.high_nm and self.edge_nm >= 0 and math.isfinite(self.edge_nm)):
            raise ValueError(f"{self}: needs 0 < low_nm < high_nm and edge_nm of at least 0")

    @classmethod
    def around(cls, centre_nm: float, width_nm: float, edge_nm: float = 0.0) -> BandPass:
        """A band by its centre and full width."""
        return cls(centre_nm - 0.5 * width_nm, centre_nm + 0.5 * width_nm, edge_nm)

    def transmission(self, wavelength_nm: ArrayLike) -> Floats:
        """0 to 1, shape of the argument."""
        axis = np.asarray(wavelength_nm, dtype=float)
        if math.isinf(self.high_nm):
            return _edge(axis - self.low_nm, self.edge_nm)
        return _edge(axis - self.low_nm, self.edge_nm) * _edge(self.high_nm - axis, self.edge_nm)


@dataclass(frozen=True, slots=True)
class LongPass:
    """Passes what is longer than `from_nm`, with an edge as of `BandPass`."""

    from_nm: float
    edge_nm: float = 0.0

    def __post_init__(self) -> None:
        if not (self.from_nm > 0 and self.edge_nm >= 0 and math.isfinite(self.edge_nm)):
            raise ValueError(f"{self}: needs from_nm above 0 and edge_nm of at least 0")

    def transmission(self, wavelength_nm: ArrayLike) -> Floats:
        """0 to 1, shape of the argument."""
        return _edge(np.asarray(wavelength_nm, dtype=float) - self.from_nm, self.edge_nm)


Transmission = BandPass | LongPass

GREEN_MAP, RED_MAP = BandPass.around(514.0, 20.0), BandPass.around(613.0, 20.0)
"""The bands of the paper's maps (Fig. 1, P14); their widths are not given: 20 nm is an assumption."""

LONG_PASS_645 = LongPass(645.0, edge_nm=4.0)
"""The filter of P34, taken for a long-pass (the text does not say); the steepness is that of a usual coloured-glass or
interference filter."""


FACTOR_SPECTRA = 16
"""Spectra of a map in which the noise is measured."""


def _edge(beyond_nm: Floats, edge_nm: float) -> Floats:
    if edge_nm == 0.0:
        return (beyond_nm >= 0).astype(float)
    return np.asarray(1.0 / (1.0 + np.exp(np.clip(-4.0 * beyond_nm / edge_nm, -700.0, 700.0))))


class Integrated(NamedTuple):
    """Light through a filter, counts per s, with one sigma; shapes (...)."""

    rate_counts_s: Floats
    sd_counts_s: Floats


def integrate(
    wavelength_nm: ArrayLike,
    counts: ArrayLike,
    dark_counts: ArrayLike,
    through: Transmission,
    *,
    integration_s: float,
    n_averages: int,
    detector: Detector | None = None,
    dark_factor: float | None = None,
    response: Floats | None = None,
) -> Integrated:
    """Counts per second through a filter, dark-corrected, of one spectrum or many.

    Args:
        wavelength_nm: shape (w,).
        counts: mean raw counts, shape (..., w).
        dark_counts: of the same settings, shape (w,); its noise is in the uncertainty, and common to all.
        through: the band or filter.
        integration_s: of one exposure.
        n_averages: exposures in each mean.
        detector: noise; None for the defaults.
        dark_factor: measured over stated variance without light; None: measured in these spectra.
        response: of the spectrometer, by which the light is divided, shape (w,); None: as it was counted.

    Raises:
        ValueError: shapes that do not fit, settings that make no sense, or a filter that passes no pixel.
    """
    detector = detector or Detector()
    axis, light, dark = (np.asarray(a, dtype=float) for a in (wavelength_nm, counts, dark_counts))
    if axis.ndim != 1 or dark.shape != axis.shape or light.shape[-1:] != axis.shape:
        raise ValueError(f"shapes {axis.shape}, {light.shape}, {dark.shape}: (w,), (..., w) and (w,) are asked for")
    if not (integration_s > 0 and n_averages >= 1):
        raise ValueError(f"{integration_s=} s and {n_averages=} must be above 0")
    weight = through.transmission(axis)
    used = weight > 1e-4
    if not used.any():
        raise ValueError(f"{through} passes nothing of {axis[0]:g}-{axis[-1]:g} nm")
    weight, net = weight[used], light[..., used] - dark[used]
    if response is not None:
        weight = weight / response[used]
    factor = dark_factor if dark_factor is not None else measured_factor(light, dark, n_averages, detector)
    noise = factor * detector.dark_variance(dark[used], n_averages)
    shot = detector.gain_counts_per_electron * np.maximum(net @ weight**2, 0.0) / n_averages
    pattern = detector.nonuniformity**2 * (np.square(np.maximum(net, 0.0)) @ weight**2)
    sd = np.sqrt(float(noise @ weight**2) + shot + pattern)
    return Integrated(np.asarray(net @ weight) / integration_s, np.asarray(sd) / integration_s)


def measured_factor(counts: Floats, dark: Floats, n_averages: int, detector: Detector) -> float:
    """Measured over stated variance without light, the median of a few of the spectra: an offset carries no shot noise.

    Args:
        counts: shape (..., w).
        dark: shape (w,).
        n_averages: exposures in each mean.
        detector: whose statement it is.
    """
    net = counts.reshape(-1, dark.size) - dark
    some = net[np.linspace(0, len(net) - 1, min(len(net), FACTOR_SPECTRA)).astype(int)]
    variance = detector.dark_variance(dark, n_averages)
    factors = []
    for spectrum in some:
        smooth = uniform_filter1d(spectrum, 15)
        factors.append(noise_factor(spectrum, smooth, np.sqrt(variance + detector.light_variance(smooth, n_averages))))
    return float(np.median(factors))
