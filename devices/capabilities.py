"""What instruments of one role may or may not have, by name: a plan that needs one asks for it before it begins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

__all__ = ["CAPABILITIES", "Capability"]

Capability = Literal[
    "automatic",
    "excitation power",
    "excitation switch",
    "filter wheel",
    "gain",
    "gate",
    "home",
    "illumination",
    "instrument response",
    "lamp",
    "line lamp",
    "lines",
    "measured power",
    "pulse counting",
    "settings",
    "z",
]

CAPABILITIES: Mapping[str, Mapping[Capability, str]] = {
    "laser": {
        "measured power": "the power at the sample is known while the output is open, by a meter or by a measured transmission",
        "pulse counting": "pulses are counted by hardware, so that a dose is exact",
    },
    "stage": {
        "z": "a third axis, along which the depth of the focus is chosen",
        "lines": "constant speed over a whole line, with the gate shut while it gets there (a position trigger)",
        "home": "the driver drives every axis to its reference",
        "gate": "a gate in the laser's beam, which it works: opened for dots, left to its triggers on a line",
    },
    "furnace": {},
    "spectrometer": {
        "lamp": "the excitation lamp is switched by the driver, so that darks need no hand",
        "line lamp": "a lamp of known lines is switched by the driver, by which the wavelength axis is calibrated",
    },
    "lifetime": {
        "settings": "bin width and pulse rate are set by the driver, not in the counter's own program",
        "excitation switch": "the pulsed excitation is switched by the driver",
        "excitation power": "the power of the excitation is set by the driver",
        "filter wheel": "the filter is changed by the driver",
        "instrument response": "the response to the bare pulse was measured at this bin width",
    },
    "camera": {
        "illumination": "its lights are switched by the driver",
        "filter wheel": "the filter is changed by the driver",
        "gain": "the gain is set by the driver",
    },
    "changer": {"automatic": "carries coupons without an operator"},
}
"""By role: what each capability means."""
