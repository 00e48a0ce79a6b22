"""Lifetimes from the decays of a run: what the fit says of each phase, or why it says nothing.

The lifetime is the intensity average (the mean time of a photon after the pulse) of what decays between two pulses. Light that
hardly does, a component slower than half the time between them, is not told from the background, and is left out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from beamline.analysis import DecayError, DecayFit, fit_decay
from beamline.recipe import Lifetime, NoLifetime, Phase
from beamline.records import Quantities, Run

__all__ = ["decay_fit", "lifetime_of", "lifetimes_of"]

LARGEST_SD = 0.3
"""Share of a lifetime beyond which its uncertainty leaves nothing that could be called one."""
PHASES: tuple[Phase, ...] = ("red", "green")


def decay_fit(table: Quantities, i: int, *, n_components: int | None = None) -> DecayFit:
    """The fit of one event of the stream `decays`.

    Args:
        table: of the stream.
        i: which event.
        n_components: 1 to 3; None for as many as the data ask for.

    Raises:
        DecayError: there is none, and why.
    """
    return fit_decay(
        np.asarray(table["lifetime_counts"][i]),
        np.asarray(table["lifetime_response"][i]),
        float(table["lifetime_bin_width_ns"][i]),
        excitation_rate_kHz=float(table["lifetime_excitation_rate_kHz"][i]),
        acquisition_s=float(table["lifetime_acquisition_s"][i]),
        n_components=n_components,
    )


def lifetimes_of(run: Run) -> Mapping[str, tuple[Lifetime | NoLifetime, ...]]:
    """Of every site of a measurement run at which decays were counted, by its name; through filters of a phase only."""
    if "decays" not in run.streams:
        return {}
    table = run.table("decays")
    found: dict[str, dict[Phase, Lifetime | NoLifetime]] = {}
    for i, (name, one) in enumerate(zip(table["site_name"].tolist(), table["lifetime_filter"].tolist(), strict=True)):
        phase = next((phase for phase in PHASES if phase == one), None)
        if phase is not None:
            found.setdefault(name, {})[phase] = _of_event(table, i, phase)
    return {name: tuple(by_phase[phase] for phase in PHASES if phase in by_phase) for name, by_phase in found.items()}


def _of_event(table: Quantities, i: int, phase: Phase) -> Lifetime | NoLifetime:
    try:
        fit = decay_fit(table, i)
    except DecayError as error:
        return NoLifetime(phase=phase, reason=str(error))
    return lifetime_of(fit, phase, 1e6 / float(table["lifetime_excitation_rate_kHz"][i]))


def lifetime_of(fit: DecayFit, phase: Phase, period_ns: float) -> Lifetime | NoLifetime:
    """The lifetime that a fit says, or why it says none.

    Args:
        fit: of the decay.
        phase: whose light it was.
        period_ns: between two pulses.
    """
    is_prompt = fit.lifetimes_ns < 0.5 * period_ns
    if not is_prompt.any():
        return NoLifetime(phase=phase, reason=f"nothing decays between pulses that are {period_ns:g} ns apart")
    share = np.where(is_prompt, fit.photons, 0.0)
    n_photons = float(share.sum())
    share = share / n_photons
    lifetime_ns = float(share @ fit.lifetimes_ns)
    # First order in the logarithms of photons and lifetimes.
    by_lifetime = share * fit.lifetimes_ns / lifetime_ns
    gradient = np.concatenate((by_lifetime - share, by_lifetime))
    sd_ns = lifetime_ns * math.sqrt(max(float(gradient @ fit.covariance @ gradient), 0.0))
    if not sd_ns <= LARGEST_SD * lifetime_ns:
        return NoLifetime(
            phase=phase,
            reason=(
                f"{lifetime_ns:.3g} ns with an uncertainty of {sd_ns:.2g} ns, of {fit.counts.sum():.0f} photons: too few to "
                "tell; count for longer"
            ),
        )
    return Lifetime(phase=phase, lifetime_ns=lifetime_ns, lifetime_sd_ns=sd_ns, n_photons=n_photons)
