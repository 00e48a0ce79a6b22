"""The techniques, and the axes that each may have: every axis has one unit, which is part of its name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

__all__ = ["AXES", "TECHNIQUES", "Axis", "Technique", "axis_of_heading"]


@dataclass(frozen=True, slots=True)
class Axis:
    """What the first column of a file is.

    Attributes:
        name: with its unit, as data key.
        label: on a figure.
        unit: as in the records.
        low: below this it is something else.
        high: above this it is something else.
        others: how programs head such a column with its unit, besides the name; letters and digits only. 2 theta is in
            degrees everywhere.
    """

    name: str
    label: str
    unit: str
    low: float
    high: float
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Technique:
    """A way of measuring.

    Attributes:
        name: of it.
        title: on a figure.
        axes: names of those it may have.
        signal: label of what was measured.
        signal_unit: its unit; "1" where it has none.
    """

    name: str
    title: str
    axes: tuple[str, ...]
    signal: str
    signal_unit: str


_AXES = (
    Axis("two_theta_deg", "2θ (deg)", "deg", 0.0, 180.0, ("2thetadeg", "2theta", "2thdeg", "2th", "twotheta", "2θ")),
    Axis("raman_shift_1_cm", "Raman shift (1/cm)", "1/cm", -5000.0, 5000.0, ("ramanshiftcm1", "ramanshift1cm")),
    Axis("binding_energy_eV", "binding energy (eV)", "eV", -50.0, 2000.0),
    Axis("wavelength_nm", "wavelength (nm)", "nm", 150.0, 5000.0, ("lambdanm",)),
    Axis("energy_eV", "photon energy (eV)", "eV", 0.25, 8.3, ("photonenergyev",)),
    Axis("diameter_nm", "diameter (nm)", "nm", 0.1, 1000.0),
)
AXES: Final[dict[str, Axis]] = {axis.name: axis for axis in _AXES}

_LIGHT = ("wavelength_nm", "energy_eV")
TECHNIQUES: Final[dict[str, Technique]] = {
    technique.name: technique
    for technique in (
        Technique("xrd", "X-ray diffraction", ("two_theta_deg",), "intensity", "counts"),
        Technique("raman", "Raman scattering", ("raman_shift_1_cm",), "intensity", "counts"),
        Technique("xps", "X-ray photoelectrons", ("binding_energy_eV",), "intensity", "counts"),
        Technique("absorption", "Absorption", _LIGHT, "absorbance", "1"),
        Technique("transient_absorption", "Transient absorption", _LIGHT, "change of absorbance", "1"),
        Technique("tem_sizes", "Sizes by TEM", ("diameter_nm",), "crystals", "1"),
    )
}


def axis_of_heading(word: str) -> Axis | None:
    """The axis that the heading of a column names with its unit; None where it does not say."""
    plain = re.sub(r"[\W_]+", "", word).lower()
    for axis in _AXES:
        if plain in (re.sub(r"_", "", axis.name).lower(), *axis.others):
            return axis
    return None
