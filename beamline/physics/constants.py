"""Constants of nature and of the measurement that the physics rooms share (CODATA 2018, rounded to the digits shown)."""

from __future__ import annotations

__all__ = [
    "CU_K_ALPHA_A",
    "ROOM_TEMPERATURE_K",
    "ZERO_CELSIUS_K",
    "BOLTZMANN_eV_K",
    "COULOMB_eV_nm",
    "HBAR2_OVER_2M0_eV_nm2",
    "HC_eV_nm",
    "LASER_WAVELENGTH_um",
    "RYDBERG_eV",
]

BOLTZMANN_eV_K = 8.617333e-5
"""Boltzmann constant, eV/K."""

HC_eV_nm = 1239.841984
"""Planck constant times speed of light: wavelength_nm = HC_eV_nm / energy_eV."""

HBAR2_OVER_2M0_eV_nm2 = 0.0380998
"""hbar^2 / (2 m0), eV nm^2: the confinement energy of a free electron, apart from pi^2 / (m R^2)."""

COULOMB_eV_nm = 1.4399645
"""e^2 / (4 pi eps0), eV nm."""

RYDBERG_eV = 13.6057
"""Rydberg energy, eV."""

CU_K_ALPHA_A = 1.5406
"""Wavelength of Cu K-alpha1, by which diffraction angles are stated, angstrom."""

LASER_WAVELENGTH_um = 1.030
"""Wavelength of the writing laser (P1), um."""

ROOM_TEMPERATURE_K = 298.15
"""Temperature of the glass before the laser and between furnace runs, K."""

ZERO_CELSIUS_K = 273.15
"""0 degC in kelvin."""
