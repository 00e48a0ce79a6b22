"""The words of the project, frozen: glass, coupon, site, writing, heat treatment, recipe, measurement, outcome, suggestion.

Everything that is passed between the rooms is one of these. They are immutable, validated when they are made, and
round-trip through JSON (`to_json` / `from_json`) and TOML (`to_toml` / `from_toml`). A number carries its unit in its name;
the same unit, with the bounds, stands in the field's metadata, from which error messages and the reference pages are made.

Sources: P-numbers are the facts of the paper (docs/explanation/paper.md).
"""

from __future__ import annotations

import tomllib
from typing import Annotated, Any, Literal, Self

import tomli_w
from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.fields import FieldInfo

__all__ = [
    "Band",
    "Coupon",
    "DecayMeasurement",
    "Dot",
    "Failed",
    "Frozen",
    "Glass",
    "HeatStep",
    "HeatTreatment",
    "Lifetime",
    "Line",
    "Luminescence",
    "Measurement",
    "NoLifetime",
    "NoLuminescence",
    "Observation",
    "Outcome",
    "Phase",
    "Prediction",
    "Recipe",
    "Saturated",
    "Serial",
    "Site",
    "SiteSuggestion",
    "Suggestion",
    "Writing",
    "hc_eV_nm",
    "quantity",
]

hc_eV_nm = 1239.841984
"""Planck constant times speed of light: wavelength_nm = hc_eV_nm / energy_eV (CODATA 2018, exact to the digits shown)."""

ROOM_TEMPERATURE_C = 25.0
"""Temperature at which a coupon is handled, written and measured."""


def quantity(unit: str, about: str = "", **bounds: float) -> FieldInfo:
    """Metadata of a finite number: its unit, what it is, and its bounds (`ge`, `gt`, `le`, `lt`).

    An integer is taken for a float; a string, a boolean, NaN and infinity are refused.
    """
    field: FieldInfo = Field(
        strict=True, allow_inf_nan=False, description=about or None, json_schema_extra={"unit": unit}, **bounds
    )  # type: ignore[call-overload]  # the bounds are pydantic's own keywords, given by name
    return field


class Frozen(BaseModel):
    """Base of the words: immutable, unknown keys refused, equal by value, hashable."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    def to_json(self) -> str:
        """One line of JSON with sorted, minimal fields; equal objects give equal text."""
        return self.model_dump_json(exclude_none=True)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Inverse of `to_json`.

        Raises:
            pydantic.ValidationError: the text is not JSON or not one of these.
        """
        return cls.model_validate_json(text)

    def to_toml(self) -> str:
        """The same as TOML text."""
        # A text of many lines (an edited parameter file) as lines: readers refuse a file with a line of thousands of characters.
        return tomli_w.dumps(self.model_dump(mode="json", exclude_none=True), multiline_strings=True)

    @classmethod
    def from_toml(cls, text: str) -> Self:
        """Inverse of `to_toml`.

        Raises:
            tomllib.TOMLDecodeError: the text is not TOML.
            pydantic.ValidationError: it is not one of these.
        """
        return cls.model_validate(tomllib.loads(text))


Serial = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,31}$")]
"""A name that may become part of a file name: letters, digits, `_ . -`, at most 32, beginning with a letter or digit."""


# --------------------------------------------------------------------------------------------------------- material
class Glass(Frozen):
    """A borosilicate precursor glass doped with Cs, Pb and halides (P4)."""

    name: Serial
    bromide: Annotated[float, quantity("mol (as batched)", "bromide in the batch", ge=0, le=100)]
    iodide: Annotated[float, quantity("mol (as batched)", "iodide in the batch", ge=0, le=100)]

    @model_validator(mode="after")
    def _has_halide(self) -> Self:
        if self.bromide + self.iodide <= 0:
            msg = f"glass {self.name!r} holds no halide: bromide and iodide are both 0; give at least one of them"
            raise ValueError(msg)
        return self

    @property
    def iodide_fraction(self) -> float:
        """I / (Br + I) of the batch, 0 to 1: the `y` of the physics model."""
        return self.iodide / (self.bromide + self.iodide)


