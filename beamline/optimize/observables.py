"""What the surrogates model: four numbers of a site, each known, bounded from one side, or unknown.

A missing band is an upper limit on its rate, a full detector a lower limit on all light, a failed instrument nothing.
No number is made up for any of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum
from math import isfinite, log

from beamline.recipe import Band, Luminescence, NoLuminescence, Outcome, Saturated

__all__ = ["DARK", "N_OBSERVABLES", "Datum", "Known", "Observable", "data_of"]


class Observable(IntEnum):
    """The modelled observables, and their place in the last axis of every array of samples."""

    RED_PEAK_EV = 0
    GREEN_PEAK_EV = 1
    LN_RED_RATE = 2
    LN_GREEN_RATE = 3


N_OBSERVABLES = len(Observable)
DARK = (1.0, 1.0, -30.0, -30.0)
"""Observables of a site that gave nothing: no specification is met by it."""


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
        number: eV, or the logarithm of counts/s.
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
MIN_RATE_COUNTS_S = 1e-3
"""Rates and limits below this are taken for this: the logarithm must exist."""

_RATE = {"red": Observable.LN_RED_RATE, "green": Observable.LN_GREEN_RATE}
_PEAK = {"red": Observable.RED_PEAK_EV, "green": Observable.GREEN_PEAK_EV}


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


def data_of(outcome: Outcome) -> tuple[Datum, ...]:
    """What an outcome says about the four observables, in a fixed order; empty for a failed instrument.

    The words of the bench refuse what is not a number; whoever goes round them (an import, another program) is not learnt
    from: a datum that is not finite is dropped, and the others stand.
    """
    return tuple(datum for datum in _told(outcome) if isfinite(datum.number) and isfinite(datum.sd))


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
