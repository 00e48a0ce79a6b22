"""Samples of observables as predictions with units, rounded to what a document needs."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from beamline.optimize.observables import N_OBSERVABLES, Observable
from beamline.recipe import Prediction, hc_eV_nm

__all__ = ["predictions", "rounded"]

Floats = npt.NDArray[np.float64]

_LARGEST_LN = 30.0


def rounded(number: float, digits: int = 6) -> float:
    """To some significant digits."""
    return float(f"{float(number):.{digits}g}")


def predictions(samples: Floats) -> tuple[Prediction, ...]:
    """Samples of one site's observables (s, 4) as predictions.

    Rates and their ratio are log-normal: the logarithms, stated too, are what to compare with a measurement.
    """
    red, green = (
        np.clip(samples[:, one], -_LARGEST_LN, _LARGEST_LN)
        for one in (Observable.LN_RED_RATE, Observable.LN_GREEN_RATE)
    )
    rows: list[tuple[str, str, Floats]] = [
        ("red_peak_nm", "nm", hc_eV_nm / samples[:, Observable.RED_PEAK_EV]),
        ("green_peak_nm", "nm", hc_eV_nm / samples[:, Observable.GREEN_PEAK_EV]),
        ("green_red_ratio", "1", np.exp(green - red)),
        ("red_rate_counts_s", "counts/s", np.exp(red)),
        ("green_rate_counts_s", "counts/s", np.exp(green)),
        ("ln_green_red_ratio", "1", green - red),
        ("ln_red_rate", "ln(counts/s)", red),
        ("ln_green_rate", "ln(counts/s)", green),
    ]
    if samples.shape[1] > N_OBSERVABLES:
        lifetimes = (("red", Observable.LN_RED_LIFETIME), ("green", Observable.LN_GREEN_LIFETIME))
        for phase, one in lifetimes:
            ln_ns = np.clip(samples[:, one], -_LARGEST_LN, _LARGEST_LN)
            rows += [(f"{phase}_lifetime_ns", "ns", np.exp(ln_ns)), (f"ln_{phase}_lifetime", "ln(ns)", ln_ns)]
    return tuple(
        Prediction(observable=name, unit=unit, mean=rounded(values.mean()), sd=rounded(values.std()))
        for name, unit, values in rows
    )