class Coupon(Frozen):
    """One piece of glass, with a serial number."""

    serial: Serial
    glass: Glass
    width_mm: Annotated[float, quantity("mm", "extent along x", gt=0, le=100)] = 20.0
    height_mm: Annotated[float, quantity("mm", "extent along y", gt=0, le=100)] = 20.0


class Site(Frozen):
    """A place on a coupon, by name, with its centre measured from the coupon's lower left corner."""

    coupon: Serial
    name: Serial
    x_mm: Annotated[float, quantity("mm", ge=0, le=100)]
    y_mm: Annotated[float, quantity("mm", ge=0, le=100)]


# ---------------------------------------------------------------------------------------------------------- recipes
class _Writing(Frozen):
    pulse_energy_uJ: Annotated[float, quantity("uJ", "set pulse energy, before the optics", ge=1, le=400)]
    n_passes: Annotated[int, Field(strict=True, ge=1, le=10, json_schema_extra={"unit": "passes"})] = 1
    depth_mm: Annotated[float, quantity("mm", "focus below the surface (P1: 0.2 mm)", ge=0.02, le=1)] = 0.2
    repetition_rate_kHz: Annotated[float, quantity("kHz", "P1: 10 kHz", ge=1, le=1000)] = 10.0


class Dot(_Writing):
    """A dot: the beam rests for `exposure_s` on one place."""

    mode: Literal["dot"] = "dot"
    exposure_s: Annotated[float, quantity("s", "exposure per pass (P11: below 1 s nothing luminesces)", gt=0, le=60)]


class Line(_Writing):
    """A line of `length_mm` along x, centred on its site, written at constant speed.

    The upper bound of the speed is the validity of the quasi-static heat solution (1-2 % at 2 mm/s, 50 % at 10 mm/s).
    """

    mode: Literal["line"] = "line"
    speed_mm_s: Annotated[float, quantity("mm/s", "stage speed over the written part", ge=0.01, le=3)]
    length_mm: Annotated[float, quantity("mm", "written length", ge=0.1, le=50)] = 1.0


Writing = Annotated[Dot | Line, Field(discriminator="mode")]


class HeatStep(Frozen):
    """A piece of a heat history: a time at a temperature."""

    temperature_C: Annotated[float, quantity("degC", ge=-20, le=700)]
    duration_s: Annotated[float, quantity("s", ge=0, le=1e7)]


class HeatTreatment(Frozen):
    """Furnace programme: ramp up, hold, ramp down (P5 gives 200-550 degC, and neither hold nor ramp: assumptions)."""

    temperature_C: Annotated[float, quantity("degC", "hold temperature (P5)", ge=200, le=550)]
    hold_s: Annotated[float, quantity("s", "time at the hold temperature", ge=0, le=172800)]
    ramp_C_min: Annotated[float, quantity("degC/min", "rate of both ramps", ge=0.1, le=20)] = 10.0

    def steps(self, pieces_per_ramp: int = 8, start_C: float = ROOM_TEMPERATURE_C) -> tuple[HeatStep, ...]:
        """The programme as isothermal steps; a ramp becomes `pieces_per_ramp` equal steps at their mid temperatures."""
        ramp_s = abs(self.temperature_C - start_C) / self.ramp_C_min * 60.0
        middles = [(i + 0.5) / pieces_per_ramp for i in range(pieces_per_ramp)]
        up = [
            HeatStep(temperature_C=start_C + m * (self.temperature_C - start_C), duration_s=ramp_s / pieces_per_ramp)
            for m in middles
        ]
        hold = HeatStep(temperature_C=self.temperature_C, duration_s=self.hold_s)
        return (*up, hold, *reversed(up))


class Recipe(Frozen):
    """What is done to one site: the writing, then the heat treatment that it shares with its coupon."""

    writing: Writing
    heat_treatment: HeatTreatment | None = None


