"""A small model of a bench that costs nothing, and what the optimiser's tests are made of."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import ModuleType

import numpy as np
import numpy.typing as npt
import pytest

from beamline.optimize.evidence import Sites
from beamline.optimize.prior import Grid, Latent, Sensitivity
from beamline.recipe import (
    Band,
    Coupon,
    Dot,
    Failed,
    Glass,
    HeatStep,
    HeatTreatment,
    Line,
    Luminescence,
    NoLuminescence,
    Observation,
    Outcome,
    Site,
    Suggestion,
    hc_eV_nm,
)

Floats = npt.NDArray[np.float64]

FAILED = Failed(reason="the shutter did not open")
GLASS = Glass(name="BrI", bromide=1.5, iodide=1.5)
LATENTS = ("peak", "peak_by_dose", "ratio", "ratio_by_dose", "collection")


@dataclass(frozen=True)
class SmallPrior:
    """Peak and ratio move with writing dose and furnace temperature; linear in the latents, so that answers are known."""

    @property
    def latents(self) -> tuple[Latent, ...]:
        return tuple(Latent(name, name, "1", 1.0, 0.1, "lognormal") for name in LATENTS)

    @property
    def mixing(self) -> Floats:
        return np.eye(len(LATENTS))

    def observables(self, latent: Floats, sites: Sites) -> Floats:
        energy = np.array([np.log(writing.pulse_energy_uJ / 150.0) for writing in sites.writings])
        time = np.array(
            [np.log(w.exposure_s / 3.0) if isinstance(w, Dot) else -np.log(w.speed_mm_s / 0.6) for w in sites.writings]
        )
        hot = (np.where(sites.steps[:, :, 1] > 0, sites.steps[:, :, 0], 0.0).max(axis=1) - 400.0) / 150.0
        dose = time + energy
        z = latent[:, :, None]
        out = np.empty((len(latent), len(sites), 4))
        iodide = sites.iodide_fraction - 0.5
        out[..., 0] = 2.0 - 0.03 * hot - 0.012 * dose - 0.1 * iodide + 0.02 * z[:, 0] + 0.006 * z[:, 1] * dose
        out[..., 1] = 2.41 - 0.002 * hot
        ratio = 0.4 - 0.8 * dose - 0.4 * hot - 2.0 * iodide + 0.5 * z[:, 2] + 0.2 * z[:, 3] * dose
        out[..., 2] = 9.0 + 0.5 * energy + 2.0 * z[:, 4] - 0.5 * ratio
        out[..., 3] = 9.0 + 0.5 * energy + 2.0 * z[:, 4] + 0.5 * ratio
        return out

    def sensitivity(self, latent: Floats, sites: Sites, *, with_latents: bool = True) -> Sensitivity:
        at = np.vstack([latent, latent + np.eye(len(latent))]) if with_latents else latent[None]
        values = self.observables(at, sites)
        by_latent = (
            np.moveaxis(values[1:] - values[0], 0, -1) if with_latents else np.zeros((len(sites), 4, len(latent)))
        )
        flat = np.zeros((len(sites), 4))
        by_energy = flat + np.array([-0.012, 0.0, 0.9, 0.1])
        by_iodide = flat + np.array([-0.1, 0.0, 1.0, -1.0])
        return Sensitivity(values[0], by_latent, by_energy, by_iodide)

    def write(self, latent: Floats, sites: Sites) -> Grid:
        return _SmallGrid(self, latent, sites)

    def direct_data(self, sites: Sites) -> tuple[Floats, Floats, Floats]:
        del sites
        return np.zeros((0, len(LATENTS))), np.zeros(0), np.zeros(0)


@dataclass(frozen=True)
class _SmallGrid:
    prior: SmallPrior
    latent: Floats
    sites: Sites

    def anneal(self, steps: Floats) -> Floats:
        m = len(self.sites)
        sites = Sites(
            self.sites.writings,
            self.sites.iodide_fraction,
            self.sites.power_at_sample_W,
            np.broadcast_to(steps, (m, *steps.shape)),
        )
        return self.prior.observables(self.latent, sites)


def luminescence(peak_nm: float = 630.0, ratio: float = 1.0, rate: float = 5000.0, sd: float = 0.02) -> Luminescence:
    """Both bands, with relative noise `sd` of the rates; a ratio of 0 leaves the green band out."""
    red = Band(
        phase="red",
        peak_eV=hc_eV_nm / peak_nm,
        peak_sd_eV=0.001,
        fwhm_eV=0.09,
        fwhm_sd_eV=0.001,
        rate_counts_s=rate,
        rate_sd_counts_s=sd * rate,
    )
    green = red.model_copy(
        update={"phase": "green", "peak_eV": 2.41, "rate_counts_s": ratio * rate, "rate_sd_counts_s": sd * ratio * rate}
    )
    return Luminescence(bands=(red, green) if ratio else (red,), rate_limit_counts_s=50.0, reduced_chi2=1.0)


def observation(
    outcome: Outcome,
    *,
    coupon: str = "C1",
    site: str = "S1",
    speed_mm_s: float = 0.6,
    pulse_energy_uJ: float = 150.0,
    temperature_C: float = 450.0,
    glass: Glass = GLASS,
    power_at_sample_W: float | None = None,
) -> Observation:
    """What came of one line on one coupon."""
    return Observation(
        site=Site(coupon=coupon, name=site, x_mm=1.0, y_mm=1.0),
        glass=glass,
        writing=Line(pulse_energy_uJ=pulse_energy_uJ, speed_mm_s=speed_mm_s),
        heat_history=HeatTreatment(temperature_C=temperature_C, hold_s=3600.0).steps(),
        outcome=outcome,
        power_at_sample_W=power_at_sample_W,
    )


def layout_of(n: int) -> Callable[[Coupon], Sequence[Site]]:
    """A layout of n sites."""
    return lambda coupon: [Site(coupon=coupon.serial, name=f"S{i:02d}", x_mm=1.0 + i, y_mm=1.0) for i in range(n)]


def rack(n: int, glass: Glass = GLASS, first: int = 1) -> list[Coupon]:
    """Fresh coupons."""
    return [Coupon(serial=f"C{i + first}", glass=glass) for i in range(n)]


def answered(
    suggestion: Suggestion, outcome: Callable[[int], Outcome], history: Sequence[HeatStep] | None = None
) -> list[Observation]:
    """Observations of a suggestion; `outcome` gives those of the sites by number."""
    steps = tuple(suggestion.heat_treatment.steps() if history is None else history)
    return [
        Observation(
            site=site.site,
            glass=suggestion.coupon.glass,
            writing=site.writing,
            heat_history=steps,
            outcome=outcome(i),
        )
        for i, site in enumerate(suggestion.sites)
    ]


def answered_by(
    prior: SmallPrior, suggestion: Suggestion, latent: Floats, rng: np.random.Generator
) -> list[Observation]:
    """Observations of a suggestion on a bench that is the small model under some latents, with its noise."""
    steps = np.array([[step.temperature_C, step.duration_s] for step in suggestion.heat_treatment.steps()])
    m = len(suggestion.sites)
    sites = Sites(
        tuple(site.writing for site in suggestion.sites),
        np.full(m, suggestion.coupon.glass.iodide_fraction),
        np.zeros(m),
        np.broadcast_to(steps, (m, *steps.shape)),
    )
    true = prior.observables(latent[None], sites)[0]

    def outcome(i: int) -> Outcome:
        red, green = np.exp(true[i, 2:] + 0.02 * rng.standard_normal(2))
        if red < 50.0:
            return NoLuminescence(rate_limit_counts_s=50.0)
        return luminescence(hc_eV_nm / (true[i, 0] + 0.001 * rng.standard_normal()), green / red, red)

    return answered(suggestion, outcome)


@pytest.fixture(scope="session")
def kit() -> ModuleType:
    """This module: test files are not a package, so its functions come as a fixture."""
    return sys.modules[__name__]
