"""The physics model as the mean of the surrogates: conditions and uncertain parameters in, modelled observables out.

The uncertain parameters are standard normal coordinates ("latents"): those of the physics prior, whitened, and three of
the spectrometer, which turn emitted photons into counts. A furnace that is some degrees off needs none of its own: within
the range of a campaign it cannot be told from the rate constants of the furnace, which are uncertain by more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from beamline import physics
from beamline.optimize.evidence import Sites
from beamline.optimize.observables import N_OBSERVABLES
from beamline.recipe import Dot, Line

__all__ = ["INSTRUMENT", "SILENT", "Grid", "Latent", "PhysicsPrior", "Prior", "Sensitivity", "writing_sites"]

Floats = npt.NDArray[np.float64]

SPREAD_SCALE: Final = 0.5
"""Factor on the parameters' spreads. The nominal set is calibrated jointly to the paper, the spreads are of single
parameters, from the literature or assumed. At full spread the red peak of the paper's own setting ranges over 75 nm between
the 10th and the 90th percentile, which contradicts that it is known to be 613 nm (P14); half the spread leaves 20-40 nm."""

FURTHEST: Final = 6.0
"""Prior sigmas (half spreads) beyond which no parameter goes."""
LN_RATE_PER_PHOTON: Final = 9.0
"""Logarithm of counts/s for one photon unit of the model. Unknown before the first coupon: `COLLECTION_SD` leaves a factor
of twenty either way."""
COLLECTION_SD: Final = 3.0
GREEN_OVER_RED_SD: Final = 0.10
"""Of the ratio of the detection efficiencies of the two bands (grating, detector, filter edge)."""
DOT_OVER_LINE_SD: Final = 1.0
"""Of the collection of a dot against a micrometre of line."""
TRANSMISSION_SD: Final = 0.03
"""Of one measured power over set energy times repetition rate."""

EMISSION: Final = ("red_peak_eV", "green_peak_eV", "red_intensity", "green_intensity")
PROMPT: Final = tuple(
    f"{phase}_{part}_{number}"
    for phase in ("red", "green")
    for part in ("fast", "main")
    for number in ("amplitude", "lifetime_ns")
)
"""What lifetimes are of: a counter takes the late light, of microseconds, for background between its pulses."""

OF_LIFETIMES: Final = frozenset({"lifetime_Br_ns", "lifetime_mixed_ns", "lifetime_I_ns", "lifetime_quenching"})
"""Parameters of which the lifetimes depend, and neither peaks nor rates."""
SILENT: Final = (
    frozenset(
        {
            "laser_activation",
            "visible_share",
            "TEM_ratio",
            "homogeneous_fwhm_eV",
            "size_dispersion",
            "iodide_dispersion",
            "band_asymmetry",
            "lattice_Br_A",
            "lattice_I_A",
            "delayed_lifetime_ns",
        }
    )
    | OF_LIFETIMES
)
"""Parameters of which peaks and rates do not depend: widths, lifetimes, what a microscope or a diffractometer would see. A test
holds it against the model."""

DARKEST: Final = 1e-9
"""Intensity under which a band is as good as absent: the logarithm must exist."""


@dataclass(frozen=True)
class Latent:
    """Name of one uncertain number, and how its coordinate z maps to it (median and one-sigma value)."""

    name: str
    symbol: str
    unit: str
    nominal: float
    spread: float
    prior: str

    def value(self, score: float) -> float:
        """The number at a score: prior sigmas from its median."""
        moved = score * self.spread
        return float(self.nominal * np.exp(moved) if self.prior == "lognormal" else self.nominal + moved)

    @property
    def centre(self) -> float:
        """Where its scale has score 0: the logarithm of the median where the prior is lognormal."""
        return float(np.log(self.nominal)) if self.prior == "lognormal" else self.nominal


INSTRUMENT: Final = (
    Latent("collection_counts_s", "c", "counts/s", float(np.exp(LN_RATE_PER_PHOTON)), COLLECTION_SD, "lognormal"),
    Latent("green_over_red_detection", "c_G/c_R", "1", 1.0, GREEN_OVER_RED_SD, "lognormal"),
    Latent("dot_over_line_collection", "c_dot/c_line", "1", 1.0, DOT_OVER_LINE_SD, "lognormal"),
)
"""The spectrometer's numbers, as long as no campaign has said anything of them."""