Phase = Literal["green", "red"]


class DecayMeasurement(Frozen):
    """How the decay of a site's light is counted after the spectra: photons by their time after short pulses (P16).

    Pulses should lie five lifetimes apart or more; light that does not decay between two of them counts as background.
    """

    phases: Annotated[tuple[Phase, ...], Field(min_length=1, max_length=2)] | None = Field(
        default=None,
        description="a list: through the filter of each; without it those that the objective asks for, or else both",
    )
    duration_s: Annotated[float, quantity("s", "the longest that is counted, for each phase", ge=0.1, le=3600)] = 20.0
    stop_counts: Annotated[
        float, quantity("photons", "in the highest bin, enough to stop before; 0: never", ge=0, le=1e6)
    ] = 2000.0
    bin_width_ns: Annotated[float, quantity("ns", "of the histogram", ge=0.001, le=1000)] = 1.024
    excitation_rate_kHz: Annotated[float, quantity("kHz", "of the pulses", ge=1, le=80000)] = 1000.0
    excitation_percent: Annotated[float, quantity("%", "of the diode's full power", ge=0, le=100)] = 100.0

    @model_validator(mode="after")
    def _each_phase_once(self) -> Self:
        if self.phases is not None and len(set(self.phases)) != len(self.phases):
            msg = f"phases = {list(self.phases)}: each once"
            raise ValueError(msg)
        return self


class Measurement(Frozen):
    """How the photoluminescence of a site is measured (P6: 365 nm excitation)."""

    integration_s: Annotated[float, quantity("s", "of one exposure", ge=0.001, le=60)] = 0.2
    n_averages: Annotated[int, Field(strict=True, ge=1, le=1000, json_schema_extra={"unit": "exposures"})] = 10
    decay: DecayMeasurement | None = None


# --------------------------------------------------------------------------------------------------------- outcomes
class Band(Frozen):
    """One emission band of a spectrum; `*_sd_*` are one-sigma uncertainties of the analysis."""

    phase: Phase
    peak_eV: Annotated[float, quantity("eV", gt=0)]
    peak_sd_eV: Annotated[float, quantity("eV", ge=0)]
    fwhm_eV: Annotated[float, quantity("eV", gt=0)]
    fwhm_sd_eV: Annotated[float, quantity("eV", ge=0)]
    rate_counts_s: Annotated[float, quantity("counts/s", "area of the band over the detector, per second", ge=0)]
    rate_sd_counts_s: Annotated[float, quantity("counts/s", ge=0)]

    @property
    def peak_nm(self) -> float:
        """Wavelength of the maximum in energy, nm."""
        return hc_eV_nm / self.peak_eV

    @property
    def peak_sd_nm(self) -> float:
        """One sigma of `peak_nm`, nm (first order)."""
        return hc_eV_nm / self.peak_eV**2 * self.peak_sd_eV


class Luminescence(Frozen):
    """The spectrum has one or two bands; a phase without a band is below `rate_limit_counts_s` (95 %)."""

    kind: Literal["luminescence"] = "luminescence"
    bands: Annotated[tuple[Band, ...], Field(min_length=1, max_length=2)]
    rate_limit_counts_s: Annotated[float, quantity("counts/s", "95 % upper limit on a band that is not there", ge=0)]
    reduced_chi2: Annotated[float, quantity("1", ge=0)]

    @model_validator(mode="after")
    def _one_band_a_phase(self) -> Self:
        if len({band.phase for band in self.bands}) != len(self.bands):
            msg = f"two bands of one phase: {[band.phase for band in self.bands]}; an outcome has at most one green and one red"
            raise ValueError(msg)
        return self

    def band(self, phase: Phase) -> Band | None:
        """The band of a phase, or None where it was not seen."""
        return next((band for band in self.bands if band.phase == phase), None)


class NoLuminescence(Frozen):
    """Nothing above the noise: an outcome of its own, never a peak of 0 nm."""

    kind: Literal["no_luminescence"] = "no_luminescence"
    rate_limit_counts_s: Annotated[float, quantity("counts/s", "95 % upper limit on a band", ge=0)]


