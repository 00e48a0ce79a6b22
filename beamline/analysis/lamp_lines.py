"""A wavelength axis against a lamp of known lines: where each line lies on the axis as it is stated, and how far off that is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import curve_fit

from beamline.analysis.axis import axis_error_nm, in_powers

__all__ = ["LAMPS", "AxisError", "LampError", "find_axis_error"]

Floats = NDArray[np.float64]

LAMPS: Final[Mapping[str, tuple[float, ...]]] = {
    "Hg-Ar": (
        435.8335,
        546.0750,
        576.9610,
        579.0670,
        696.5431,
        706.7218,
        727.2936,
        738.3980,
        763.5106,
        794.8176,
        826.4522,
    ),
}
"""Lines by which an axis is judged, in air, nm: strong, and none other as strong of the lamp within 2 nm.

Mercury in pencil lamps: Sansonetti, Salit and Reader, Applied Optics 35, 74 (1996), table 2, to 0.0001 nm. Argon I: Norlén,
Physica Scripta 8, 249 (1973), as the NIST Atomic Spectra Database has it. A test makes all from that database's
levels. Left out, for another line is too near: 750.39 and 751.47, 772.38 and 772.42, 800.62 and 801.48, 810.37 and 811.53 nm.
"""

SEARCH_nm: Final = 5.0
"""As far as this a whole axis may be off; what is further is another grating."""
AROUND_nm: Final = 2.0
"""Of a line on either side that is fitted with it."""
STRAY_nm: Final = 0.8
"""A line may lie this far from where the others say that it is."""
SEEN_SD: Final = 10.0
FEWEST_LINES: Final = 6
SHORTEST_SPAN_nm: Final = 200.0
LARGEST_RMS_nm: Final = 0.1
"""Half a pixel of such a spectrometer: a parabola that leaves more is not what is wrong with the axis."""


class LampError(ValueError):
    """A spectrum that is no spectrum of that lamp, or that says too little about the axis.

    To do: see that the lamp that was named is the one that burns, warm it up, and expose longer where lines are weak.
    """


@dataclass(frozen=True, eq=False)
class AxisError:
    """What is wrong with an axis.

    Attributes:
        coefficients_nm: stated minus true wavelength in powers of (stated - 630 nm) / 200 nm: constant, linear, quadratic.
        lines_nm: true wavelengths of the lines that were found, shape (n,).
        found_nm: where they lie on the stated axis, shape (n,).
        sd_nm: one sigma of that, shape (n,).
        rms_nm: what is left of the lines once the axis is corrected.
    """

    coefficients_nm: tuple[float, float, float]
    lines_nm: Floats
    found_nm: Floats
    sd_nm: Floats
    rms_nm: float


def find_axis_error(
    wavelength_nm: ArrayLike, net_counts: ArrayLike, *, lamp: str = "Hg-Ar", gain_counts_per_electron: float = 1.0
) -> AxisError:
    """The error of an axis, by a parabola through what each line of a lamp is off.

    Args:
        wavelength_nm: axis as stated, rising, shape (w,).
        net_counts: of the lamp above dark, shape (w,).
        lamp: which.
        gain_counts_per_electron: of one exposure, over the number of exposures in the mean: how bright pixels scatter.

    Raises:
        LampError: an unknown lamp, too few lines, or lines that no smooth error explains.
    """
    if lamp not in LAMPS:
        raise LampError(f"lamp {lamp!r}: lines are known of {', '.join(LAMPS)}")
    axis, net = np.asarray(wavelength_nm, dtype=float), np.asarray(net_counts, dtype=float)
    inside = [line for line in LAMPS[lamp] if axis[0] + AROUND_nm < line < axis[-1] - AROUND_nm]
    noise = 1.4826 * float(np.median(np.abs(np.diff(net, 2)))) / np.sqrt(6.0)
    sd = np.sqrt(max(noise, 1e-6) ** 2 + gain_counts_per_electron * np.maximum(net, 0.0))
    shift_nm = _shift(axis, net, inside)
    found = [one for group in _groups(inside) for one in _fit(axis, net, sd, group, shift_nm)]
    if len(found) < FEWEST_LINES or found[-1][0] - found[0][0] < SHORTEST_SPAN_nm:
        seen = ", ".join(f"{line:.1f}" for line, _, _ in found) or "none"
        raise LampError(
            f"of the {len(inside)} lines of {lamp} on this axis these are seen: {seen} nm; at least {FEWEST_LINES} over "
            f"{SHORTEST_SPAN_nm:g} nm are needed: is the lamp on, warm and before the slit, and long enough exposed?"
        )
    lines, places, sds = (np.array(column) for column in zip(*found, strict=True))
    coefficients = np.polynomial.polynomial.polyfit(in_powers(places), places - lines, 2, w=1.0 / np.hypot(sds, 0.01))
    left = places - axis_error_nm(places, coefficients) - lines
    rms = float(np.sqrt(np.sum(left**2) / (left.size - 3)))
    if rms > LARGEST_RMS_nm:
        worst = int(np.abs(left).argmax())
        raise LampError(
            f"corrected by a parabola, the lines are still off by {rms:.2f} nm (allowed: {LARGEST_RMS_nm:g} nm), most of all "
            f"that of {lines[worst]:.2f} nm; is it a lamp of {lamp}, and is the slit's image sharp?"
        )
    a, b, c = coefficients.tolist()
    return AxisError((a, b, c), lines, places, sds, rms)


def _shift(axis: Floats, net: Floats, lines: Sequence[float]) -> float:
    """By how much the whole pattern is off, nm, to a tenth."""
    bright = np.sqrt(np.maximum(net - np.median(net), 0.0))  # the brightest line is not to decide alone
    shifts = np.arange(-SEARCH_nm, SEARCH_nm + 0.05, 0.1)
    score = [sum(float(np.interp(line + shift, axis, bright)) for line in lines) for shift in shifts]
    return float(shifts[int(np.argmax(score))])


def _groups(lines: Iterable[float]) -> list[list[float]]:
    """Lines that are so near to each other that they are fitted together."""
    groups: list[list[float]] = []
    for line in lines:
        if groups and line - groups[-1][-1] < 2.0 * AROUND_nm:
            groups[-1].append(line)
        else:
            groups.append([line])
    return groups


def _fit(
    axis: Floats, net: Floats, sd: Floats, lines: Sequence[float], shift_nm: float
) -> list[tuple[float, float, float]]:
    """Line, place and its sigma, nm, of those of a group that are seen: Gaussians of one width on a sloping ground."""
    wanted = np.array(lines) + shift_nm
    near = (axis > wanted[0] - AROUND_nm) & (axis < wanted[-1] + AROUND_nm)
    x, y, s = axis[near], net[near], sd[near]
    if x.size < 3 * len(lines) + 6:
        return []
    heights = np.interp(wanted, x, y) - np.median(y)

    def model(at: Floats, ground: float, slope: float, width: float, *rest: float) -> Floats:
        total = ground + slope * (at - wanted[0])
        for height, place in zip(rest[::2], rest[1::2], strict=True):
            total = total + height * np.exp(-0.5 * ((at - place) / width) ** 2)
        return np.asarray(total)

    begin = [
        float(np.median(y)),
        0.0,
        0.4,
        *(v for pair in zip(np.maximum(heights, 1.0), wanted, strict=True) for v in pair),
    ]
    low = [-np.inf, -np.inf, 0.05, *([0.0, 0.0] * len(lines))]
    high = [np.inf, np.inf, 1.5, *([np.inf, np.inf] * len(lines))]
    for i, place in enumerate(wanted):
        low[4 + 2 * i], high[4 + 2 * i] = place - STRAY_nm, place + STRAY_nm
    try:
        best, covariance = curve_fit(model, x, y, begin, sigma=s, absolute_sigma=True, bounds=(low, high), max_nfev=200)
    except RuntimeError:  # no convergence: no line that looks like one
        return []
    chi2 = float(np.mean(((y - model(x, *best)) / s) ** 2))
    errors = np.sqrt(np.diag(covariance)) * max(chi2, 1.0) ** 0.5
    seen = []
    for i, line in enumerate(lines):
        height, place = float(best[3 + 2 * i]), float(best[4 + 2 * i])
        is_inside = abs(place - wanted[i]) < 0.99 * STRAY_nm
        if is_inside and height > SEEN_SD * errors[3 + 2 * i]:
            seen.append((float(line), place, float(errors[4 + 2 * i])))
    return seen
