"""What the surrogates model: four numbers of a site, each known, bounded from one side, or unknown; six with lifetimes.

Which are modelled follows from the objective: lifetimes cost time at the bench and in the search, so they are modelled only
where the objective speaks of one. Shapes (..., 4) in this package are (..., 6) then.

A missing band is an upper limit on its rate, a full detector a lower limit on all light, a failed instrument nothing.
No number is made up for any of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum
from math import isfinite, log

from beamline.recipe import Band, Luminescence, NoLuminescence, Observation, Outcome, Phase, Saturated

__all__ = ["DARK", "N_OBSERVABLES", "N_WITH_LIFETIMES", "Datum", "Known", "Observable", "dark", "data_of"]


class Observable(IntEnum):
    """The modelled observables, and their place in the last axis of every array of samples."""

    RED_PEAK_EV = 0
    GREEN_PEAK_EV = 1
    LN_RED_RATE = 2
    LN_GREEN_RATE = 3
    LN_RED_LIFETIME = 4
    LN_GREEN_LIFETIME = 5


N_OBSERVABLES = 4
"""That a spectrum tells: all that is modelled where the objective asks for no lifetime."""
N_WITH_LIFETIMES = len(Observable)
DARK = (1.0, 1.0, -30.0, -30.0, -30.0, -30.0)
"""Observables of a site that gave nothing, as far as a spectrum tells the first four: no specification is met by it."""


def dark(n_observables: int = N_OBSERVABLES) -> tuple[float, ...]:
    """Those of `DARK` that are modelled."""
    return DARK[:n_observables]


class Known(Enum):
    """How a datum speaks of the model: it is the value, a limit that the value is below, or one that it is above."""

    VALUE = "value"
    BELOW = "below"
    ABOVE = "above"


@dataclass(frozen=True)
class Datum:
    """One number learnt at a site.

    Attributes:
        observable: which one; None is all light, ln(red rate + green rate).
        known: whether `number` is the value or a limit.
        number: eV, or the logarithm of counts/s or of ns.
        sd: one sigma of the number; of a limit, how soft it is.
    """

    observable: Observable | None
    known: Known
    number: float
    sd: float


MIN_PEAK_SD_eV = 3e-4
"""Floor of a peak's sd (0.1 nm at 620 nm): the analysis knows noise, not the wavelength axis' last wiggle."""
MIN_LN_RATE_SD = 0.01
"""Floor of a rate's relative sd: placing and focusing under the spectrometer are not in the counting noise."""
MAX_LN_RATE_SD = 1.0
"""Ceiling: a band fainter than its own sd says little about its logarithm."""
LIMIT_SOFTNESS = 0.3
"""Softness of a limit in ln(rate): a 95 % limit is not a wall."""
MIN_LN_LIFETIME_SD = 0.005
"""Floor of a lifetime's relative sd: the response of the counter is not known better."""
MIN_RATE_COUNTS_S = 1e-3
"""Rates and limits below this are taken for this: the logarithm must exist."""

_RATE = {"red": Observable.LN_RED_RATE, "green": Observable.LN_GREEN_RATE}
_PEAK = {"red": Observable.RED_PEAK_EV, "green": Observable.GREEN_PEAK_EV}
_LIFETIME: dict[Phase, Observable] = {"red": Observable.LN_RED_LIFETIME, "green": Observable.LN_GREEN_LIFETIME}


def _of_band(band: Band) -> tuple[Datum, ...]:
    if band.rate_counts_s <= MIN_RATE_COUNTS_S:  # a fit that ended at no area is a band that is not there
        return (_upper_limit(_RATE[band.phase], band.rate_counts_s + 1.645 * band.rate_sd_counts_s),)
    relative = band.rate_sd_counts_s / band.rate_counts_s
    return (
        Datum(_PEAK[band.phase], Known.VALUE, band.peak_eV, max(band.peak_sd_eV, MIN_PEAK_SD_eV)),
        Datum(
            _RATE[band.phase],
            Known.VALUE,
            log(band.rate_counts_s),
            min(max(relative, MIN_LN_RATE_SD), MAX_LN_RATE_SD),
        ),
    )


def _upper_limit(observable: Observable, rate_counts_s: float) -> Datum:
    return Datum(observable, Known.BELOW, log(max(rate_counts_s, MIN_RATE_COUNTS_S)), LIMIT_SOFTNESS)


def data_of(seen: Observation, n_observables: int = N_OBSERVABLES) -> tuple[Datum, ...]:
    """What an observation says about the observables, in a fixed order; empty for a failed instrument.

    The words of the bench refuse what is not a number; whoever goes round them (an import, another program) is not learnt
    from: a datum that is not finite is dropped, and the others stand.

    Args:
        seen: at a site.
        n_observables: how many are modelled: of lifetimes nothing is said where they are not. Nor is anything of one that no
            decay gave: how faint the band is, the spectrum tells.
    """
    told = _told(seen.outcome)
    if n_observables > N_OBSERVABLES:
        told += _of_decays(seen)
    return tuple(datum for datum in told if isfinite(datum.number) and isfinite(datum.sd))


def _of_decays(seen: Observation) -> tuple[Datum, ...]:
    found = ((observable, seen.lifetime(phase)) for phase, observable in _LIFETIME.items())
    return tuple(
        Datum(
            observable,
            Known.VALUE,
            log(one.lifetime_ns),
            max(one.lifetime_sd_ns / one.lifetime_ns, MIN_LN_LIFETIME_SD),
        )
        for observable, one in found
        if one is not None
    )


def _told(outcome: Outcome) -> tuple[Datum, ...]:
    if isinstance(outcome, Luminescence):
        data: list[Datum] = []
        for phase in ("red", "green"):
            band = outcome.band(phase)
            data += _of_band(band) if band else (_upper_limit(_RATE[phase], outcome.rate_limit_counts_s),)
        return tuple(data)
    if isinstance(outcome, NoLuminescence):
        return tuple(_upper_limit(_RATE[phase], outcome.rate_limit_counts_s) for phase in ("red", "green"))
    if isinstance(outcome, Saturated):
        floor = log(max(outcome.rate_floor_counts_s, MIN_RATE_COUNTS_S))
        return (Datum(None, Known.ABOVE, floor, LIMIT_SOFTNESS),)
    return ()