@dataclass(frozen=True)
class Sensitivity:
    """Observables of m sites under one set of latents, and their derivatives.

    Attributes:
        value: (m, 4).
        latent: by latent coordinate, (m, 4, n_latent).
        log_energy: by the logarithm of the pulse energy, (m, 4).
        iodide: by the iodide fraction of the glass, (m, 4).
    """

    value: Floats
    latent: Floats
    log_energy: Floats
    iodide: Floats


class Grid(Protocol):
    """Sites written once, to be annealed in many ways."""

    def anneal(self, steps: Floats) -> Floats:
        """Observables after a heat history (k, 2) that all sites share: (s, m, 4)."""


class Prior(Protocol):
    """What the posterior and the acquisition need of a model of the bench."""

    @property
    def latents(self) -> tuple[Latent, ...]:
        """The uncertain numbers, each a standard normal coordinate under the prior."""

    def observables(self, latent: Floats, sites: Sites) -> Floats:
        """Observables of m sites under s sets of latents (s, n_latent): (s, m, 4)."""

    def sensitivity(self, latent: Floats, sites: Sites, *, with_latents: bool = True) -> Sensitivity:
        """Observables and derivatives under one set of latents (n_latent,)."""

    def write(self, latent: Floats, sites: Sites) -> Grid:
        """The sites as written, under s sets of latents; their heat histories do not matter."""

    def direct_data(self, sites: Sites) -> tuple[Floats, Floats, Floats]:
        """What is known of latents without a spectrum: rows (r, n_latent), values (r,) and sds (r,)."""

    @property
    def mixing(self) -> Floats:
        """What turns latents into scores, the numbers' own prior sigmas from their medians: (n_latent, n_latent)."""


