"""What a night was, as plain frozen data: all that figures and report look at, and no document beyond it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from beamline.analysis import Detector
from beamline.campaign import Campaign
from beamline.optimize import OptimizerStatus
from beamline.recipe import Coupon, HeatTreatment, Observation, Recipe, Site, Suggestion
from beamline.records import Quantities, SiteState

__all__ = [
    "CouponNight",
    "Decays",
    "Decision",
    "Exposures",
    "Furnace",
    "Held",
    "NightData",
    "Phase",
    "RunNote",
    "Said",
    "SiteNight",
    "Spectra",
]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class RunNote:
    """A run: what it was for, when, and how it ended; times in seconds since the night began."""

    uid: str
    purpose: str
    coupon: str
    begin_s: float
    end_s: float
    exit_status: str
    reason: str


@dataclass(frozen=True, slots=True)
class Phase:
    """A part of a coupon's time as it happened; `name` as in `beamline.campaign.estimate`."""

    name: str
    begin_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Furnace:
    """A heat treatment as the furnace's sensor saw it; every array has shape (samples,)."""

    uid: str
    treatment: HeatTreatment
    clock_s: Floats
    temperature_C: Floats
    setpoint_C: Floats


@dataclass(frozen=True, slots=True)
class Exposures:
    """What was fired: one entry a pass, every array of shape (passes,); `uids` of the writing runs."""

    uids: tuple[str, ...]
    clock_s: Floats
    site_names: tuple[str, ...]
    power_at_sample_W: Floats
    pulse_energy_uJ: Floats


@dataclass(frozen=True, slots=True)
class Spectra:
    """The raw spectra of a coupon.

    Attributes:
        uids: of the measurement runs; more than one where it was interrupted.
        wavelength_nm: shape (pixels,).
        counts: mean raw counts by site name, shape (pixels,) each.
        dark_counts: the dark that belongs to each, by site name; absent where none was taken.
        integration_s: of one exposure, by site name.
        n_averages: by site name.
        detector: its noise and range.
        clock_s: when each was taken, by site name.
        response: of the spectrometer, shape (pixels,); None where no calibration of it was valid.
    """

    uids: tuple[str, ...]
    wavelength_nm: Floats
    counts: dict[str, Floats]
    dark_counts: dict[str, Floats]
    integration_s: dict[str, float]
    n_averages: dict[str, int]
    detector: Detector
    clock_s: dict[str, float]
    response: Floats | None = None

    def rate_per_nm(self, site_name: str) -> Floats | None:
        """Dark-corrected counts per second and nm, shape (pixels,); None without a spectrum or a dark."""
        if site_name not in self.counts or site_name not in self.dark_counts:
            return None
        net = self.counts[site_name] - self.dark_counts[site_name]
        rate: Floats = net / self.integration_s[site_name] / np.gradient(self.wavelength_nm)
        if self.response is not None:
            rate = rate / self.response
        return rate


@dataclass(frozen=True, slots=True)
class Decays:
    """The decays of a coupon.

    Attributes:
        uids: of the measurement runs.
        events: by site name and filter, the table that the last of them stands in, and where.
    """

    uids: tuple[str, ...]
    events: dict[tuple[str, str], tuple[Quantities, int]]


@dataclass(frozen=True, slots=True)
class SiteNight:
    """One site: where it is, what was asked, how far it came, what was seen.

    Attributes:
        state: as the ledger has it.
        reason: why it is suspect; empty where it is not.
        observation: None where nothing was fired at it.
    """

    site: Site
    recipe: Recipe
    state: SiteState
    reason: str
    observation: Observation | None


