"""Draws the figures of docs/explanation/physics.md: `python docs/figures/physics.py [FOLDER]`. The same code, the same bytes."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

from beamline.physics import PARAMETERS, decay, make_settings, nominal, predict, predict_spectra
from beamline.physics.conduction import field, temperature_K
from beamline.physics.constants import ZERO_CELSIUS_K, HC_eV_nm
from beamline.physics.explore import Exploration, explore
from beamline.physics.laser import absorb
from beamline.physics.nucleation import nose, nucleation_rate_1_s
from beamline.physics.sensitivity import sensitivities
from beamline.report.style import BLUE, GREEN, INK, ORANGE, PURPLE, RED, SKY, new_figure, styled

FOLDER = Path(__file__).parents[1] / "explanation" / "figures"

P = nominal()
LINE = make_settings(iodide_fraction=0.5, pulse_energy_uJ=200.0, speed_mm_s=0.4)
AS_WRITTEN = np.zeros((0, 2))
DRAWS = 2000


def writing() -> Any:
    """Temperature around a dot and a line, and the rate of nucleation against temperature."""
    figure = new_figure(3.4)
    left, right = figure.subplots(1, 2)
    r_um = np.linspace(0.5, 90.0, 200)
    for label, colour, setting in (
        ("dot after 5 s", BLUE, make_settings(iodide_fraction=0.5, pulse_energy_uJ=200.0, exposure_s=5.0)[0]),
        ("line at 0.4 mm/s", ORANGE, LINE[0]),
        ("line at 3 mm/s", PURPLE, make_settings(iodide_fraction=0.5, pulse_energy_uJ=200.0, speed_mm_s=3.0)[0]),
    ):
        around = field(setting, P[0], absorb(setting, P[0], 1.0))
        left.plot(r_um, [temperature_K(around, r) - ZERO_CELSIUS_K for r in r_um], color=colour, label=label)
    for name, symbol in (("liquidus_K", "T_L"), ("nose_K", "T_nose")):
        left.axhline(P[0][name] - ZERO_CELSIUS_K, color=INK, lw=0.8, ls=":")
        left.annotate(symbol, (89.0, P[0][name] - ZERO_CELSIUS_K), ha="right", va="bottom", fontsize=7.5)
    left.set(xlabel="distance from the axis (um)", ylabel="mean temperature (degC)", title="Heat of 200 uJ at 10 kHz")
    left.legend()
    curve = nose(P[0])
    T_K = np.linspace(700.0, 1250.0, 300)
    right.semilogy(T_K - ZERO_CELSIUS_K, [max(nucleation_rate_1_s(curve, T), 1e-9) for T in T_K], color=BLUE)
    right.set(xlabel="temperature (degC)", ylabel="rate of nucleation (1/s)", ylim=(1e-6, 1.0), title="The nose")
    return figure


def spectra() -> Any:
    """Spectra of the paper's samples and decays."""
    figure = new_figure(3.4)
    left, right = figure.subplots(1, 2)
    wavelength_nm = np.linspace(450.0, 780.0, 331)
    twice = make_settings(iodide_fraction=0.5, pulse_energy_uJ=200.0, speed_mm_s=0.4, n_passes=2)
    for label, colour, setting, steps in (
        ("as written", GREEN, LINE, AS_WRITTEN),
        ("2 h at 550 degC", ORANGE, LINE, [[550.0, 7200.0]]),
        ("written twice", RED, twice, AS_WRITTEN),
    ):
        _, light = predict_spectra(setting, steps, P, wavelength_nm)
        left.plot(wavelength_nm, light[0, 0] / light.max(), color=colour, label=label)
    left.set(xlabel="wavelength (nm)", ylabel="photons per nm (of the largest)", title="Br&I: P14, P24, P32")
    left.legend()
    time_ns = np.linspace(0.0, 1500.0, 600)
    pure = make_settings(iodide_fraction=1.0, pulse_energy_uJ=200.0, speed_mm_s=0.4)
    for label, colour, setting, steps, phase in (
        ("Br&I, green, 28.89 ns", GREEN, LINE, AS_WRITTEN, "green"),
        ("Br&I, red, 35.97 ns", ORANGE, LINE, AS_WRITTEN, "red"),
        ("I as written, 120 ns", BLUE, pure, AS_WRITTEN, "red"),
        ("I after 200 degC, 2000 ns", PURPLE, pure, [[200.0, 7200.0]], "red"),
    ):
        curve = decay(predict(setting, steps, P), time_ns, phase)[0, 0]  # type: ignore[arg-type]  # it is one of the two
        right.semilogy(time_ns, curve / curve[0], color=colour, label=label)
    right.set(xlabel="time (ns)", ylabel="light (of that at once)", ylim=(1e-5, 1.3), title="Decays: P16, P26")
    right.legend()
    return figure


