"""Bias and coverage of the analysis on synthetic data of known truth, and the speed of a map.

    python benchmarks/analysis.py [bands[=N]] [decays[=N]] [speed[=N]] [--rows FILE] [--jobs 2] [--table]

N spectra of each kind (150). Asked for: a bias below 0.1 sigma, the truth in the intervals of 68 and 95 % within 5 points, over
signal-to-noise ratios from 3 to 1000 and overlaps down to one width; two phases called one in at most 1 %. The last column
says "holds", or what does not. Spectrum number i of a cell is always the same one: `--rows` keeps what is finished, a line of
JSON for each cell, what is there is not run again, and a larger N adds to it; `--table` runs nothing.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

if __name__ == "__main__":  # before anything loads them: the processes are as many as there are to be
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(name, "1")

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray
from scipy.optimize import least_squares
from scipy.signal import lfilter

from beamline.analysis import Average, Detector, analyse_map, band, energy_eV, fit_decay, jacobian_nm_per_eV
from beamline.analysis.fit import LOG_ASYMMETRY_PRIOR, TAIL_PRIOR, FWHM_PRIOR_eV
from beamline.analysis.prepare import binned
from beamline.analysis.search import Search
from beamline.analysis.select import best_fit
from beamline.analysis.spectrum import FALSE_POSITIVE

Floats = NDArray[np.float64]
AXIS = np.linspace(430.0, 830.0, 2048)
ENERGY = energy_eV(AXIS)
PER_PIXEL = np.gradient(AXIS) / jacobian_nm_per_eV(AXIS)
READ_COUNTS, N_AVERAGES = 10.0, 10
DETECTOR = Detector(read_noise_counts=READ_COUNTS, nonuniformity=0.0)


def spectrum(rng: np.random.Generator, light: Floats) -> tuple[Floats, Floats]:
    """Counts with light and without, shot noise and read noise."""
    dark, noise = np.full(AXIS.size, 1000.0), READ_COUNTS / math.sqrt(N_AVERAGES)
    gain = DETECTOR.gain_counts_per_electron
    shot = rng.poisson(light * N_AVERAGES / gain) * gain / N_AVERAGES
    return dark + shot + noise * rng.standard_normal(AXIS.size), dark + noise * rng.standard_normal(AXIS.size)


def area_for(signal_to_noise: float, shape: Floats) -> float:
    """Area of a band whose highest pixel is so many sigma of that pixel (difference of two means)."""
    still = 2.0 * READ_COUNTS**2 / N_AVERAGES
    gain = DETECTOR.gain_counts_per_electron / N_AVERAGES
    s2 = signal_to_noise**2
    height = 0.5 * (s2 * gain + math.sqrt((s2 * gain) ** 2 + 4.0 * s2 * still))
    return height / float(shape.max())


def from_prior(rng: np.random.Generator, prior: tuple[float, float], low: float, high: float) -> float:
    """A number that the fit's prior expects, within its bounds."""
    while True:
        value = float(rng.normal(*prior))
        if low < value < high:
            return value


def band_pull(ratio: float, apart: float, i: int) -> list[float] | None:
    """Spectrum number i of a cell: (fit - truth) / sigma of the red peak; None where one band is said to be all."""
    rng = np.random.default_rng([int(ratio), int(10 * apart), i])
    widths = [from_prior(rng, FWHM_PRIOR_eV, 0.05, 0.2) for _ in range(2)]
    distance = apart * 0.5 * sum(widths)
    red = 2.3175 - 0.52 * distance  # the border of the phases between them: two of one phase are fitted as one
    shape = [
        band(
            ENERGY,
            1.0,
            peak,
            fwhm,
            log_asymmetry=from_prior(rng, LOG_ASYMMETRY_PRIOR, -0.6, 0.6),
            tail=from_prior(rng, TAIL_PRIOR, 0.2, 0.8),
        )
        * PER_PIXEL
        for peak, fwhm in zip((red + distance, red), widths, strict=True)
    ]
    light = sum(area_for(ratio, one) * one for one in shape)
    data = binned(AXIS, *spectrum(rng, np.asarray(light)), N_AVERAGES, DETECTOR)
    fit = best_fit(data, Search(data), FALSE_POSITIVE)
    if len(fit.bands) != 2:
        return None
    found = min(fit.results, key=lambda b: b.peak_eV)
    return [(found.peak_eV - red) / found.sd_peak_eV]