class Saturated(Frozen):
    """The detector was full at the shortest integration time: at least this bright; peaks are not to be trusted."""

    kind: Literal["saturated"] = "saturated"
    n_saturated_pixels: Annotated[int, Field(ge=1)]
    rate_floor_counts_s: Annotated[float, quantity("counts/s", "the light is at least this much", ge=0)]


class Failed(Frozen):
    """The instrument failed: nothing was learned about the glass, and nothing is made up."""

    kind: Literal["failed"] = "failed"
    reason: Annotated[str, Field(min_length=1)]


Outcome = Annotated[Luminescence | NoLuminescence | Saturated | Failed, Field(discriminator="kind")]


class Lifetime(Frozen):
    """The lifetime of one phase's light: the mean time of a photon after the pulse (intensity average, P16)."""

    kind: Literal["lifetime"] = "lifetime"
    phase: Phase
    lifetime_ns: Annotated[float, quantity("ns", "intensity average of what decays between pulses", gt=0, le=1e6)]
    lifetime_sd_ns: Annotated[float, quantity("ns", ge=0)]
    n_photons: Annotated[float, quantity("photons", "of the decay, without the background", ge=0)]


class NoLifetime(Frozen):
    """A decay was to be counted, and says no lifetime: nothing is made up for it."""

    kind: Literal["no_lifetime"] = "no_lifetime"
    phase: Phase
    reason: Annotated[str, Field(min_length=1)]


class Observation(Frozen):
    """What was done to a site and what came of it: the unit in which the optimiser learns.

    `lifetimes` is None where no decay was counted, as in all records that are older than they.
    """

    site: Site
    glass: Glass
    writing: Writing
    heat_history: tuple[HeatStep, ...] = ()
    outcome: Outcome
    power_at_sample_W: (
        Annotated[float, quantity("W", "measured; authoritative over set energy x rate (P3)", ge=0)] | None
    ) = None
    lifetimes: (
        Annotated[tuple[Annotated[Lifetime | NoLifetime, Field(discriminator="kind")], ...], Field(max_length=2)] | None
    ) = None

    def lifetime(self, phase: Phase) -> Lifetime | None:
        """The lifetime of a phase, or None where none was found."""
        found = (one for one in self.lifetimes or () if one.phase == phase)
        return next((one for one in found if isinstance(one, Lifetime)), None)


# ------------------------------------------------------------------------------------------------------ suggestions
class Prediction(Frozen):
    """What the model expects of one observable at a site: mean and one-sigma, in the observable's own unit."""

    observable: str
    unit: str
    mean: Annotated[float, quantity("as `unit`")]
    sd: Annotated[float, quantity("as `unit`", ge=0)]


class SiteSuggestion(Frozen):
    """A writing for one site, with why."""

    suggestion_id: str
    site: Site
    writing: Writing
    predictions: tuple[Prediction, ...] = ()
    acquisition: Annotated[float, quantity("as the objective's score", "what the optimiser expects of the choice")] = (
        0.0
    )
    p_in_specification: (
        Annotated[
            float,
            quantity(
                "1", "predicted probability that the site meets the specification; none without a model", ge=0, le=1
            ),
        ]
        | None
    ) = None
    reason: str


class Suggestion(Frozen):
    """Recipes for one coupon: one heat treatment, many sites."""

    suggestion_id: str
    coupon: Coupon
    heat_treatment: HeatTreatment
    sites: Annotated[tuple[SiteSuggestion, ...], Field(min_length=1)]
    reason: str

    def recipes(self) -> dict[str, Recipe]:
        """Recipe of each site, by site name."""
        return {s.site.name: Recipe(writing=s.writing, heat_treatment=self.heat_treatment) for s in self.sites}


def as_plain(model: Frozen) -> dict[str, Any]:
    """A model as plain JSON types, the form in which it enters a Bluesky document."""
    return model.model_dump(mode="json", exclude_none=True)