def _band(axes: Any, found: Exploration, x_label: str, y_label: str) -> None:
    ((_, values),) = found.varied.items()
    axes.fill_between(values, found.quantiles[0], found.quantiles[4], color=SKY, alpha=0.25, lw=0, label="5 to 95 %")
    axes.fill_between(values, found.quantiles[1], found.quantiles[3], color=SKY, alpha=0.5, lw=0, label="16 to 84 %")
    axes.plot(values, found.quantiles[2], color=BLUE, label="median")
    axes.plot(values, found.nominal, color=ORANGE, ls="--", label="nominal")
    axes.set(xlabel=x_label, ylabel=y_label)


def prior() -> Any:
    """What the prior says, with its spread."""
    figure = new_figure(3.2)
    panels = figure.subplots(1, 3)
    speed, temperature, energy = np.geomspace(0.1, 3.0, 41), np.linspace(200.0, 600.0, 41), np.linspace(20.0, 300.0, 41)
    _band(
        panels[0],
        explore("size_um", {"speed_mm_s": speed}, {}, n_draws=DRAWS),
        "speed (mm/s)",
        "width of the line (um)",
    )
    _band(
        panels[1],
        explore("red_peak_nm", {"temperature_C": temperature}, {}, n_draws=DRAWS),
        "2 h at (degC)",
        "red peak (nm)",
    )
    _band(
        panels[2],
        explore("size_um", {"pulse_energy_uJ": energy}, {"exposure_s": 5.0}, n_draws=DRAWS),
        "energy (uJ)",
        "dot of 5 s (um)",
    )
    for paper, value, away, side in (
        ("P24: 647 nm", (550.0, 647.0), (-5, 3), "right"),
        ("P14: 613 nm", (200.0, 613.0), (4, -10), "left"),
    ):
        panels[1].plot(*value, "o", color=RED, ms=4)
        panels[1].annotate(paper, value, textcoords="offset points", xytext=away, ha=side, fontsize=7)
    panels[2].legend()
    return figure


def drivers() -> Any:
    """What moves the red peak most, per sigma of the prior."""
    figure = new_figure(3.0)
    axes = figure.subplots()
    here = predict(LINE, AS_WRITTEN, P)["red_peak_eV"][0, 0]
    slopes = sensitivities(LINE, AS_WRITTEN, P, ["red_peak_eV"])["red_peak_eV"][0] * -HC_eV_nm / here**2
    order = np.argsort(-np.abs(slopes))[:14]
    axes.barh(range(order.size), slopes[order], color=[BLUE if s > 0 else ORANGE for s in slopes[order]])
    axes.set_yticks(range(order.size), [PARAMETERS[i].name for i in order], fontsize=7)
    axes.invert_yaxis()
    axes.set(xlabel="shift of the nominal red peak (613 nm) by one sigma of the parameter (nm)")
    return figure


FIGURES = {"physics-writing": writing, "physics-light": spectra, "physics-prior": prior, "physics-drivers": drivers}


def main(folder: Path = FOLDER) -> None:
    """All figures as SVG."""
    folder.mkdir(parents=True, exist_ok=True)
    with styled():
        for name, make in FIGURES.items():
            figure = make()
            figure.savefig(folder / f"{name}.svg", metadata={"Date": None, "Creator": None})


if __name__ == "__main__":
    main(*(Path(argument) for argument in sys.argv[1:2]))
