"""A folder as a student leaves it: a table of four sites on two coupons, spectra in four forms, a furnace log."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from beamline.analysis import band, energy_eV, jacobian_nm_per_eV

AXIS_nm = np.linspace(430.0, 830.0, 700)

ROWS: list[dict[str, Any]] = [
    {
        "coupon": serial,
        "glass": "BrI",
        "bromide": 1.5,
        "iodide": 1.5,
        "site": site,
        "x_mm": x,
        "y_mm": 5,
        "mode": "line",
        "pulse_energy_uJ": energy,
        "speed_mm_s": 0.4,
        "temperature_C": 480,
        "hold_s": 3600,
        "spectrum_file": f"{serial}_{site}.csv",
        "dark_file": "",
        "integration_s": 0.2,
        "n_averages": 10,
    }
    for serial, site, x, energy in (("M1", "A", 5, 120), ("M1", "B", 9, 180), ("M2", "A", 5, 150), ("M2", "B", 9, 240))
]
PEAKS_nm = {"M1_A": (514.0, 640.0), "M1_B": (514.0, 632.0), "M2_A": (515.0,), "M2_B": ()}

Write = Callable[..., Path]


def counts(name: str, dark_of: str = "") -> tuple[np.ndarray, np.ndarray]:
    """Mean counts of a site, and a dark that all sites share, or that belongs to `dark_of`; shape (pixels,)."""
    rng = np.random.default_rng(sum(map(ord, name)))
    rate = np.zeros(len(AXIS_nm))
    for peak_nm in PEAKS_nm.get(name, ()):
        density = band(energy_eV(AXIS_nm), 6e5, float(energy_eV(peak_nm)), 0.09, log_asymmetry=0.14)
        rate += density / jacobian_nm_per_eV(AXIS_nm) * np.gradient(AXIS_nm)
    dark = 1000.0 + np.random.default_rng(len(dark_of)).normal(0.0, 5.0, len(AXIS_nm))
    return 1000.0 + 0.2 * rate + rng.normal(0.0, 5.0, len(AXIS_nm)), dark


def lines(*columns: np.ndarray, separator: str = ",") -> str:
    return "".join(separator.join(map(repr, map(float, row))) + "\n" for row in zip(*columns, strict=True))


@pytest.fixture
def table(tmp_path: Path) -> Write:
    """Writes the table with its files; arguments change cells of all rows, `rows` the rows themselves."""

    def write(rows: list[dict[str, Any]] | None = None, name: str = "runs.csv", **changes: Any) -> Path:
        folder = tmp_path / "lab"
        folder.mkdir(exist_ok=True)
        for site in PEAKS_nm:
            (folder / f"{site}.csv").write_text(
                "wavelength_nm,counts,dark\n" + lines(AXIS_nm, *counts(site)), encoding="utf-8"
            )
        made = [row | changes for row in (rows or ROWS)]
        with (folder / name).open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(dict.fromkeys(key for row in made for key in row)))
            writer.writeheader()
            writer.writerows(made)
        return folder / name

    return write
