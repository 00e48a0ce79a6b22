"""The columns of the tables: name, type, unit and meaning. The files, their descriptor and their README are made from these.

What is a quantity of `beamline.recipe` takes its unit and its meaning from there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from beamline.problems import unit_of
from beamline.recipe import Dot, Frozen, Glass, HeatTreatment, Line, Measurement, Observation, Site

__all__ = ["EXPOSURES", "FURNACE", "SITES", "SPECTRUM", "Column"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table; `unit` is empty where there is none to give."""

    name: str
    kind: Literal["string", "number", "integer", "boolean", "datetime"]
    unit: str
    about: str


def _of(model: type[Frozen], field: str, about: str = "", name: str = "") -> Column:
    """The column of a field of the project's words."""
    info = model.model_fields[field]
    kind: Literal["integer", "number"] = "integer" if info.annotation is int else "number"
    return Column(name or field, kind, unit_of(info) or "1", about or info.description or "")


def _lifetimes(phase: str) -> tuple[Column, ...]:
    return (
        Column(
            f"{phase}_lifetime_ns",
            "number",
            "ns",
            f"mean time of a {phase} photon after the pulse",
        ),
        Column(f"{phase}_lifetime_sd_ns", "number", "ns", "one sigma of it"),
        Column(f"{phase}_n_photons", "number", "photons", "of the decay, without the background"),
        Column(f"{phase}_no_lifetime", "string", "", "why a decay that was counted says no lifetime"),
    )


def _bands(phase: str) -> tuple[Column, ...]:
    def column(name: str, unit: str, about: str) -> Column:
        return Column(f"{phase}_{name}", "number", unit, f"{about} of the {phase} band")

    sd = ", one sigma,"
    return (
        column("peak_eV", "eV", "maximum of the spectrum in energy"),
        column("peak_sd_eV", "eV", f"uncertainty of the maximum{sd}"),
        column("peak_nm", "nm", "wavelength of the maximum in energy, hc/E,"),
        column("peak_sd_nm", "nm", f"uncertainty of that wavelength{sd}"),
        column("fwhm_eV", "eV", "full width at half maximum"),
        column("fwhm_sd_eV", "eV", f"uncertainty of the width{sd}"),
        column("rate_counts_s", "counts/s", "area over the detector per second"),
        column("rate_sd_counts_s", "counts/s", f"uncertainty of the area{sd}"),
    )


SITES: tuple[Column, ...] = (
    Column("coupon", "string", "", "serial number of the coupon"),
    Column("n_coupon", "integer", "1", "which coupon of the campaign, from 1"),
    Column("width_mm", "number", "mm", "extent of the coupon along x"),
    Column("height_mm", "number", "mm", "extent of the coupon along y"),
    Column("glass", "string", "", "name of the glass"),
    _of(Glass, "bromide"),
    _of(Glass, "iodide"),
    Column("iodide_fraction", "number", "1", "I / (Br + I) of the batch"),
    Column("site", "string", "", "name of the site"),
    _of(Site, "x_mm", "centre of the site, from the coupon's lower left corner"),
    _of(Site, "y_mm", "centre of the site, from the coupon's lower left corner"),
    Column("state", "string", "", "how far it came: blank, intended, written, annealed, measured, or suspect"),
    Column("state_reason", "string", "", "why it is suspect"),
    Column("mode", "string", "", "dot or line"),
    _of(Dot, "pulse_energy_uJ"),
    _of(Dot, "n_passes", "how often the site was to be exposed"),
    _of(Dot, "depth_mm"),
    _of(Dot, "repetition_rate_kHz", "pulse repetition rate"),
    _of(Dot, "exposure_s", "exposure per pass; dots only"),
    _of(Line, "speed_mm_s", "stage speed over the written part; lines only"),
    _of(Line, "length_mm", "written length; lines only"),
    _of(Observation, "power_at_sample_W", "average power measured at the sample, mean over the passes"),
    _of(HeatTreatment, "temperature_C", "hold temperature of the heat treatment that the coupon got"),
    _of(HeatTreatment, "hold_s"),
    _of(HeatTreatment, "ramp_C_min"),
    Column("furnace_file", "string", "", "the furnace along the heat treatment, a path from this file's folder"),
    _of(Measurement, "integration_s", "of one exposure of the spectrometer"),
    _of(Measurement, "n_averages", "exposures averaged"),
    Column("spectrum_file", "string", "", "the spectrum, a path from this file's folder"),
    Column("outcome", "string", "", "luminescence, no_luminescence, saturated, or failed: nothing was learned"),
    Column("failure", "string", "", "why it failed"),
    *_bands("green"),
    *_bands("red"),
    Column("rate_limit_counts_s", "number", "counts/s", "95 % upper limit on a band that was not seen"),
    Column("reduced_chi2", "number", "1", "of the fit of the bands"),
    *_lifetimes("green"),
    *_lifetimes("red"),
    Column("n_saturated_pixels", "integer", "pixels", "full pixels; saturated spectra only"),
    Column("rate_floor_counts_s", "number", "counts/s", "the light is at least this much; saturated spectra only"),
    Column(
        "outcome_as_decided", "boolean", "", "the outcome is the one the optimiser learned from; else analysed anew"
    ),
    Column("measured_at", "datetime", "", "wall time of the spectrum, UTC; of an imported run when it was imported"),
    Column("measured_clock_s", "number", "s", "the bench's clock at the spectrum: simulated time on the twin"),
    Column("writing_run", "string", "", "uid of the run in which it was written"),
    Column("heat_treatment_run", "string", "", "uid of the run of the heat treatment"),
    Column("measurement_run", "string", "", "uid of the run of the spectrum"),
)

SPECTRUM: tuple[Column, ...] = (
    Column("wavelength_nm", "number", "nm", "centre of the pixel"),
    Column("counts", "number", "counts", "mean of the exposures, excitation on, dark not subtracted"),
    Column("dark_counts", "number", "counts", "the same with the excitation off; empty where no dark was taken"),
)

FURNACE: tuple[Column, ...] = (
    Column("coupon", "string", "", "serial number of the coupon in the furnace"),
    Column("run", "string", "", "uid of the run"),
    Column("time_s", "number", "s", "since the first sample of the run, on the bench's clock"),
    Column("clock_s", "number", "s", "the bench's clock"),
    Column("temperature_C", "number", "degC", "what the furnace's sensor read"),
    Column("setpoint_C", "number", "degC", "what the furnace was to reach at that moment"),
)

EXPOSURES: tuple[Column, ...] = (
    Column("coupon", "string", "", "serial number of the coupon"),
    Column("site", "string", "", "name of the site"),
    Column("run", "string", "", "uid of the run"),
    Column("clock_s", "number", "s", "the bench's clock after the pass"),
    Column("pulse_energy_uJ", "number", "uJ", "pulse energy that was set"),
    Column("repetition_rate_kHz", "number", "kHz", "pulse repetition rate"),
    Column("power_at_sample_W", "number", "W", "average power measured at the sample; empty where it was not measured"),
    Column("pulses_delivered", "number", "pulses", "pulses of this pass; empty where they were not counted"),
)
