"""Laser: from settings to the absorbed power and the size of the heat source."""

from __future__ import annotations

import math
from typing import NamedTuple

from beamline.physics.constants import LASER_WAVELENGTH_um
from beamline.physics.jit import compiled
from beamline.physics.records import Record

__all__ = ["Source", "absorb"]


class Source(NamedTuple):
    """The heat source that one pulse leaves, and the mean power of the train."""

    energy_uJ: float
    power_W: float
    radius_um: float


@compiled
def absorb(setting: Record, p: Record, gain: float) -> Source:
    """Absorbed share A = g A_inf [1 - (E_th / E)^p] of the energy E at the sample, zero below the threshold E_th.

    E is the measured power over the repetition rate where the power was measured, else transmission times set energy
    (P3). The source radius grows as the cube root of E (filament-limited) and with depth (spherical aberration).

    Args:
        setting: of `setting_dtype`.
        p: of `parameter_dtype`.
        gain: factor on the absorptivity, 1 for a first pass.
    """
    rate_1_s = setting.repetition_rate_kHz * 1e3
    if setting.power_at_sample_W > 0.0:
        energy_uJ = setting.power_at_sample_W / rate_1_s * 1e6
    else:
        energy_uJ = p.optical_transmission * setting.pulse_energy_uJ
    waist_um = p.beam_quality * LASER_WAVELENGTH_um / (math.pi * setting.numerical_aperture)
    # peak fluence of a Gaussian is 2 E / (pi w^2); 1 J/cm2 um2 = 1e-2 uJ; thresholds rise weakly with pulse duration
    threshold_uJ = p.threshold_fluence_J_cm2 * 0.5 * math.pi * waist_um * waist_um * 1e-2
    threshold_uJ *= (setting.pulse_duration_fs / 300.0) ** 0.3
    share = 0.0
    if energy_uJ > threshold_uJ:
        share = p.absorptivity_limit * (1.0 - (threshold_uJ / energy_uJ) ** p.absorptivity_exponent)
        share = min(gain * share, 1.0)
    filament_um = p.source_radius_um * (energy_uJ / 50.0) ** (1.0 / 3.0)
    aberration = max(1.0 + p.source_growth_1_mm * (setting.depth_mm - 0.2), 0.1)
    radius_um = math.sqrt(waist_um * waist_um + filament_um * filament_um) * aberration
    return Source(share * energy_uJ, share * energy_uJ * rate_1_s * 1e-6, radius_um)
