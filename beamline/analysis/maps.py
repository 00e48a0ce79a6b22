"""Maps of light: many spectra at once, in chunks, each with integrated bands and the peaks of both phases.

For one spectrum, `analyse_spectrum` says more: it looks everywhere, and its bands have free shapes. Here both bands are
Gaussians of energy with free place and width, which costs a tenth of a millisecond a spectrum instead of ten.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from beamline.analysis.axis import energy_eV, jacobian_nm_per_eV
from beamline.analysis.detector import Detector
from beamline.analysis.filters import GREEN_MAP, RED_MAP, Transmission, integrate, measured_factor
from beamline.analysis.prepare import BIN_nm, WINDOW_nm, check, known_range
from beamline.recipe import hc_eV_nm

__all__ = ["PAPER_BANDS", "MapAnalysis", "PhaseMap", "analyse_map"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

PAPER_BANDS: Mapping[str, Transmission] = {"green": GREEN_MAP, "red": RED_MAP}
CHUNK = 1024
"""Spectra worked on at a time: 17 MB of counts, and some arrays of this size beside them."""
SEEN_SD = 5.0
"""A band is claimed where its area is this many sigma: 40,000 spectra without light hold none by chance."""
SHAPE_SD = 0.04
"""What the fixed shape does to place and area, one sigma, in units of the width and as a share: a band of the usual
asymmetry comes out 0.04 widths from its maximum. It is common to all places of a map."""
STARTS_eV = {"green": (2.32, 2.58), "red": (1.68, 2.30)}
FWHM_START_eV, FWHM_LIMITS_eV = 0.10, (0.05, 0.30)
SMOOTH_BINS = 9


@dataclass(frozen=True, eq=False)
class PhaseMap:
    """One phase in every spectrum; NaN where it is not seen; shape (n,) each, or as reshaped."""

    peak_nm: Floats
    peak_sd_nm: Floats
    fwhm_eV: Floats
    rate_counts_s: Floats
    rate_sd_counts_s: Floats


@dataclass(frozen=True, eq=False)
class MapAnalysis:
    """What a map shows.

    Attributes:
        rates: integrated light by the name of its band, counts/s.
        sds: one sigma of them.
        phases: fitted bands, "green" and "red".
        is_saturated: where pixels of the analysed range were full: nothing there is to be trusted.
    """

    rates: dict[str, Floats]
    sds: dict[str, Floats]
    phases: dict[str, PhaseMap]
    is_saturated: Bools

    @property
    def is_dark(self) -> Bools:
        """Where neither phase is seen, nor the detector full."""
        return np.isnan(self.phases["green"].peak_nm) & np.isnan(self.phases["red"].peak_nm) & ~self.is_saturated


def analyse_map(
    wavelength_nm: ArrayLike,
    spectra: ArrayLike | Iterable[ArrayLike],
    dark_counts: ArrayLike,
    *,
    integration_s: float,
    n_averages: int,
    detector: Detector | None = None,
    bands: Mapping[str, Transmission] = PAPER_BANDS,
    response: ArrayLike | None = None,
    progress: Callable[[int], None] | None = None,
) -> MapAnalysis:
    """Analyse a map.

    Args:
        wavelength_nm: the detector's axis, shape (w,).
        spectra: raw mean counts: an array of shape (..., w), also one that is on disk (`numpy.memmap`), or whatever yields
            arrays of shape (m, w), which are looked at one at a time: memory does not grow with the map.
        dark_counts: of the same settings, shape (w,).
        integration_s: of one exposure.
        n_averages: exposures in each mean.
        detector: noise and range; None for the defaults.
        bands: bands to be integrated, by name; the paper's by default.
        response: as of `analyse_spectrum`.
        progress: called with the number of spectra done, after each chunk.

    Returns:
        Arrays of shape (n,), n spectra in their order.

    Raises:
        ValueError: shapes or settings that make no sense.
    """
    from beamline.analysis.map_kernel import fit_spectra  # noqa: PLC0415  # loads numba

    detector = detector or Detector()
    dark: Floats = np.asarray(dark_counts, dtype=float)
    axis, dark, _ = check(wavelength_nm, dark, dark)
    n_pixels, known, relative = axis.size, slice(None), None
    if response is not None:
        known, relative = known_range(response, n_pixels)
        axis, dark, _ = check(axis[known], dark[known], dark[known])
    bins = _Bins.of(axis, dark, n_averages, detector, relative)
    low, high = (
        np.array([end, end, STARTS_eV["green"][i], FWHM_LIMITS_eV[i], end, STARTS_eV["red"][i], FWHM_LIMITS_eV[i]])
        for i, end in ((0, -np.inf), (1, np.inf))
    )
    rates: dict[str, list[Floats]] = {name: [] for name in bands}
    sds: dict[str, list[Floats]] = {name: [] for name in bands}
    fitted: list[Floats] = []
    full: list[Bools] = []
    done = 0
    factor: float | None = None
    for every_pixel in _chunks(spectra, n_pixels):
        counts = every_pixel[:, known]
        if factor is None:
            factor = measured_factor(counts, dark, n_averages, detector)
            bins = replace(bins, variance=factor * bins.variance)
        for name, band in bands.items():
            found = integrate(
                axis,
                counts,
                dark,
                band,
                integration_s=integration_s,
                n_averages=n_averages,
                detector=detector,
                dark_factor=factor,
                response=relative,
            )
            rates[name].append(found.rate_counts_s)
            sds[name].append(found.sd_counts_s)
        is_full = detector.is_full(counts[:, bins.window])
        full.append(np.asarray(is_full[:, ~detector.is_full(dark[bins.window])].any(axis=1)))
        net, sd = bins.of_counts(counts, n_averages, detector)
        fitted.append(fit_spectra(bins.energy, bins.width, net, sd, bins.starts(net), low, high))
        done += len(counts)
        if progress is not None:
            progress(done)
    if not fitted:
        raise ValueError("the map holds no spectrum")
    saturated, numbers = np.concatenate(full), np.concatenate(fitted)
    return MapAnalysis(
        rates={name: np.concatenate(parts) for name, parts in rates.items()},
        sds={name: np.concatenate(parts) for name, parts in sds.items()},
        phases={
            phase: _phase(numbers[:, k : k + 3], numbers[:, 7 + k : 10 + k], STARTS_eV[phase], saturated, integration_s)
            for phase, k in (("green", 1), ("red", 4))
        },
        is_saturated=saturated,
    )


def _chunks(spectra: ArrayLike | Iterable[ArrayLike], n_pixels: int) -> Iterator[Floats]:
    if isinstance(spectra, np.ndarray):
        if spectra.shape[-1:] != (n_pixels,):
            raise ValueError(f"spectra {spectra.shape}: the last axis must be the {n_pixels} pixels")
        flat = spectra.reshape(-1, n_pixels)
        parts: Iterable[ArrayLike] = (flat[i : i + CHUNK] for i in range(0, len(flat), CHUNK))
    else:
        parts = spectra  # type: ignore[assignment]  # an iterable of arrays
    for part in parts:
        chunk = np.atleast_2d(np.asarray(part, dtype=float))
        if chunk.ndim != 2 or chunk.shape[1] != n_pixels:
            raise ValueError(f"a part of the map of shape {chunk.shape}; (m, {n_pixels}) is asked for")
        if not np.isfinite(chunk).all():
            raise ValueError("counts of the map are not numbers")
        yield chunk


@dataclass(frozen=True, eq=False)
class _Bins:
    window: slice  # not a mask: with it every chunk would be copied
    per_bin: int
    dark: Floats
    energy: Floats
    width: Floats
    variance: Floats
    response: Floats | None

    @classmethod
    def of(cls, axis: Floats, dark: Floats, n_averages: int, detector: Detector, response: Floats | None) -> _Bins:
        first, last = np.searchsorted(axis, WINDOW_nm[0]), np.searchsorted(axis, WINDOW_nm[1], side="right")
        window = slice(int(first), int(last))
        inside = axis[window]
        pitch = np.gradient(inside)
        per_bin = max(1, int(2.0 * BIN_nm / float(pitch.mean())))
        n = inside.size // per_bin

        def total(values: Floats) -> Floats:
            return np.asarray(values[: n * per_bin].reshape(n, per_bin).sum(axis=1))

        middle = total(inside) / per_bin
        return cls(
            window=window,
            per_bin=per_bin,
            dark=total(dark[window]),
            energy=energy_eV(middle),
            width=total(pitch) / jacobian_nm_per_eV(middle),
            variance=total(detector.dark_variance(dark[window], n_averages)),
            response=None if response is None else total(response[window]) / per_bin,
        )

    def of_counts(self, counts: Floats, n_averages: int, detector: Detector) -> tuple[Floats, Floats]:
        n = self.energy.size
        inside = counts[:, self.window][:, : n * self.per_bin]
        net = inside.reshape(len(counts), n, self.per_bin).sum(axis=2) - self.dark
        # variance from the mean over neighbours: from the counts themselves it would pull the fit down
        sums = np.cumsum(np.pad(net, ((0, 0), (SMOOTH_BINS // 2 + 1, SMOOTH_BINS // 2)), mode="edge"), axis=1)
        smooth = np.maximum((sums[:, SMOOTH_BINS:] - sums[:, :-SMOOTH_BINS]) / SMOOTH_BINS, 0.0)
        shot = detector.gain_counts_per_electron / n_averages * smooth
        pattern = detector.nonuniformity**2 / self.per_bin * smooth**2
        sd = np.sqrt(self.variance + shot + pattern)
        return (net, sd) if self.response is None else (net / self.response, sd / self.response)

    def starts(self, net: Floats) -> Floats:
        """Background, then area, place, width of both bands, (n, 7)."""
        out = np.empty((len(net), 7))
        background = np.percentile(net, 20.0, axis=1)
        out[:, 0] = background
        sums = np.cumsum(np.pad(net, ((0, 0), (3, 2)), mode="edge"), axis=1)
        smooth = (sums[:, 5:] - sums[:, :-5]) / 5.0
        for k, (low, high) in ((1, STARTS_eV["green"]), (4, STARTS_eV["red"])):
            inside = np.flatnonzero((self.energy > low) & (self.energy < high))
            peak = inside[smooth[:, inside].argmax(axis=1)]
            height = smooth[np.arange(len(net)), peak] - background
            out[:, k] = np.maximum(height / self.width[peak], 1.0) * FWHM_START_eV * 1.064
            out[:, k + 1] = self.energy[peak]
            out[:, k + 2] = FWHM_START_eV
        return out


def _phase(
    numbers: Floats, sd: Floats, limits_eV: tuple[float, float], saturated: Bools, integration_s: float
) -> PhaseMap:
    area, place, width = numbers.T
    at_edge = (place <= limits_eV[0] + 1e-6) | (place >= limits_eV[1] - 1e-6)
    seen = (area > SEEN_SD * sd[:, 0]) & ~at_edge & ~saturated

    def where(values: Floats) -> Floats:
        return np.where(seen, values, np.nan)

    return PhaseMap(
        peak_nm=where(hc_eV_nm / place),
        peak_sd_nm=where(hc_eV_nm / place**2 * np.hypot(sd[:, 1], SHAPE_SD * width)),
        fwhm_eV=where(width),
        rate_counts_s=where(area / integration_s),
        rate_sd_counts_s=where(np.hypot(sd[:, 0], SHAPE_SD * area) / integration_s),
    )
