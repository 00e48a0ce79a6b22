"""What a table of manual runs says, once it is checked: coupons, sites, spectra, and the files that they came from."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from beamline.analysis import Detector
from beamline.recipe import Coupon, HeatTreatment, Measurement, Outcome, Recipe, Site

__all__ = ["FurnaceSamples", "ManualCoupon", "ManualRuns", "ManualSite", "ManualSpectrum", "SourceFile"]

Floats = NDArray[np.float64]

_NAMESPACE = uuid.UUID("6f1d3c52-7b0e-5c56-9c0f-0c6a5f1c7a11")


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file that something was read from: its name from the table's folder, and its contents' SHA-256."""

    name: str
    sha256: str
    n_bytes: int


@dataclass(frozen=True, slots=True)
class ManualSpectrum:
    """A spectrum as a file has it; arrays have shape (pixels,), wavelengths rise.

    Attributes:
        dark_counts: zeros where `dark_file` is None and `is_subtracted` is set.
        dark_file: None where the dark is a column of the spectrum's own file, or was subtracted before.
    """

    wavelength_nm: Floats
    counts: Floats
    dark_counts: Floats
    is_subtracted: bool
    file: SourceFile
    dark_file: SourceFile | None


@dataclass(frozen=True, slots=True)
class FurnaceSamples:
    """What the furnace's sensor read; arrays have shape (samples,)."""

    time_s: Floats
    temperature_C: Floats
    setpoint_C: Floats
    file: SourceFile


@dataclass(frozen=True, slots=True)
class ManualSite:
    """One row of the table.

    Attributes:
        row: line of the table, the heading being 1.
        power_at_sample_W: None where it was not measured.
        measured_on: day or moment of the measurement as the table has it (ISO 8601); empty where it has none.
        outcome: what the analysis makes of the spectrum; shown, and not recorded: it follows from the spectrum.
    """

    row: int
    site: Site
    recipe: Recipe
    power_at_sample_W: float | None
    measurement: Measurement
    measured_on: str
    spectrum: ManualSpectrum
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class ManualCoupon:
    """A coupon with its sites, which share the heat treatment; without `furnace` the programme is all that is known."""

    coupon: Coupon
    heat_treatment: HeatTreatment | None
    furnace: FurnaceSamples | None
    sites: tuple[ManualSite, ...]


@dataclass(frozen=True, slots=True)
class ManualRuns:
    """A whole table.

    Attributes:
        ignored_columns: results of an earlier export, which are analysed anew.
        detector: noise and range of the spectrometer, as the user gave them.
    """

    source: SourceFile
    coupons: tuple[ManualCoupon, ...]
    detector: Detector
    ignored_columns: tuple[str, ...]

    @property
    def sites(self) -> tuple[ManualSite, ...]:
        """All sites, coupon by coupon."""
        return tuple(site for coupon in self.coupons for site in coupon.sites)

    @property
    def files(self) -> tuple[SourceFile, ...]:
        """The table and every file that it names, each once."""
        found = [self.source]
        for coupon in self.coupons:
            found += [coupon.furnace.file] if coupon.furnace else []
            for site in coupon.sites:
                found += [site.spectrum.file] + ([site.spectrum.dark_file] if site.spectrum.dark_file else [])
        return tuple(dict.fromkeys(found))

    @property
    def campaign_uid(self) -> str:
        """The same for the same contents, wherever and whenever they are imported."""
        return str(uuid.uuid5(_NAMESPACE, " ".join(sorted(f"{file.name}:{file.sha256}" for file in self.files))))
