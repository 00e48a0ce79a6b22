"""The records that pass between the kernels: what the glass remembers (state) and what can be measured (observables).

Named fields only; every field is a float64 unless said otherwise, so that arrays are plain memory.
"""

from __future__ import annotations

from typing import Any, Final, TypeAlias

import numpy as np

__all__ = [
    "MOST_PASSES",
    "N_MODES",
    "OBSERVABLE_UNITS",
    "PASS",
    "Record",
    "observable_dtype",
    "state_dtype",
    "step_dtype",
]

N_MODES: Final = 8
"""Modes of the relaxing halide balance (relaxation.py)."""

MOST_PASSES: Final = 10
"""Passes over one place, altogether."""

PASS: Final = ("seconds", "strength_K_um", "radius_um", "shape", "image_distance_um", "image_factor")
"""What the glass remembers of a pass: the numbers of a row of `passes`, in this order.

`seconds` of a dot, or of a line per um of path, and for both zero in rows that are free; equal passes share a row. `shape` is the
spread of a dot in um, or minus the decay of a line in 1/um (`conduction.Field`).
"""

Record: TypeAlias = Any
"""One element of a structured array inside a compiled function, where fields are attributes: `setting.depth_mm`."""

state_dtype: Final[np.dtype[np.void]] = np.dtype(
    [
        ("iodide_fraction", "f8"),  # y of the glass
        # the passes so far: a further one adds its doses to theirs
        ("n_passes", "f8"),  # of those that absorbed
        ("passes", "f8", (MOST_PASSES, len(PASS))),
        # what the laser left
        ("crystal_amount", "f8"),  # crystallised width (um, lines) or area (um2, dots), after loss and voids
        ("peak_share", "f8"),  # largest local crystallised share
        ("red_share", "f8"),  # of the crystals, as written
        ("red_iodide_fraction", "f8"),  # of the red phase, as written
        ("nucleation_dose", "f8"),  # mean over the crystals, in units of the nose time
        ("green_diameter_nm", "f8"),  # emission-weighted, as written
        ("red_diameter_nm", "f8"),
        ("size_um", "f8"),  # diameter of a dot, width of a line; 0 where nothing is visible
        ("void_share", "f8"),
        ("absorbed_power_W", "f8"),  # by the first pass
        ("peak_temperature_K", "f8"),  # centre, just after the last pulse of the hottest pass
        ("valley_temperature_K", "f8"),  # centre, just before it
        ("mean_temperature_K", "f8"),
        # what the furnace did: reduced times, which add up, and relaxing modes
        ("exchange_time", "f8"),  # integral of the exchange rate
        ("coarsening_time", "f8"),  # in units of 2 h at 550 degC
        ("devitrification_dose", "f8"),  # integral of the nucleation rate of unwritten glass
        ("green_balance", "f8", (N_MODES,)),  # halide balance X/Pb - 3, by mode
        ("red_balance", "f8", (N_MODES,)),
        ("green_supplied", "f8", (N_MODES,)),  # share of the halide supply that has been taken up, by mode: never falls
        ("red_supplied", "f8", (N_MODES,)),
    ]
)
"""All that one written site remembers."""

step_dtype: Final[np.dtype[np.void]] = np.dtype(
    [
        ("inverse_temperature_1_K", "f8"),
        ("duration_s", "f8"),
        ("exchange_time", "f8"),
        ("coarsening_time", "f8"),
        ("devitrification_dose", "f8"),
    ]
)
"""What a furnace step does under one parameter set, whatever the state that it meets."""

OBSERVABLE_UNITS: Final[dict[str, str]] = {
    "green_peak_eV": "eV",
    "green_fwhm_eV": "eV",
    "green_intensity": "relative: photons of a dot, or of 1 um of a line",
    "green_lifetime_ns": "ns",
    "green_fast_amplitude": "1",
    "green_fast_lifetime_ns": "ns",
    "green_main_amplitude": "1",
    "green_main_lifetime_ns": "ns",
    "green_late_amplitude": "1",
    "green_late_lifetime_ns": "ns",
    "green_iodide_fraction": "1",
    "green_quantum_yield": "1",
    "green_asymmetry": "1",
    "green_bleach_eV": "eV",
    "green_exciton_binding_meV": "meV",
    "green_halide_per_lead": "1",
    "green_xps_shift_eV": "eV of binding energy",
    "green_diameter_nm": "nm",
    "green_TEM_diameter_nm": "nm",
    "green_lattice_A": "A",
    "red_peak_eV": "eV",
    "red_fwhm_eV": "eV",
    "red_intensity": "relative: photons of a dot, or of 1 um of a line",
    "red_lifetime_ns": "ns",
    "red_fast_amplitude": "1",
    "red_fast_lifetime_ns": "ns",
    "red_main_amplitude": "1",
    "red_main_lifetime_ns": "ns",
    "red_late_amplitude": "1",
    "red_late_lifetime_ns": "ns",
    "red_iodide_fraction": "1",
    "red_quantum_yield": "1",
    "red_asymmetry": "1",
    "red_bleach_eV": "eV",
    "red_exciton_binding_meV": "meV",
    "red_halide_per_lead": "1",
    "red_xps_shift_eV": "eV of binding energy",
    "red_diameter_nm": "nm",
    "red_TEM_diameter_nm": "nm",
    "red_lattice_A": "A",
    "red_share": "1",
    "size_um": "um",
    "crystal_amount": "um (line) or um2 (dot)",
    "peak_share": "1",
    "nucleation_dose": "1",
    "void_share": "1",
    "absorbed_power_W": "W",
    "peak_temperature_K": "K",
    "valley_temperature_K": "K",
    "mean_temperature_K": "K",
    "devitrified_share": "1",
    "green_xrd_110_deg": "deg (2 theta, Cu K-alpha)",
    "green_xrd_200_deg": "deg (2 theta, Cu K-alpha)",
    "red_xrd_200_deg": "deg (2 theta, Cu K-alpha)",
    "red_raman_low_1_cm": "1/cm",
    "red_raman_high_1_cm": "1/cm",
}
"""Unit of every observable, by field name."""

observable_dtype: Final[np.dtype[np.void]] = np.dtype([(name, np.float64) for name in OBSERVABLE_UNITS])
"""What can be measured of one site."""
