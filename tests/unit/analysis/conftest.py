"""A spectrograph whose truth is known: bands of several shapes, shot and read noise, dark current, pixel pattern."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import erfc

from beamline.analysis import Detector, band, energy_eV, jacobian_nm_per_eV

Floats = NDArray[np.float64]
INTEGRATION_S = 0.2
N_AVERAGES = 10


@dataclass(frozen=True)
class TrueBand:
    """Place of the maximum, counts per second, width, and asymmetry of whichever shape is drawn."""

    peak_nm: float
    rate_counts_s: float
    fwhm_eV: float = 0.09
    log_asymmetry: float = 0.14


def log_normal(energy: Floats, peak_eV: float, fwhm_eV: float, log_asymmetry: float) -> Floats:
    """A log-normal (Fraser-Suzuki) band; the ratio of its half widths is that of the half-Gaussians."""
    b = -log_asymmetry
    inside = np.maximum(1 + 2 * np.sinh(b) / fwhm_eV * (energy - peak_eV), 1e-300)
    height = 2 * np.sqrt(np.log(2) / np.pi) * np.sinh(b) / (fwhm_eV * b) * np.exp(-(b**2) / (4 * np.log(2)))
    return height * np.exp(-np.log(2) / b**2 * np.log(inside) ** 2)


def exponential_tail(energy: Floats, peak_eV: float, fwhm_eV: float, log_asymmetry: float) -> Floats:
    """A Gaussian, a fifth of whose light is smeared towards low energies with a decay of 2 |log_asymmetry| widths."""
    s, t = fwhm_eV / 2.3548, abs(2 * log_asymmetry) * fwhm_eV + 1e-6
    below = peak_eV - energy
    smeared = np.exp(-below / t + s**2 / (2 * t**2)) * erfc((s / t - below / s) / np.sqrt(2)) / (2 * t)
    return 0.8 * band(energy, 1.0, peak_eV, fwhm_eV) + 0.2 * smeared


def lorentzian_wings(energy: Floats, peak_eV: float, fwhm_eV: float, log_asymmetry: float) -> Floats:
    """Half-Gaussians with a tenth of its light in a Lorentzian."""
    lorentzian = fwhm_eV / (2 * np.pi) / ((energy - peak_eV) ** 2 + fwhm_eV**2 / 4)
    return 0.9 * band(energy, 1.0, peak_eV, fwhm_eV, log_asymmetry=log_asymmetry) + 0.1 * lorentzian


def half_gaussians(energy: Floats, peak_eV: float, fwhm_eV: float, log_asymmetry: float) -> Floats:
    return band(energy, 1.0, peak_eV, fwhm_eV, log_asymmetry=log_asymmetry)


SHAPES = {
    "log_normal": log_normal,
    "half_gaussians": half_gaussians,
    "exponential_tail": exponential_tail,
    "lorentzian_wings": lorentzian_wings,
}


@dataclass
class Spectrograph:
    """Makes pairs of spectra (with light, dark); keeps its random state."""

    rng: np.random.Generator
    detector: Detector
    wavelength_nm: Floats
    offset_counts: float = 1000.0
    dark_counts_s: float = 50.0

    def expected(self, bands: Sequence[TrueBand], shape: str = "half_gaussians") -> Floats:
        """Counts per second and pixel above the dark."""
        axis = self.wavelength_nm
        energy, per_pixel = energy_eV(axis), np.gradient(axis) / jacobian_nm_per_eV(axis)
        make = SHAPES[shape]
        light = np.zeros_like(axis)
        for b in bands:
            light += b.rate_counts_s * make(energy, float(energy_eV(b.peak_nm)), b.fwhm_eV, b.log_asymmetry) * per_pixel
        return light

    def true_peak_nm(self, b: TrueBand, shape: str) -> float:
        """Wavelength of the maximum in energy, which not every shape has where its parameter says."""
        fine = np.linspace(1.6, 2.8, 60001)
        make = SHAPES[shape]
        return float(1239.841984 / fine[np.argmax(make(fine, float(energy_eV(b.peak_nm)), b.fwhm_eV, b.log_asymmetry))])

    def mean_of_exposures(self, counts: Floats) -> Floats:
        gain = self.detector.gain_counts_per_electron
        electrons = self.rng.poisson(N_AVERAGES * counts / gain) / N_AVERAGES
        read = self.rng.normal(0.0, self.detector.read_noise_counts / np.sqrt(N_AVERAGES), counts.shape)
        return np.minimum(self.offset_counts + gain * electrons + read, self.detector.saturation_counts)

    def __call__(self, *bands: TrueBand, shape: str = "half_gaussians") -> tuple[Floats, Floats]:
        """Mean raw counts with light and dark."""
        dark = np.full(self.wavelength_nm.shape, self.dark_counts_s * INTEGRATION_S)
        pattern = self.rng.normal(1.0, self.detector.nonuniformity, dark.shape)
        light = self.expected(bands, shape) * INTEGRATION_S * pattern
        return self.mean_of_exposures(light + dark), self.mean_of_exposures(dark)


@pytest.fixture
def spectrograph() -> Spectrograph:
    return Spectrograph(np.random.default_rng(20240731), Detector(), np.linspace(350.0, 1000.0, 2048))


@pytest.fixture
def settings() -> dict[str, float]:
    return {"integration_s": INTEGRATION_S, "n_averages": N_AVERAGES}


@pytest.fixture
def true_band() -> Callable[..., TrueBand]:
    return TrueBand