class PhysicsPrior:
    """`beamline.physics` behind the protocol.

    Args:
        scale: factor on the spreads of the parameters.
        prior: of the parameters; the package's by default, `beamline.physics.parameter_file` reads others.
        n_observables: that are modelled.
    """

    def __init__(
        self,
        scale: float = SPREAD_SCALE,
        prior: physics.Prior = physics.PRIOR,
        n_observables: int = N_OBSERVABLES,
    ) -> None:
        self.scale = scale
        self.prior = prior
        self.n_observables = n_observables

    @cached_property
    def latents(self) -> tuple[Latent, ...]:
        """Physics parameters (spreads already scaled), then the spectrometer's three."""
        of_physics = tuple(
            Latent(p.name, p.symbol, p.unit, p.nominal, p.spread * self.scale, p.prior) for p in self.prior.parameters
        )
        carried = {number.name: number for number in self.prior.instrument}
        of_instrument = tuple(
            replace(one, nominal=carried[one.name].nominal, spread=carried[one.name].spread)
            if one.name in carried
            else one
            for one in INSTRUMENT
        )
        return (*of_physics, *of_instrument)

    @cached_property
    def mixing(self) -> Floats:
        """What turns latents into scores: numbers that hang together in the prior are mixed (n_latent, n_latent)."""
        names = [latent.name for latent in self.latents]
        at = [names.index(name) for name in self.prior.all_names]
        mixing = np.eye(len(names))
        mixing[np.ix_(at, at)] = self.prior.mixing
        return mixing

    @cached_property
    def _n_physics(self) -> int:
        return len(self.latents) - 3

    def _settings(self, sites: Sites) -> npt.NDArray[np.void]:
        return physics.settings(sites.writings, sites.iodide_fraction, sites.power_at_sample_W)

    def _parameters(self, latent: Floats) -> npt.NDArray[np.void]:
        # Further out the kernels' exponentials have no meaning; the optimiser's steps may try.
        return self.prior.from_standard(np.clip(latent[:, : self._n_physics], -FURTHEST, FURTHEST), self.scale)

    def _counted(self, latent: Floats, writings: Sequence[Dot | Line], emitted: npt.NDArray[np.void]) -> Floats:
        """Emission of the model as seen by the spectrometer: (s, m) observables -> (s, m, 4)."""
        scores = latent @ self.mixing[self._n_physics :].T
        numbers = self.latents[self._n_physics :]
        ln_collection, ln_tilt, ln_dot = (
            np.log(number.nominal) + number.spread * scores[:, i, None] for i, number in enumerate(numbers)
        )
        is_dot = np.array([isinstance(writing, Dot) for writing in writings], dtype=float)
        collection = ln_collection + ln_dot * is_dot
        half_tilt = 0.5 * ln_tilt
        out = np.empty((*emitted.shape, self.n_observables))
        out[..., 0] = emitted["red_peak_eV"]
        out[..., 1] = emitted["green_peak_eV"]
        out[..., 2] = np.log(np.maximum(emitted["red_intensity"], DARKEST)) + collection - half_tilt
        out[..., 3] = np.log(np.maximum(emitted["green_intensity"], DARKEST)) + collection + half_tilt
        if self.n_observables > N_OBSERVABLES:
            out[..., 4] = np.log(_prompt_ns(emitted, "red"))
            out[..., 5] = np.log(_prompt_ns(emitted, "green"))
        return out

    def observables(self, latent: Floats, sites: Sites) -> Floats:
        """Observables of m sites under s sets of latents (s, n_latent): (s, m, 4)."""
        return self._emission(latent, sites, self._settings(sites))

    def _emission(self, latent: Floats, sites: Sites, settings: npt.NDArray[np.void]) -> Floats:
        parameters = self._parameters(latent)
        out = np.empty((len(latent), len(sites), self.n_observables))
        for here, steps in _by_history(sites.steps):
            emitted = physics.predict(settings[here], steps, parameters, fields=self._fields)
            out[:, here] = self._counted(latent, [sites.writings[j] for j in here], emitted)
        return out

    def sensitivity(self, latent: Floats, sites: Sites, *, with_latents: bool = True) -> Sensitivity:
        """Observables and derivatives by finite differences under one set of latents (n_latent,).

        Args:
            latent: where.
            sites: m of them.
            with_latents: False leaves out the costly derivatives by the latents (zeros instead).
        """
        step, n = 0.05, len(latent)
        moved = latent[None, :] + np.vstack([np.zeros(n), step * np.eye(n)])
        acting = self._acting if with_latents else self._acting[:0]
        settings = self._settings(sites)
        values = self._emission(moved[np.concatenate([[0], 1 + acting])], sites, settings)
        by_latent = np.zeros((len(sites), self.n_observables, n))
        by_latent[:, :, acting] = np.moveaxis((values[1:] - values[0]) / step, 0, -1)
        if with_latents:
            by_latent += self._by_instrument(sites.writings)

        warmer = settings.copy()
        warmer["pulse_energy_uJ"] *= 0.98
        warmer["power_at_sample_W"] *= 0.98
        richer = settings.copy()
        toward = np.where(settings["iodide_fraction"] > 0.5, -0.01, 0.01)
        richer["iodide_fraction"] += toward
        by_energy = self._emission(latent[None, :], sites, warmer)[0] - values[0]
        by_iodide = self._emission(latent[None, :], sites, richer)[0] - values[0]
        # A glass without one of the halides has none of it to gain, and the logarithm of a band that it lacks no slope.
        is_mixed = (settings["iodide_fraction"] > 0.0) & (settings["iodide_fraction"] < 1.0)
        by_iodide = np.where(is_mixed[:, None], by_iodide / toward[:, None], 0.0)
        return Sensitivity(values[0], by_latent, by_energy / np.log(0.98), by_iodide)

    @cached_property
    def _fields(self) -> tuple[str, ...]:
        """Of the physics, what is looked at."""
        return EMISSION if self.n_observables == N_OBSERVABLES else (*EMISSION, *PROMPT)

    @cached_property
    def _acting(self) -> npt.NDArray[np.int64]:
        """Latents that move a parameter of which emission depends; of the others no derivatives need be taken."""
        silence = SILENT if self.n_observables == N_OBSERVABLES else SILENT - OF_LIFETIMES
        silent = np.array([latent.name in silence for latent in self.latents[: self._n_physics]])
        moves = self.mixing[: self._n_physics, : self._n_physics][~silent] != 0.0
        return np.flatnonzero(moves.any(axis=0))

    def _by_instrument(self, writings: Sequence[Dot | Line]) -> Floats:
        """Derivatives by the latents that only move the spectrometer's numbers: exact, (m, 4, n_latent)."""
        still = np.setdiff1d(np.arange(len(self.latents)), self._acting)
        dark = np.ones((1, len(writings)), dtype=[(name, float) for name in self._fields])
        out = np.zeros((len(writings), self.n_observables, len(self.latents)))
        at = np.vstack([np.zeros(len(self.latents)), np.eye(len(self.latents))[still]])
        counted = self._counted(at, writings, np.broadcast_to(dark, (len(at), len(writings))))
        out[:, :, still] = np.moveaxis(counted[1:] - counted[0], 0, -1)
        return out

    def write(self, latent: Floats, sites: Sites) -> Grid:
        """The sites as written, under s sets of latents; their heat histories do not matter."""
        parameters = self._parameters(latent)
        return _Written(self, latent, sites, parameters, physics.write(self._settings(sites), parameters))

    def direct_data(self, sites: Sites) -> tuple[Floats, Floats, Floats]:
        """A measured power says what the optics let through: one row, the mean over the sites where it was measured."""
        measured = sites.power_at_sample_W > 0
        rows = np.zeros((int(measured.any()), len(self.latents)))
        if not measured.any():
            return rows, np.zeros(0), np.zeros(0)
        index = next(i for i, latent in enumerate(self.latents) if latent.name == "optical_transmission")
        transmission = self.latents[index]
        set_W = np.array([writing.pulse_energy_uJ * writing.repetition_rate_kHz * 1e-3 for writing in sites.writings])
        seen = np.log(sites.power_at_sample_W[measured] / set_W[measured] / transmission.nominal)
        rows[0] = transmission.spread * self.mixing[index]
        sd = np.hypot(TRANSMISSION_SD / np.sqrt(measured.sum()), 0.01)
        return rows, np.array([seen.mean()]), np.array([sd])


