"""What one campaign has learnt, as the prior of the next: with forgetting, so that a change between the two does no harm.

Between the campaigns every number is let drift towards the prior of the tables, as an Ornstein-Uhlenbeck process would whose
stationary law that prior is: with a^2 = 1 - forgetting, mean = tables + a (learnt - tables) and
covariance = a^2 learnt + (1 - a^2) tables. So nothing, however well it was known, is surer than sqrt(forgetting) prior
sigmas, and what was not learnt stays as it was. The numbers of the spectrometer forget more: it is aligned anew.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from beamline import physics
from beamline.optimize.knowledge import Knowledge
from beamline.optimize.predictions import rounded
from beamline.optimize.prior import INSTRUMENT, SPREAD_SCALE, Latent, PhysicsPrior
from beamline.physics.parameter_file import edits_of

__all__ = ["FORGETTING", "INSTRUMENT_FORGETTING", "as_prior", "drifted", "prior_text"]

Floats = npt.NDArray[np.float64]

FORGETTING: Final = 0.05
"""Share of its prior variance by which each parameter is uncertain anew."""
INSTRUMENT_FORGETTING: Final = 0.2
"""The same for the spectrometer's numbers."""
_DIGITS = 9
_LEAST_CORRELATION = 1e-4


def as_prior(
    knowledge: Knowledge,
    *,
    learned_from: tuple[str, ...],
    forgetting: float = FORGETTING,
    instrument_forgetting: float = INSTRUMENT_FORGETTING,
    tables: physics.Prior = physics.PRIOR,
) -> physics.Prior:
    """A posterior as a prior for the optimiser, which takes the spreads of its parameters at `SPREAD_SCALE`.

    Args:
        knowledge: the posterior.
        learned_from: uids of the campaigns that it is of.
        forgetting: 0: nothing is forgotten, 1: all of it is.
        instrument_forgetting: the same for the spectrometer's numbers.
        tables: the prior that is drifted towards.

    Raises:
        ValueError: a share is not between 0 and 1, or the numbers are not those of the tables, of the same kind.
    """
    for name, share in (("forgetting", forgetting), ("instrument_forgetting", instrument_forgetting)):
        if not 0.0 <= share <= 1.0:
            raise ValueError(f"{name}={share!r}: a share between 0 (nothing is forgotten) and 1 (all of it is)")
    before = PhysicsPrior(SPREAD_SCALE, replace(tables, instrument=()))
    if [(one.name, one.prior) for one in knowledge.latents] != [(one.name, one.prior) for one in before.latents]:
        raise ValueError(
            "what was learnt is not of the numbers of these tables, or a parameter's kind of prior differs"
        )
    mean, covariance = _on_scale(knowledge.latents, knowledge.mean, knowledge.covariance)
    nothing, wide = _on_scale(before.latents, np.zeros(len(mean)), before.mixing @ before.mixing.T)
    is_instrument = np.arange(len(mean)) >= len(tables.parameters)
    fresh = np.where(is_instrument, instrument_forgetting, forgetting)
    kept = np.sqrt(1.0 - fresh)
    mean = nothing + kept * (mean - nothing)
    covariance = np.outer(kept, kept) * covariance + np.sqrt(np.outer(fresh, fresh)) * wide
    return _prior_of(tables, mean, covariance, learned_from)


def drifted(prior: physics.Prior, forgetting: float, *, tables: physics.Prior = physics.PRIOR) -> physics.Prior:
    """A prior after so much of it was forgotten.

    Raises:
        ValueError: as `as_prior`.
    """
    own = PhysicsPrior(SPREAD_SCALE, prior)
    knowledge = Knowledge(own.latents, np.zeros(len(own.latents)), own.mixing @ own.mixing.T)
    return as_prior(
        knowledge,
        learned_from=prior.learned_from,
        forgetting=forgetting,
        instrument_forgetting=forgetting,
        tables=tables,
    )


def prior_text(prior: physics.Prior, of: str) -> str:
    """A learnt prior as the text of a parameter file.

    Args:
        prior: of `as_prior`.
        of: where it was learnt, for whoever opens the file.
    """
    return (
        f"# What was learnt: {of}.\n"
        "# A prior for the next campaign: name this file as `parameters` in the [optimizer] table of its campaign file.\n"
        f"# Spreads are as in `vitrail physics parameters`; the optimiser takes {SPREAD_SCALE:g} of those of [parameters].\n\n"
        f"{edits_of(prior)}"
    )


def _on_scale(latents: tuple[Latent, ...], mean: Floats, covariance: Floats) -> tuple[Floats, Floats]:
    """Scores as logarithms (lognormal) or values, whatever prior they were of."""
    spread = np.array([one.spread for one in latents])
    return np.array([one.centre for one in latents]) + spread * mean, np.outer(spread, spread) * covariance


def _prior_of(tables: physics.Prior, mean: Floats, covariance: Floats, learned_from: tuple[str, ...]) -> physics.Prior:
    sd = np.sqrt(np.diag(covariance))
    n = len(tables.parameters)
    parameters = tuple(
        replace(
            one,
            nominal=rounded(np.exp(at) if one.prior == "lognormal" else at, _DIGITS),
            spread=rounded(size / SPREAD_SCALE, _DIGITS),
        )
        for one, at, size in zip(tables.parameters, mean[:n], sd[:n], strict=True)
    )
    instrument = tuple(
        physics.InstrumentNumber(_name(one), rounded(np.exp(at), _DIGITS), rounded(size, _DIGITS))
        for one, at, size in zip(INSTRUMENT, mean[n:], sd[n:], strict=True)
    )
    names = [*(one.name for one in parameters), *(one.name for one in instrument)]
    correlation = covariance / np.outer(sd, sd)
    least = _LEAST_CORRELATION
    while True:
        rows, columns = np.nonzero(np.triu(np.abs(correlation) >= least, 1))
        told = {(names[i], names[j]): float(np.round(correlation[i, j], 7)) for i, j in zip(rows, columns, strict=True)}
        try:
            return physics.Prior(parameters, told, instrument, learned_from)
        except ValueError:
            # What is known very well together is so by many small correlations: then they are needed too.
            if least < 1e-9:
                raise
            least /= 10.0


def _name(latent: Latent) -> Any:
    """Of one of the spectrometer's numbers; `physics` knows no others."""
    return latent.name