def decay_pulls(photons: float, i: int) -> list[float]:
    """Histogram number i, three exponentials behind a response of 0.5 ns: of either average what `AVERAGES` names."""
    width, n_bins, rate = 0.25, 1024, 1000.0
    edges = (np.arange(n_bins) + 0.5) * width - 4.0
    response = np.exp(-0.5 * (edges / 0.22) ** 2)
    response /= response.sum()
    rng = np.random.default_rng([int(photons), i])
    middle = float(rng.uniform(10, 25))
    lifetimes = np.array([middle / 5, middle, middle * 3])
    shares = np.array([0.15, 0.5, 0.35]) * rng.uniform(0.8, 1.2, 3)
    shares /= shares.sum()
    mean = np.zeros(n_bins)
    for tau, share in zip(lifetimes, shares, strict=True):
        q = math.exp(-width / tau)
        mean += photons * share * lfilter([1 - q], [1, -q], response)
    counts = rng.poisson(mean + 0.1)
    fit = fit_decay(counts, response, width, excitation_rate_kHz=rate)
    truths = {"intensity": float(shares @ lifetimes), "amplitude": float(1 / (shares / lifetimes).sum())}
    said: list[float] = []
    for kind in AVERAGES:
        truth = truths[kind]
        low, high = fit.average_interval_ns(kind)
        lowest, highest = fit.average_interval_ns(kind, 0.95)
        sd = 0.5 * (high - low)
        said += [(fit.average_ns(kind) - truth) / sd, sd / truth, low < truth < high, lowest < truth < highest]
    return [float(value) for value in said]


AVERAGES: tuple[Average, ...] = ("intensity", "amplitude")
OF: dict[str, Callable[..., list[float] | None]] = {"bands": band_pull, "decays": decay_pulls}
CELLS: dict[str, list[list[float]]] = {
    "bands": [[ratio, apart] for apart in (3.0, 1.0, 1.5) for ratio in (3.0, 10.0, 30.0, 100.0, 300.0, 1000.0)],
    "decays": [[1e4], [1e5], [1e6]],
}
"""Signal-to-noise ratio of the highest pixel and distance in mean widths; photons. The quick ones first."""
TOGETHER = 10
LARGEST_BIAS_SD, LARGEST_MISS, MOST_CALLED_ONE = 0.1, 0.05, 0.01
"""What is asked for: bias, coverage of the intervals of 68 and 95 %, two phases called one."""


def run(kind: str, n: int, path: Path, jobs: int) -> None:
    """What is missing of each cell's first n, a line of JSON and of the table as each is done."""
    there = read_rows(path)
    for cell in CELLS[kind]:
        values = longest(there, kind, cell)
        with Parallel(n_jobs=jobs) as parallel:
            parts = parallel(
                delayed(_part)(kind, cell, begin, min(begin + TOGETHER, n)) for begin in range(len(values), n, TOGETHER)
            )
        if parts:
            values = [*values, *(value for part in parts for value in part)]
            with path.open("ab", buffering=0) as file:
                file.write((json.dumps({"kind": kind, "cell": cell, "values": values}) + "\n").encode())
        print("\n".join(lines(kind, cell, values)), flush=True)


