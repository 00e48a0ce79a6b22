"""A measurement from elsewhere, drawn beside what the model predicts."""

from __future__ import annotations

import numpy as np

from beamline.offline.intake import attached
from beamline.offline.model import Marker, markers_of, measured_at
from beamline.offline.peaks import PeakFit
from beamline.records import Ledger, Run
from beamline.report.style import BLUE, GREEN, INK, RED, Drawing, Footer, new_figure

__all__ = ["Compared", "compared", "draw_measurement"]

Compared = tuple[Marker, PeakFit | None]


def compared(run: Run, ledger: Ledger) -> tuple[tuple[Compared, ...], str]:
    """What the model predicts of a run's measurement, each beside where it was found, and what the model was asked.

    One mean of sizes is found for both phases: a microscope's list does not say which crystal is which.
    """
    measurement = attached(run)
    lines, about = markers_of(run, measurement, ledger)
    return tuple((line, measured_at(measurement, line, lines)) for line in lines), about


def draw_measurement(run: Run, ledger: Ledger, code_version: str) -> Drawing:
    """The figure of a run; call within `styled`."""
    measurement = attached(run)
    rows, about = compared(run, ledger)
    technique, axis = measurement.technique, measurement.axis
    start = run.start
    place = " ".join([start["coupon"]["serial"], *start["sites"]])
    figure = new_figure(3.6)
    axes = figure.subplots()
    table: dict[str, np.ndarray]
    if technique.name == "tem_sizes":
        axes.hist(measurement.x, bins="auto", color=BLUE, alpha=0.6)
        table = {axis.name: measurement.x}
    elif measurement.delays_ps is not None:
        shown = np.unique(np.linspace(0, len(measurement.delays_ps) - 1, 6).astype(int))
        for i in shown:
            axes.plot(measurement.x, measurement.y[i], label=f"{measurement.delays_ps[i]:g} ps")
        table = {axis.name: measurement.x} | {
            f"delta_absorbance_{delay:g}_ps": row
            for delay, row in zip(measurement.delays_ps, measurement.y, strict=True)
        }
    else:
        axes.plot(measurement.x, measurement.y, color=INK, lw=0.9)
        table = {axis.name: measurement.x, "signal": measurement.y}
    for line, found in rows:
        colour = RED if line.is_red else GREEN
        axes.axvspan(line.place - line.sd, line.place + line.sd, color=colour, alpha=0.15, lw=0)
        label = f"model: {line.label}, {line.place:.4g} ± {line.sd:.2g} {axis.unit}"
        axes.axvline(line.place, color=colour, ls="--", lw=1.0, label=label)
        if found is not None:
            axes.axvline(
                found.place, color=BLUE, lw=0.8, label=f"measured: {found.place:.5g} ± {found.sd:.2g} {axis.unit}"
            )
    axes.set_xlabel(axis.label)
    if axis.name == "binding_energy_eV":
        axes.invert_xaxis()  # as everybody draws it
    unit = "" if technique.signal_unit == "1" else f" ({technique.signal_unit})"
    axes.set_ylabel(f"{technique.signal}{unit}")
    axes.set_title(f"{technique.title}, {place}")
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="best")
    note = f"{measurement.note}; " if measurement.note else ""
    x_rays = f", X-rays of {measurement.x_ray_wavelength_A:g} A" if measurement.x_ray_wavelength_A else ""
    return Drawing(
        name=f"{technique.name}-{run.uid[:8]}",
        title=f"{technique.title}, {place}",
        caption=f"{measurement.file.name}{x_rays}; {note}{about}. Bands: one sigma of the model's parameters.",
        figure=figure,
        table=table,
        footer=Footer((run.uid,), f"n = {measurement.x.size}", "model 1σ", code_version),
    )
