"""A QR code in two colours against crosstalk, noise and jitter of the energy; and how many colours a site can hold.

`python benchmarks/patterns.py [--png FILE]`

The light of each stroke is the model's at the energy that its line got; a cell's reading holds a share of its four neighbours'
light, and counted photons. Colours are read as `beamline.experiments` reads them, bits by the middle between two clusters,
the code by zxing-cpp. 20 seeds each.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
import zxingcpp
from numpy.typing import NDArray

from beamline.analysis import GREEN_MAP, BandPass
from beamline.experiments import Colour, candidates, grey_image, palette
from beamline.patterns import Pattern, PatternError, qr_pattern, strokes
from beamline.physics import nominal, predict_spectra, settings
from beamline.recipe import Glass, Line

Floats = NDArray[np.float64]
GLASS = Glass(name="BrI", bromide=1.5, iodide=1.5)
TEXT, N_SEEDS = "vitrail 613", 20
GREEN, RED = Line(pulse_energy_uJ=200.0, speed_mm_s=1.0), Line(pulse_energy_uJ=200.0, speed_mm_s=0.4)
WAVELENGTH_NM = np.arange(460.0, 761.0, 1.0)
BANDS = GREEN_MAP, BandPass(590.0, 720.0)
FACTORS = np.linspace(0.4, 1.6, 49)
CROSSTALK, PHOTONS, JITTER = 0.05, 1e4, 0.025
"""Where the others are held."""


def light_by_energy(lines: list[Line]) -> Floats:
    """Light in both bands over the energy's factor, shape (lines, 2, factors)."""
    moved = [
        one.model_copy(update={"pulse_energy_uJ": min(one.pulse_energy_uJ * f, 400.0)})
        for one in lines
        for f in FACTORS
    ]
    _, rate = predict_spectra(settings(moved, 0.5), np.zeros((0, 2)), nominal(), WAVELENGTH_NM)
    bands = np.stack([rate[0] @ band.transmission(WAVELENGTH_NM) for band in BANDS], axis=-1)
    return np.asarray(bands.reshape(len(lines), len(FACTORS), 2).transpose(0, 2, 1))


def reading(
    pattern: Pattern, table: Floats, rng: np.random.Generator, *, crosstalk: float, photons: float, jitter: float
) -> Floats:
    """Share of red of each cell, shape of the cells."""
    of_cell = np.zeros((2, *pattern.cells.shape))
    recipes = dict.fromkeys(pattern.colours, GREEN)
    for stroke in strokes(pattern, recipes):
        row, column = (int(v) for v in stroke.name[1:].split("c"))
        n = round(stroke.line.length_mm / pattern.cell_mm)
        factor = float(np.clip(rng.normal(1.0, jitter), FACTORS[0], FACTORS[-1]))
        for b in range(2):
            of_cell[b, row, column : column + n] = np.interp(factor, FACTORS, table[stroke.colour - 1, b])
    around = np.pad(of_cell, ((0, 0), (1, 1), (1, 1)))
    neighbours = around[:, :-2, 1:-1] + around[:, 2:, 1:-1] + around[:, 1:-1, :-2] + around[:, 1:-1, 2:]
    seen = (1.0 - crosstalk) * of_cell + 0.25 * crosstalk * neighbours
    counts = rng.poisson(seen * photons / of_cell.sum(axis=0).mean())
    return np.asarray(counts[1] / np.maximum(counts.sum(axis=0), 1))


def two_clusters(share: Floats) -> Floats:
    """Which cells are of the redder cluster (k-means of two on a line)."""
    middle = 0.5 * float(share.min() + share.max())
    for _ in range(20):
        is_red = share > middle
        if is_red.all() or not is_red.any():
            break
        middle = 0.5 * float(share[is_red].mean() + share[~is_red].mean())
    return np.asarray(share > middle)


def sweep(name: str, values: list[float], show: Callable[[float], str]) -> list[tuple[float, float, float, float]]:
    """Rows of value, mean error of a bit, its largest over the seeds, share of codes that are read."""
    pattern = qr_pattern(TEXT, cell_mm=0.5, version=2, dark=1, light=2)
    table = light_by_energy([GREEN, RED])
    held = {"crosstalk": CROSSTALK, "photons": PHOTONS, "jitter": JITTER}
    rows = []
    for value in values:
        errors, n_read = [], 0
        for seed in range(N_SEEDS):
            share = reading(pattern, table, np.random.default_rng(seed), **{**held, name: value})
            errors.append(float(np.mean(two_clusters(share) != (pattern.cells == 2))))
            n_read += [one.text for one in zxingcpp.read_barcodes(grey_image(share))] == [TEXT]
        rows.append((value, float(np.mean(errors)), float(np.max(errors)), n_read / N_SEEDS))
        print(
            f"{name:>10} {show(value):>8}  errors of bits {rows[-1][1]:.4f} (worst {rows[-1][2]:.4f})  read {n_read}/{N_SEEDS}"
        )
    return rows


