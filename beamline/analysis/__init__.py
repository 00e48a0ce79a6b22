"""What the data say: outcomes of spectra with uncertainties, and the change between wavelength and energy."""

from beamline.analysis.axis import energy_eV, jacobian_nm_per_eV, per_eV, per_nm, wavelength_nm
from beamline.analysis.bands import band
from beamline.analysis.detector import Detector
from beamline.analysis.spectrum import FALSE_POSITIVE, Curves, FittedSpectrum, analyse_spectrum, fit_spectrum

__all__ = [
    "FALSE_POSITIVE",
    "Curves",
    "Detector",
    "FittedSpectrum",
    "analyse_spectrum",
    "band",
    "energy_eV",
    "fit_spectrum",
    "jacobian_nm_per_eV",
    "per_eV",
    "per_nm",
    "wavelength_nm",
]