def _part(kind: str, cell: list[float], begin: int, end: int) -> list[list[float] | None]:
    return [OF[kind](*cell, i) for i in range(begin, end)]


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Finished rows; a line that was cut off is left out."""
    rows = []
    for line in path.read_text().splitlines() if path.exists() else []:
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return rows


def longest(rows: list[dict[str, Any]], kind: str, cell: list[float]) -> list[list[float] | None]:
    """What is known of a cell; nothing where it was never run."""
    found = [row["values"] for row in rows if row["kind"] == kind and row["cell"] == cell]
    return max(found, key=len, default=[])


def lines(kind: str, cell: list[float], values: list[list[float] | None]) -> list[str]:
    """A cell in the table; its last column names what is not as it is asked for."""
    if kind == "bands":
        z = np.array([value[0] for value in values if value is not None] or [np.nan])
        one = sum(value is None for value in values) / len(values)
        shares = float(np.mean(abs(z) < 1)), float(np.mean(abs(z) < 1.96))
        misses = _misses(float(z.mean()), shares, one)
        said = f"{cell[0]:6g} {cell[1]:6g} {len(values):5d} {one:10.3f} {z.mean():7.3f} {z.std() / math.sqrt(z.size):6.3f} "
        return [said + f"{np.median(z):7.3f} {shares[0]:6.3f} {shares[1]:6.3f}  {misses}"]
    table = np.array(values, dtype=float).reshape(len(values), len(AVERAGES), 4)
    found = []
    for name, (z, relative, in_68, in_95) in zip(AVERAGES, np.moveaxis(table, (1, 2), (0, 1)), strict=True):
        misses = _misses(float(z.mean()), (float(in_68.mean()), float(in_95.mean())), 0.0)
        found.append(
            f"{cell[0]:8.0e} {name:>10} {len(z):4d} {z.mean():8.3f} {z.std() / math.sqrt(len(z)):6.3f} {in_68.mean():6.3f} "
            f"{in_95.mean():6.3f} {np.median(relative):8.4f}  {misses}"
        )
    return found


def _misses(bias: float, shares: tuple[float, float], called_one: float) -> str:
    wrong = {
        "bias": abs(bias) >= LARGEST_BIAS_SD,
        "68 %": abs(shares[0] - 0.68) > LARGEST_MISS,
        "95 %": abs(shares[1] - 0.95) > LARGEST_MISS,
        "called one": called_one > MOST_CALLED_ONE,
    }
    return ", ".join(name for name, is_wrong in wrong.items() if is_wrong) or "holds"


HEADS = {
    "bands": "\nbands: peak of the red one; S/N of its highest pixel; distance in mean widths; pulls (fit - truth) / sigma\n"
    f"{'S/N':>6} {'apart':>6} {'n':>5} {'called one':>10} {'mean':>7} {'+-':>6} {'median':>7} {'68 %':>6} {'95 %':>6}",
    "decays": "\nlifetimes: pulls of the averages (intensity, amplitude), number of exponentials as the data ask for\n"
    f"{'photons':>8} {'kind':>10} {'n':>4} {'bias/sd':>8} {'+-':>6} {'68 %':>6} {'95 %':>6} {'rel. sd':>8}",
}


def speed(n_loop: int = 300) -> None:
    """A map of 200 x 200 spectra of 2048 pixels, made on the way, so that memory is that of the analysis.

    Beside it the plain way: the same model fitted to one spectrum after the other with scipy, `n_loop` of them.
    """
    rng = np.random.default_rng(0)
    green, red = (band(ENERGY, 1.0, peak, 0.09, log_asymmetry=0.1) * PER_PIXEL for peak in (2.41, 2.02))
    light = [10.0 ** rng.uniform(2, 6, 1000) * (rng.random(1000) > 0.3) for _ in range(2)]
    net = 0.2 * (light[0][:, None] * green + light[1][:, None] * red)
    part = 1000.0 + net + np.sqrt(10.0 + 0.03 * net) * rng.standard_normal(net.shape)

    def parts(n: int) -> Iterator[Floats]:
        for _ in range(n):
            yield part

    dark = np.full(AXIS.size, 1000.0)
    analyse_map(AXIS, parts(1), dark, integration_s=0.2, n_averages=10)  # compiles, or loads what was compiled
    before_MB = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    each_s = 0.0
    for n in (10, 40, 160):
        told: list[int] = []
        begin, cpu = time.perf_counter(), time.process_time()
        analyse_map(AXIS, parts(n), dark, integration_s=0.2, n_averages=10, progress=told.append)
        seconds, cpu_s = time.perf_counter() - begin, time.process_time() - cpu
        each_s = seconds / (n * 1000)
        memory_MB = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(
            f"map of {n * 1000:7d} spectra of 2048 pixels: {seconds:6.2f} s ({cpu_s:.2f} s of processors), "
            f"{len(told)} reports of progress; largest memory so far {memory_MB:.0f} MB, before {before_MB:.0f} MB"
        )
    begin = time.perf_counter()
    for counts in part[:n_loop]:
        _plain(counts - dark)
    loop_s = (time.perf_counter() - begin) / n_loop
    print(
        f"one by one with scipy: {1e3 * loop_s:.1f} ms a spectrum, {loop_s / each_s:.0f} times as long; "
        f"200 x 200 take {4e4 * loop_s:.0f} s"
    )


def _plain(net: Floats) -> None:
    """Sums in two bands, and two Gaussians of energy with a background, by scipy's least squares."""
    inside = (AXIS > 450.0) & (AXIS < 800.0)
    energy, width = ENERGY[inside], PER_PIXEL[inside]
    sd = np.sqrt(20.0 + 0.03 * np.maximum(net[inside], 0.0))
    for middle_nm in (514.0, 613.0):
        net[np.abs(AXIS - middle_nm) < 10.0].sum()

    def residual(p: Floats) -> Floats:
        model = np.full(energy.size, p[0])
        for area, place, fwhm in (p[1:4], p[4:7]):
            model = model + band(energy, area, place, fwhm) * width
        return np.asarray((model - net[inside]) / sd)

    low = [-np.inf, -np.inf, 2.32, 0.05, -np.inf, 1.68, 0.05]
    high = [np.inf, np.inf, 2.58, 0.30, np.inf, 2.30, 0.30]
    size = max(float(np.sum(np.maximum(net[inside], 0.0))), 1.0)
    least_squares(residual, [0.0, 0.5 * size, 2.41, 0.1, 0.5 * size, 2.02, 0.1], bounds=(low, high), x_scale="jac")


def main() -> None:
    """Run what is asked for and is not there yet; with --table say what is there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "asked", nargs="*", default=["bands", "decays", "speed"], help="bands[=N], decays[=N], speed[=N]"
    )
    parser.add_argument("--rows", type=Path, help="absent: a file that is thrown away")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--table", action="store_true", help="only of the rows that are there")
    options = parser.parse_args()
    path = options.rows or Path(tempfile.mkdtemp()) / "rows.jsonl"
    for asked in options.asked:
        name, _, number = asked.partition("=")
        if name == "speed":
            if not options.table:
                speed(*([int(number)] if number else []))
            continue
        print(HEADS[name])
        if not options.table:
            run(name, int(number or 150), path, options.jobs)
            continue
        rows = read_rows(path)
        for cell in CELLS[name]:
            if values := longest(rows, name, cell):
                print("\n".join(lines(name, cell, values)))


if __name__ == "__main__":
    main()
