"""Predictions and reasons in the words of the bench: samples of observables in, numbers with units and sentences out."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from beamline.optimize.observables import Observable
from beamline.optimize.prior import Latent
from beamline.recipe import Prediction, hc_eV_nm

__all__ = ["expectation", "predictions", "rounded", "role"]

Floats = npt.NDArray[np.float64]


def rounded(number: float, digits: int = 6) -> float:
    """To some significant digits: what a document needs, and no more than a model knows."""
    return float(f"{float(number):.{digits}g}")


def predictions(samples: Floats) -> tuple[Prediction, ...]:
    """Samples of one site's observables (s, 4) as predictions.

    Rates and their ratio are log-normal: their logarithms are stated too, and are what to compare with a measurement.
    """
    red, green = samples[:, Observable.LN_RED_RATE], samples[:, Observable.LN_GREEN_RATE]
    rows: list[tuple[str, str, Floats]] = [
        ("red_peak_nm", "nm", hc_eV_nm / samples[:, Observable.RED_PEAK_EV]),
        ("green_peak_nm", "nm", hc_eV_nm / samples[:, Observable.GREEN_PEAK_EV]),
        ("green_red_ratio", "1", np.exp(np.clip(green - red, -30, 30))),
        ("red_rate_counts_s", "counts/s", np.exp(np.clip(red, -30, 30))),
        ("green_rate_counts_s", "counts/s", np.exp(np.clip(green, -30, 30))),
        ("ln_green_red_ratio", "1", green - red),
        ("ln_red_rate", "ln(counts/s)", red),
        ("ln_green_rate", "ln(counts/s)", green),
    ]
    return tuple(
        Prediction(observable=name, unit=unit, mean=rounded(values.mean()), sd=rounded(values.std()))
        for name, unit, values in rows
    )


def expectation(samples: Floats) -> str:
    """Samples of one site's observables (s, 4) in words."""
    peak_nm = hc_eV_nm / samples[:, Observable.RED_PEAK_EV]
    ln_ratio = samples[:, Observable.LN_GREEN_RATE] - samples[:, Observable.LN_RED_RATE]
    return (
        f"red at {peak_nm.mean():.1f} ± {peak_nm.std():.1f} nm, "
        f"green:red {np.exp(ln_ratio.mean()):.2g} ×/÷ {np.exp(min(ln_ratio.std(), 5.0)):.2g}"
    )


def role(rank: int, gain: float, credit: Floats, latent: Floats, latents: tuple[Latent, ...]) -> str:
    """Why a site was chosen, after those before it.

    Args:
        rank: 0 for the first.
        gain: what it adds to the expected best utility.
        credit: in which draws it adds that, (s,).
        latent: the draws' latents, (s, n_latent).
        latents: their names.
    """
    if rank == 0:
        return "the best single bet"
    if gain < 1e-4 or credit.sum() <= 0:
        return "a replicate: tells how far sites of one recipe scatter"
    spread = np.maximum(latent.std(0), 1e-9)
    shift = (credit @ latent / credit.sum() - latent.mean(0)) / spread
    which = int(np.argmax(np.abs(shift)))
    if abs(shift[which]) < 0.35:
        return "covers the scatter between sites and coupons"
    told = latents[which]
    way = "above" if shift[which] > 0 else "below"
    return f"pays off if {told.name} ({told.symbol}) is {way} the present estimate"
