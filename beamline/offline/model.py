"""What the physics model predicts of a site for a technique: lines on its axis, with the spread of the uncertain parameters."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from beamline.offline.peaks import PeakFit, fit_peak, mean_of_sizes
from beamline.offline.reading import OfflineMeasurement
from beamline.physics import draw, nominal, predict, settings, steps_array
from beamline.recipe import Dot, Glass, HeatTreatment, Line, hc_eV_nm
from beamline.records import Ledger, Run

__all__ = ["Marker", "markers", "markers_of", "measured_at"]

N_DRAWS = 64
BRAGG_OF = {"green_xrd_110_deg": ("green_lattice_A", 2.0), "green_xrd_200_deg": ("green_lattice_A", 4.0)} | {
    "red_xrd_200_deg": ("red_lattice_A", 4.0)
}
"""Observables of diffraction, from the lattice: the model's own angles are for copper, files may be for another anode."""
OBSERVABLES = {
    "xrd": {
        "CsPbBr3 (110)": "green_xrd_110_deg",
        "CsPbBr3 (200)": "green_xrd_200_deg",
        "Cs-Pb-Br-I (200)": "red_xrd_200_deg",
    },
    "raman": {"low mode": "red_raman_low_1_cm", "high mode": "red_raman_high_1_cm"},
    "xps": {},
    "absorption": {"green exciton": "green_bleach_eV", "red exciton": "red_bleach_eV"},
    "transient_absorption": {"green bleach": "green_bleach_eV", "red bleach": "red_bleach_eV"},
    "tem_sizes": {"green crystals": "green_TEM_diameter_nm", "red crystals": "red_TEM_diameter_nm"},
}
HALF_WINDOWS = {"two_theta_deg": 1.0, "raman_shift_1_cm": 12.0, "wavelength_nm": 15.0, "energy_eV": 0.07}
"""How far from the prediction a measured peak is looked for."""


@dataclass(frozen=True, slots=True)
class Marker:
    """A predicted place on the axis of a measurement.

    Attributes:
        label: what of.
        place: by the nominal parameters, in the axis' unit.
        sd: one sigma of the parameters.
        is_red: of the red phase.
    """

    label: str
    place: float
    sd: float
    is_red: bool


def markers(
    measurement: OfflineMeasurement, glass: Glass, writing: Dot | Line, treatments: Sequence[HeatTreatment]
) -> tuple[Marker, ...]:
    """The model's lines for a site.

    Args:
        measurement: whose technique and axis they are for.
        glass: of the coupon.
        writing: of the site.
        treatments: of the coupon, in their order.

    Returns:
        Those of phases that there are; none for XPS, whose positions the model gives only against one another.

    Raises:
        SettingError: the writing lies outside the model's validity.
    """
    steps = [step for treatment in treatments for step in treatment.steps()]
    table = steps_array(steps) if steps else np.zeros((0, 2))
    sets = np.concatenate((nominal(), draw(np.random.default_rng(0), N_DRAWS)))
    seen = predict(settings([writing], glass.iodide_fraction), table, sets)[:, 0]
    found = []
    for label, name in OBSERVABLES[measurement.technique.name].items():
        phase = name.partition("_")[0]
        is_there = float(seen["red_share"][0]) if phase == "red" else 1.0 - float(seen["red_share"][0])
        if is_there <= 0.0 or float(seen["crystal_amount"][0]) <= 0.0:
            continue
        places = _on_axis(measurement, name, seen)
        good = places[np.isfinite(places)]
        if np.isfinite(places[0]):
            found.append(Marker(label, float(places[0]), float(np.std(good)), phase == "red"))
    return tuple(found)


def _on_axis(measurement: OfflineMeasurement, name: str, seen: np.ndarray) -> np.ndarray:
    """An observable in the unit of the measurement's axis, for each set of parameters."""
    if measurement.technique.name == "xrd":
        lattice, hkl_squared = BRAGG_OF[name]
        sine = 0.5 * float(measurement.x_ray_wavelength_A or math.nan) * math.sqrt(hkl_squared) / seen[lattice]
        return np.asarray(2.0 * np.degrees(np.arcsin(np.where(sine < 1.0, sine, np.nan))))
    values: np.ndarray = seen[name]
    return hc_eV_nm / values if measurement.axis.name == "wavelength_nm" else values


def markers_of(run: Run, measurement: OfflineMeasurement, ledger: Ledger) -> tuple[tuple[Marker, ...], str]:
    """The model's lines for the site, or the coupon, that a run is of, and what they are for.

    A measurement of a whole coupon is compared where all its sites were written with one recipe.
    """
    coupon = ledger.coupon(run.start["coupon"]["serial"])
    names = list(run.start["sites"]) or list(coupon.sites)
    written = [s for s in (coupon.sites[n] for n in names if n in coupon.sites) if s.recipe and s.n_exposures]
    recipes = {str(s.recipe.writing) for s in written if s.recipe}
    if coupon.glass is None or not written:
        return (), "nothing is written there: the model has no crystals (P10)"
    if len(recipes) > 1:
        return (
            (),
            f"{len(written)} sites with {len(recipes)} recipes: attach it to one of them to be compared with the model",
        )
    site = written[0]
    assert site.recipe is not None  # those without were left out
    about = f"model of {site.name if run.start['sites'] else f'its {len(written)} sites'}"
    return markers(measurement, coupon.glass, site.recipe.writing, coupon.heat_treatments), about


def measured_at(measurement: OfflineMeasurement, marker: Marker, others: Sequence[Marker] = ()) -> PeakFit | None:
    """Where the measurement has what a marker predicts.

    Args:
        measurement: in which is looked.
        marker: what is looked for.
        others: a peak that lies nearer to one of these is not this one.

    Returns:
        None where it shows no peak there.
    """
    if measurement.technique.name == "tem_sizes":
        return mean_of_sizes(measurement.x)
    y = measurement.y
    if measurement.delays_ps is not None:
        y = -y[int(np.argmax(np.abs(y).max(axis=1)))]  # the strongest delay; a bleach is negative
    apart = [abs(other.place - marker.place) for other in others if other != marker]
    half_window = min([HALF_WINDOWS[measurement.axis.name], *(0.5 * distance for distance in apart)])
    return fit_peak(measurement.x, y, marker.place, half_window)
