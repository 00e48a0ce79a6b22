"""What the data say: outcomes of spectra with uncertainties, maps, lifetimes, colours, thresholds, widths of lines."""

from beamline.analysis.axis import energy_eV, jacobian_nm_per_eV, per_eV, per_nm, wavelength_nm
from beamline.analysis.bands import band
from beamline.analysis.colour import Chromaticity, chromaticity, encoded, linear_srgb, srgb, srgb_of_light, tristimulus
from beamline.analysis.decays import Average, DecayError, DecayFit, fit_decay
from beamline.analysis.detector import Detector
from beamline.analysis.filters import (
    GREEN_MAP,
    LONG_PASS_645,
    RED_MAP,
    BandPass,
    Integrated,
    LongPass,
    Transmission,
    integrate,
)
from beamline.analysis.imaging import flat_fielded, stitch
from beamline.analysis.maps import MapAnalysis, PhaseMap, analyse_map
from beamline.analysis.profiles import LineWidth, line_width
from beamline.analysis.spectrum import FALSE_POSITIVE, Curves, FittedSpectrum, analyse_spectrum, fit_spectrum
from beamline.analysis.thresholds import Threshold, Trend, find_threshold, trend

__all__ = [
    "FALSE_POSITIVE",
    "GREEN_MAP",
    "LONG_PASS_645",
    "RED_MAP",
    "Average",
    "BandPass",
    "Chromaticity",
    "Curves",
    "DecayError",
    "DecayFit",
    "Detector",
    "FittedSpectrum",
    "Integrated",
    "LineWidth",
    "LongPass",
    "MapAnalysis",
    "PhaseMap",
    "Threshold",
    "Transmission",
    "Trend",
    "analyse_map",
    "analyse_spectrum",
    "band",
    "chromaticity",
    "encoded",
    "energy_eV",
    "find_threshold",
    "fit_decay",
    "fit_spectrum",
    "flat_fielded",
    "integrate",
    "jacobian_nm_per_eV",
    "line_width",
    "linear_srgb",
    "per_eV",
    "per_nm",
    "srgb",
    "srgb_of_light",
    "stitch",
    "trend",
    "tristimulus",
    "wavelength_nm",
]
