"""Plain JSON of what the page shows: no number that is none, curves of a bounded number of points."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from beamline.optimize import Objective
from beamline.report.measured import Measured
from beamline.report.summary import target_text
from beamline.report.words import plus_minus

__all__ = ["MOST_POINTS", "NAMES", "finite", "numbers_plain", "objective_plain", "rounded", "thinned"]

NAMES: Final = {
    "red_peak_nm": "red peak",
    "green_peak_nm": "green peak",
    "green_red_ratio": "green : red",
    "red_rate_counts_s": "red light",
    "green_rate_counts_s": "green light",
    "red_lifetime_ns": "red lifetime",
    "green_lifetime_ns": "green lifetime",
}
"""Observables of a model by the names that the page gives them."""
MOST_POINTS: Final = 600
"""Of a curve: about the pixels that it is drawn with."""


def finite(value: Any) -> Any:
    """The same with null for what is not a number, which JSON does not know."""
    if isinstance(value, dict):
        return {str(key): finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [finite(one) for one in value]
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    return value


def rounded(values: NDArray[np.float64], digits: int = 5) -> list[float]:
    """To significant digits, for short messages."""
    return [float(f"{value:.{digits}g}") for value in np.asarray(values, dtype=float)]


def thinned(n: int, most: int = MOST_POINTS) -> NDArray[np.int64]:
    """Indices of at most `most` of `n` points, the first and the last among them."""
    return np.unique(np.linspace(0, n - 1, min(n, most)).round().astype(np.int64)) if n else np.empty(0, np.int64)


def objective_plain(objective: Objective | None) -> dict[str, Any] | None:
    """Targets as ranges, and in words."""
    if objective is None:
        return None
    peak, ratio = objective.red_peak_nm, objective.green_red_ratio
    return {
        "text": target_text(objective),
        "red_peak_nm": None if peak is None else [peak.target - peak.tolerance, peak.target + peak.tolerance],
        "green_red_ratio": None if ratio is None else [ratio.target / ratio.factor, ratio.target * ratio.factor],
    }


def numbers_plain(number: Measured) -> dict[str, Any]:
    """The numbers of an outcome, and how they are written."""
    lines = (
        ("red peak", number.red_peak_nm, number.red_peak_sd_nm, "nm"),
        ("green peak", number.green_peak_nm, number.green_peak_sd_nm, "nm"),
        ("green : red", number.green_red_ratio, number.ratio_sd, ""),
        ("red light", number.red_rate_counts_s, number.red_rate_sd_counts_s, "counts/s"),
        ("green light", number.green_rate_counts_s, number.green_rate_sd_counts_s, "counts/s"),
        *((name, value, sd, "ns") for name, value, sd in number.lifetime_rows),
    )
    return {
        "kind": number.kind,
        "is_inside": number.is_inside,
        "red_peak_nm": number.red_peak_nm,
        "red_peak_sd_nm": number.red_peak_sd_nm,
        "green_peak_nm": number.green_peak_nm,
        "green_red_ratio": number.green_red_ratio,
        "green_red_ratio_sd": number.ratio_sd,
        "lines": [[name, plus_minus(value, sd), unit] for name, value, sd, unit in lines if math.isfinite(value)],
    }
