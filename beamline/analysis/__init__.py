"""What the data say: outcomes of spectra with uncertainties, and the change between wavelength and energy."""

from beamline.analysis.axis import energy_eV, jacobian_nm_per_eV, per_eV, per_nm, wavelength_nm
from beamline.analysis.bands import band
from beamline.analysis.detector import Detector
from beamline.analysis.spectrum import FALSE_POSITIVE, analyse_spectrum, model_rate_per_nm

__all__ = [
    "FALSE_POSITIVE",
    "Detector",
    "analyse_spectrum",
    "band",
    "energy_eV",
    "jacobian_nm_per_eV",
    "model_rate_per_nm",
    "per_eV",
    "per_nm",
    "wavelength_nm",
]