def levels(crosstalk: float) -> list[tuple[int, float]]:
    """Error of a site by the number of colours, each cell of a random one; thresholds half-way in sigma between the colours."""
    among = candidates(GLASS, pulse_energies_uJ=(120.0, 160.0, 200.0), energy_sd=JITTER)
    found = []
    for n in range(2, 17):
        chosen: tuple[Colour, ...] = ()
        try:
            chosen = palette(among, n, largest_error=0.5)
        except PatternError:
            break
        table = light_by_energy([one.line for one in chosen])
        wrong = []
        for seed in range(N_SEEDS):
            rng = np.random.default_rng(seed)
            truth = rng.integers(0, n, (20, 20))
            share = reading(Pattern.of(truth + 1, 0.5), table, rng, crosstalk=crosstalk, photons=PHOTONS, jitter=JITTER)
            # a row of each colour at the edge of a picture would give these medians
            centres = np.array([np.median(share[truth == i]) for i in range(n)])
            sds = np.array([np.median(np.abs(share[truth == i] - centres[i])) * 1.48 + 1e-4 for i in range(n)])
            edges = (centres[:-1] * sds[1:] + centres[1:] * sds[:-1]) / (sds[:-1] + sds[1:])
            wrong.append(float(np.mean(np.searchsorted(np.sort(edges), share) != truth)))
        found.append((n, float(np.mean(wrong))))
        print(
            f"{n} colours ({np.log2(n):.2f} bits a site), crosstalk {crosstalk:g}: error of a site {np.mean(wrong):.4f}"
        )
    return found


def main() -> None:
    """Sweeps, and the figure where it is asked for."""
    swept = {
        "crosstalk": sweep("crosstalk", [0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6], "{:.2f}".format),
        "photons": sweep("photons", [10.0, 30.0, 100.0, 300.0, 1e3, 1e4], "{:.0f}".format),
        "jitter": sweep("jitter", [0.0, 0.025, 0.05, 0.1, 0.15, 0.2, 0.3], "{:.3f}".format),
    }
    by_crosstalk = {crosstalk: levels(crosstalk) for crosstalk in (0.0, 0.05)}
    if "--png" in sys.argv:
        draw(swept, by_crosstalk, sys.argv[sys.argv.index("--png") + 1])


def draw(
    swept: dict[str, list[tuple[float, float, float, float]]],
    by_crosstalk: dict[float, list[tuple[int, float]]],
    path: str,
) -> None:
    """Error of a bit and share of codes read, and error of a site by the number of colours."""
    import matplotlib.pyplot as plt  # only for the figure

    figure, axes = plt.subplots(1, 4, figsize=(14.0, 3.4), layout="constrained", sharey=True)
    labels = {
        "crosstalk": "light from four neighbours (share)",
        "photons": "photons a cell",
        "jitter": "energy from line to line (1 sd, share)",
    }
    for i, (name, rows) in enumerate(swept.items()):
        value, mean, worst, read = np.array(rows).T
        axes[i].plot(value, mean, "o-", color="tab:red", label="bits that are wrong, mean of 20 seeds")
        axes[i].plot(value, worst, "v", color="tab:red", mfc="none", label="worst of 20 seeds")
        axes[i].plot(value, 1.0 - read, "s--", color="0.3", label="codes not read")
        axes[i].set_xlabel(labels[name])
    axes[1].set_xscale("log")
    axes[0].set_ylabel("share")
    axes[0].legend(fontsize=8)
    for crosstalk, found in by_crosstalk.items():
        n, wrong = np.array(found).T
        axes[3].plot(n, wrong, "o-", label=f"sites that are wrong, crosstalk {crosstalk:g}")
    axes[3].axhline(0.01, color="0.6", lw=0.8)
    axes[3].annotate("1 %", (15.0, 0.0112), fontsize=8)
    axes[3].set_xticks(range(2, 17, 2))
    axes[3].set_xlabel("colours a site")
    axes[3].legend(fontsize=8)
    axes[0].set_yscale("symlog", linthresh=1e-3)
    axes[0].set_ylim(0.0, 1.3)
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    main()