@dataclass(frozen=True)
class _Written:
    prior: PhysicsPrior
    latent: Floats
    sites: Sites
    parameters: npt.NDArray[np.void]
    states: npt.NDArray[np.void]

    def anneal(self, steps: Floats) -> Floats:
        emitted = physics.observe(physics.heat(self.states, steps, self.parameters), self.parameters)
        return self.prior._counted(self.latent, self.sites.writings, emitted)  # noqa: SLF001  # the other half of one class


def _prompt_ns(emitted: npt.NDArray[np.void], phase: str) -> Floats:
    """Mean time of a photon of the two quicker components: sum a t^2 / sum a t, ns."""
    weighted = [
        (emitted[f"{phase}_{part}_amplitude"], emitted[f"{phase}_{part}_lifetime_ns"]) for part in ("fast", "main")
    ]
    photons = sum(amplitude * tau_ns for amplitude, tau_ns in weighted)
    times = sum(amplitude * tau_ns**2 for amplitude, tau_ns in weighted)
    return np.asarray(times / photons)


def _by_history(steps: Floats) -> list[tuple[list[int], Floats]]:
    """Sites by heat history (m, k, 2): the model prepares a history that many share only once for all of them."""
    found: dict[bytes, list[int]] = {}
    for i, history in enumerate(steps):
        found.setdefault(history.tobytes(), []).append(i)
    return [(here, steps[here[0]]) for here in found.values()]


def writing_sites(writings: tuple[Dot | Line, ...], iodide_fraction: float, steps: Floats) -> Sites:
    """Conditions of writings on one glass that share a heat history (k, 2); no power was measured yet."""
    m = len(writings)
    return Sites(writings, np.full(m, iodide_fraction), np.zeros(m), np.broadcast_to(steps, (m, *steps.shape)).copy())
