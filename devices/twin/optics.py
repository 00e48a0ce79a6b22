"""What the light goes through between the coupon and the detector, and what joins it on the way."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .detector import FIRST_nm, LAST_nm
from .effects import Effects

__all__ = ["at_the_detector", "fluorescence", "response"]

Floats = NDArray[np.float64]

FLUORESCENCE_nm, FLUORESCENCE_SD_nm = 480.0, 55.0
"""Blue-green band of the glass itself under ultraviolet light."""
LAMP_SECOND_ORDER_nm, LAMP_SD_nm = 730.0, 8.0
"""The excitation at 365 nm (P6) comes again at twice its wavelength, where the grating's second order falls."""
SORTING_EDGE_nm = 590.0
"""Where one coating of the order-sorting filter ends and the next begins; it falls between the two phases."""


def at_the_detector(counts_s_nm: Floats, wavelength_nm: Floats, effects: Effects, *, is_on_glass: bool) -> Floats:
    """Light of the features, as it comes to the pixels with the lamp on, counts per s and nm, shape [w].

    Args:
        counts_s_nm: what the features send, shape [w].
        wavelength_nm: true wavelength of every pixel, shape [w].
        effects: sizes.
        is_on_glass: whether there is glass under the head, which fluoresces and throws the lamp's light back.
    """
    light = counts_s_nm
    if is_on_glass:
        light = light + fluorescence(wavelength_nm, effects)
        light += effects.lamp_second_order_counts_s_nm * _bell(wavelength_nm, LAMP_SECOND_ORDER_nm, LAMP_SD_nm)
    light = light * response(wavelength_nm, effects)
    return np.asarray((1.0 - effects.stray_light) * light + effects.stray_light * light.mean())


def response(wavelength_nm: Floats, effects: Effects) -> Floats:
    """Share of the light that is not lost in grating, filters and detector, shape [w]."""
    step = np.where(wavelength_nm > SORTING_EDGE_nm, 1.0 - effects.order_sorting_step, 1.0)
    middle, half = 0.5 * (LAST_nm + FIRST_nm), 0.5 * (LAST_nm - FIRST_nm)
    return np.asarray(step * (1.0 - effects.response_fall * ((wavelength_nm - middle) / half) ** 2))


def fluorescence(wavelength_nm: Floats, effects: Effects) -> Floats:
    """Of the glass itself under the ultraviolet lamp, as the spectrometer has it, counts per s and nm, shape [w]."""
    return effects.substrate_fluorescence_counts_s_nm * _bell(wavelength_nm, FLUORESCENCE_nm, FLUORESCENCE_SD_nm)


def _bell(wavelength_nm: Floats, centre_nm: float, sd_nm: float) -> Floats:
    return np.exp(-0.5 * ((wavelength_nm - centre_nm) / sd_nm) ** 2)