@dataclass(frozen=True, slots=True)
class CouponNight:
    """One coupon's way through the night; a part that was never reached is None.

    Attributes:
        n_coupon: which of the night, from 1.
        planned_s: duration of each phase as estimated when it was suggested.
        furnaces: its heat treatment; in parts where it was interrupted.
    """

    coupon: Coupon
    n_coupon: int
    suggestion: Suggestion | None
    planned_s: dict[str, float]
    phases: tuple[Phase, ...]
    sites: tuple[SiteNight, ...]
    exposures: Exposures | None
    furnaces: tuple[Furnace, ...]
    spectra: Spectra | None
    decays: Decays | None = None

    @property
    def furnace(self) -> Furnace | None:
        """The heat treatment, its first part where it was interrupted."""
        return self.furnaces[0] if self.furnaces else None

    @property
    def observations(self) -> tuple[Observation, ...]:
        """What was observed, in the order of the sites."""
        return tuple(s.observation for s in self.sites if s.observation is not None)

    @property
    def heat_treatment(self) -> HeatTreatment | None:
        """The furnace programme as it was set, or was to be."""
        if self.furnace is not None:
            return self.furnace.treatment
        return None if self.suggestion is None else self.suggestion.heat_treatment

    @property
    def title(self) -> str:
        """Serial, glass and heat treatment, for labels."""
        heat = self.heat_treatment
        treated = f", {heat.temperature_C:.0f} °C, {heat.hold_s / 60:.0f} min" if heat else ""
        return f"{self.coupon.serial} ({self.coupon.glass.name}{treated})"


@dataclass(frozen=True, slots=True)
class Said:
    """What a person said to a suggestion, or the night when nobody did.

    Attributes:
        coupon: serial of the one that was suggested.
        what: in words: approved, rejected, edited and in what.
        by: who.
        interface: by which it came: "web", "command", "shell", "night"; empty where the records do not say.
        note: why.
    """

    coupon: str
    what: str
    by: str
    interface: str
    note: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What the optimiser believed and decided; `next_suggestion` is what it would do if the night went on.

    Attributes:
        said: what people said to its suggestions, in order; empty where nobody was asked.
    """

    uid: str
    clock_s: float
    n_coupon: int
    verdict: Literal["continue", "stop"]
    reason: str
    status: OptimizerStatus
    suggestion: Suggestion | None
    next_suggestion: Suggestion | None
    n_ingested: int
    said: tuple[Said, ...] = ()


@dataclass(frozen=True, slots=True)
class Held:
    """Something that held the night up, or was made good: a fault, a pause, an interruption.

    Attributes:
        clock_s: when.
        what: "fault", "pause" or "gone on".
        where: step and coupon, or the monitor.
        why: in the words of the device, or of the condition.
        then: what came of it.
    """

    clock_s: float
    what: Literal["fault", "pause", "gone on"]
    where: str
    why: str
    then: str


@dataclass(frozen=True, slots=True)
class NightData:
    """A night; times in simulated seconds since it began.

    Attributes:
        versions: of the code that ran it.
        instrument: name and kind ("twin" or "bench").
        start_time: wall time of the start with its zone, as text.
        campaign: the campaign file.
        parameters: the prior of the physics: by name, `nominal`, `spread`, `prior`, `unit`.
        expected_s: duration that was estimated before the start; None where the records have none.
        duration_s: from the first document to the last.
        coupons: in the order in which they were processed.
        decisions: in order; the last has the verdict "stop" where the night came to its end.
        runs: in order.
        problems: what is wrong with the records, in words.
        held: what held it up, in order.
        ended: how it ended in the words of its last run; empty where that was not written.
    """

    name: str
    uid: str
    versions: dict[str, str]
    instrument: dict[str, str]
    seed: int
    start_time: str
    campaign: Campaign
    parameters: dict[str, dict[str, object]]
    expected_s: float | None
    duration_s: float
    coupons: tuple[CouponNight, ...]
    decisions: tuple[Decision, ...]
    runs: tuple[RunNote, ...]
    problems: tuple[str, ...] = field(default=())
    held: tuple[Held, ...] = ()
    ended: str = ""

    @property
    def code_version(self) -> str:
        """Version of the code that ran the night."""
        return self.versions.get("vitrail", "unknown")

    @property
    def status(self) -> OptimizerStatus | None:
        """What the optimiser believed last."""
        return self.decisions[-1].status if self.decisions else None

    @property
    def n_from_prior(self) -> int:
        """Number of the coupon that was predicted by the prior alone; 0 where the night knew more from the start."""
        first = self.decisions[0] if self.decisions else None
        return first.n_coupon if first is not None and first.status.n_observations == 0 else 0

    @property
    def observed(self) -> tuple[tuple[CouponNight, SiteNight, Observation], ...]:
        """Every observed site in the order of the night."""
        return tuple((c, s, s.observation) for c in self.coupons for s in c.sites if s.observation is not None)
