"""Optics: gap, confinement, emission band, exciton, lattice."""

from __future__ import annotations

import math
from typing import NamedTuple

from beamline.physics.constants import CU_K_ALPHA_A, COULOMB_eV_nm, HBAR2_OVER_2M0_eV_nm2, RYDBERG_eV
from beamline.physics.jit import compiled
from beamline.physics.records import Record

__all__ = ["Band", "band", "lattice_A", "two_theta_deg"]

_FWHM_PER_SIGMA = 2.0 * math.sqrt(2.0 * math.log(2.0))


class Band(NamedTuple):
    """Absorption edge and emission band of one phase."""

    bleach_eV: float
    peak_eV: float
    fwhm_eV: float
    exciton_binding_eV: float


@compiled
def band(x: float, diameter_nm: float, vacancies: float, p: Record) -> Band:
    """Band of dots of one composition and emission-weighted diameter.

    E = E_g(x) + hbar^2 pi^2 / (2 mu R^2) - 1.786 e^2 / (eps R) - 0.248 Ry* (Brus 1984; Kayanuma 1988), E_g linear with
    bowing, mu and eps linear in x; emission one Stokes shift below. Widths of size, composition and single dot add in
    squares. Binding energy Ry* (1 + 0.3 nm / R) exp(-n / n_sc).
    """
    mass = p.reduced_mass_Br + (p.reduced_mass_I - p.reduced_mass_Br) * x
    permittivity = p.permittivity_Br + (p.permittivity_I - p.permittivity_Br) * x
    gap_eV = p.gap_Br_eV * (1.0 - x) + p.gap_I_eV * x - p.gap_bowing_eV * x * (1.0 - x)
    radius_nm = 0.5 * diameter_nm
    confinement_eV = HBAR2_OVER_2M0_eV_nm2 * math.pi**2 / (mass * radius_nm * radius_nm)
    coulomb_eV = 1.786 * COULOMB_eV_nm / (permittivity * radius_nm)
    rydberg_eV = RYDBERG_eV * mass / (permittivity * permittivity)
    bleach_eV = gap_eV + confinement_eV - coulomb_eV - 0.248 * rydberg_eV
    peak_eV = bleach_eV - (p.stokes_Br_eV + (p.stokes_I_eV - p.stokes_Br_eV) * x)

    per_size_eV = 2.0 * confinement_eV - coulomb_eV  # -d dE/dd
    per_iodide_eV = p.gap_Br_eV - p.gap_I_eV + p.gap_bowing_eV * (1.0 - 2.0 * x)
    from_size_eV = 0.5 * _FWHM_PER_SIGMA * p.size_dispersion * per_size_eV
    from_iodide_eV = _FWHM_PER_SIGMA * p.iodide_dispersion * 4.0 * x * (1.0 - x) * per_iodide_eV
    fwhm_eV = math.sqrt(p.homogeneous_fwhm_eV**2 + from_size_eV * from_size_eV + from_iodide_eV * from_iodide_eV)
    binding_eV = rydberg_eV * (1.0 + 0.3 / radius_nm) * math.exp(-vacancies / p.screening_vacancies)
    return Band(bleach_eV, peak_eV, fwhm_eV, binding_eV)


@compiled
def lattice_A(x: float, p: Record) -> float:
    """Cubic lattice constant by Vegard's law."""
    return p.lattice_Br_A + (p.lattice_I_A - p.lattice_Br_A) * x  # type: ignore[no-any-return]  # a record's field


@compiled
def two_theta_deg(lattice: float, hkl_squared: float) -> float:
    """Diffraction angle of a cubic lattice, Cu K-alpha: 2 asin[lambda sqrt(h^2 + k^2 + l^2) / 2 a]."""
    return 2.0 * math.degrees(math.asin(min(0.5 * CU_K_ALPHA_A * math.sqrt(hkl_squared) / lattice, 1.0)))
