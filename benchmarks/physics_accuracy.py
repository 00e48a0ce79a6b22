"""What the physics model's numerics cost in accuracy: `python benchmarks/physics_accuracy.py [--sets 40] [--settings 80]`.

Heat: the closed forms against finite volumes and against kernels summed over time. Pulses: the sum against Euler-Maclaurin.
Relaxation: the fixed modes against the stretched exponential. Radial grids: those of the model, and 32 equal rings, against 256
nodes, over random settings and draws of the prior. Nothing here is timed.
"""

from __future__ import annotations

import argparse

import numpy as np
import numpy.typing as npt

from beamline.physics import draw, make_settings, nominal
from beamline.physics.conduction import Field, field, pulse_train, temperature_K
from beamline.physics.constants import ROOM_TEMPERATURE_K, HC_eV_nm
from beamline.physics.independent import Heating, by_kernels, by_pulses, by_volumes
from beamline.physics.laser import absorb
from beamline.physics.nucleation import nose, nucleation_rate_1_s
from beamline.physics.radial import N_DOT, N_LINE, LineGrid, dot_rule, line_grid
from beamline.physics.reference import GRID, Grid, reference_predict
from beamline.physics.relaxation import MODE_RATES, MODE_STRETCHES, MODE_WEIGHTS

Array = npt.NDArray[np.float64]

P = nominal()[0]


def heating_of(setting: np.void, depth_um: float = np.inf) -> Heating:
    """The source of a setting under nominal parameters."""
    source = absorb(setting, P, 1.0)
    speed = 1e3 * float(setting["speed_mm_s"])
    K, c = float(P["conductivity_W_mK"]), float(P["heat_capacity_J_cm3K"])
    return Heating(source.power_W, source.radius_um, K, c, depth_um, speed)


def model_rise_K(setting: np.void, r_um: Array) -> Array:
    """The closed form, with its image."""
    around = field(setting, P, absorb(setting, P, 1.0))
    return np.array([temperature_K(around, r) for r in np.ravel(r_um)]).reshape(r_um.shape) - ROOM_TEMPERATURE_K


def dots() -> None:
    """Rise around a dot."""
    setting = make_settings(iodide_fraction=0.5, pulse_energy_uJ=200.0, exposure_s=1.0)[0]
    heating = heating_of(setting)
    print("dot of 200 uJ without a surface, closed form against finite volumes: largest error, 2 to 100 um")
    for n_shells in (300, 600, 1200):
        worst = 0.0
        for time_s in (1e-4, 1e-2, 1.0):
            r_um, exact = by_volumes(heating, time_s, n_shells)
            near = (r_um > 2.0) & (r_um < 100.0)
            strength = heating.power_W / (4 * np.pi * heating.conductivity_W_mK * 1e-6)
            spread = float(np.sqrt(heating.radius_um**2 + 4 * heating.diffusivity_um2_s * time_s))
            around = Field(strength, heating.radius_um, spread, 0.0, 400.0, 0.0)
            closed = np.array([temperature_K(around, r) for r in r_um[near]]) - ROOM_TEMPERATURE_K
            worst = max(worst, float(np.abs(closed - exact[near]).max() / closed.max()))
        print(f"  {n_shells:5} shells: {worst:.1e} of the rise at the centre")
    print(
        "dot of 200 uJ under the surface, mean field of the exposure: against kernels, rise at most and dose over the area"
    )
    curve = nose(P)
    r_um = np.linspace(1.0, 60.0, 60)
    nodes, weights = np.polynomial.legendre.leggauss(24)
    for exposure_s in (1.0, 5.0, 10.0):
        setting["exposure_s"] = exposure_s
        times_s = exposure_s * (0.5 * (nodes + 1.0)) ** 2  # dense where it warms up
        shares = weights * 0.5 * (nodes + 1.0)
        rises = np.array([by_kernels(heating_of(setting, 200.0), t, 0.0, r_um) for t in times_s])
        model = model_rise_K(setting, r_um)
        off_K = np.abs(model - shares @ rises).max()
        rates = [[nucleation_rate_1_s(curve, T) for T in ROOM_TEMPERATURE_K + rise] for rise in rises]
        dose = float(r_um @ (shares @ np.array(rates)))
        found = sum(r * nucleation_rate_1_s(curve, T) for r, T in zip(r_um, ROOM_TEMPERATURE_K + model, strict=True))
        print(
            f"  {exposure_s:4g} s: {off_K:.1f} K of {model[0]:.0f} K against the mean of the exposure; "
            f"nucleation over the area and the exposure {100 * (found / dose - 1):+.2f} %"
        )


def lines() -> None:
    """Nucleation along the path of a line: the quasi-static form against the moving source."""
    asides_um = (2.0, 10.0, 20.0, 30.0, 40.0)
    print("line of 200 uJ, quasi-static form against the moving source with its image: nucleation along the path")
    print("  at a distance of  " + "".join(f"{y:>9g} um" for y in asides_um))
    curve = nose(P)
    x_um = np.linspace(-200.0, 200.0, 1601)
    for speed_mm_s in (0.1, 0.4, 1.0, 2.0, 3.0):
        setting = make_settings(iodide_fraction=0.5, pulse_energy_uJ=200.0, speed_mm_s=speed_mm_s)[0]
        heating = heating_of(setting, 200.0)
        cells = []
        for y_um in asides_um:
            rises = (model_rise_K(setting, np.hypot(x_um, y_um)), by_kernels(heating, np.inf, x_um, y_um))
            doses = [sum(nucleation_rate_1_s(curve, T) for T in ROOM_TEMPERATURE_K + rise) for rise in rises]
            cells.append(f"{100 * (doses[0] / doses[1] - 1):+10.2f} %")
        print(f"  {speed_mm_s:11g} mm/s: " + "".join(cells))


def pulses() -> None:
    """The ripple's sum."""
    print("pulse train, Euler-Maclaurin against the sum over all pulses")
    setting = make_settings(iodide_fraction=0.5, pulse_energy_uJ=200.0, exposure_s=1.0)[0]
    heating = heating_of(setting)
    for rate_kHz in (1.0, 10.0, 100.0, 1000.0):
        worst = 0.0
        for n in (1, 6, 7, 100, 10_000, 1_000_000):
            direct = by_pulses(23.0, heating, rate_kHz * 1e3, n)
            step = 4 * heating.diffusivity_um2_s / (rate_kHz * 1e3)
            found = pulse_train(by_pulses(23.0, heating, 1.0, 1), heating.radius_um**2, step, float(n))
            worst = max(worst, abs(found / direct - 1.0))
        print(f"  {rate_kHz:5g} kHz: {worst:.1e} at most, 1 to 1 000 000 pulses")


def relaxation() -> None:
    """The eight modes."""
    time = np.geomspace(1e-6, 100.0, 400)
    modes = np.exp(-time[:, np.newaxis] * MODE_RATES) @ MODE_WEIGHTS.T
    off = np.abs(modes - np.exp(-(time[:, np.newaxis] ** MODE_STRETCHES)))
    print("halide balance, eight modes against the stretched exponential, largest difference")
    print("  " + ", ".join(f"beta {b:g}: {e:.3f}" for b, e in zip(MODE_STRETCHES, off.max(axis=0), strict=True)))


def fine(n: int) -> Grid:
    """The model's grids with n nodes each."""
    return Grid(line_grid(n, 2 * n), *dot_rule(n))


def equal_rings(n: int) -> Grid:
    """The obvious grid: n equal rings with the value at their middle, also along lines; it ends where the model's ends."""
    nodes = (np.arange(n) + 0.5) / n
    edges = np.arange(n + 1) / n
    along = 2.0 * np.sqrt(np.maximum(edges**2 - nodes[:, np.newaxis] ** 2, 0.0))
    rings = np.full(n, 1.0 / n)
    return Grid(LineGrid(nodes, rings, np.diff(along, axis=1)), nodes, rings, equal_rings=True)


def grids(n_sets: int, n_settings: int, scale: float = 1.0) -> dict[str, dict[str, float]]:
    """Errors of the model's grids and of 32 equal rings against 256 nodes; returns the ratios of their rms by kind and reading.

    Over everything that shines with at least 1e-4 of the brightest. The rms is made by a few features, most of them so
    over-exposed that they have lost nearly all of their light; the median is what is usual.

    Args:
        n_sets: draws of the prior.
        n_settings: of dots, and of lines.
        scale: factor on the spreads of the prior.
    """
    rng = np.random.default_rng(12)
    finest, ours, obvious = fine(256), GRID, equal_rings(32)
    parameters = draw(rng, n_sets, scale)
    ratios: dict[str, dict[str, float]] = {}
    print(
        f"{N_DOT} nodes of dots, {N_LINE} of lines, and 32 equal rings, against 256: {n_settings} settings x {n_sets} draws "
        f"at {scale:g} of the spread, rms error (largest)"
    )
    print(f"  {'':6} {'':22} {'the model':>22} {'equal rings':>22} {'rms':>6} {'median':>7}")
    for kind in ("dots", "lines"):
        pace = {"exposure_s": np.exp(rng.uniform(0.0, np.log(10.0), n_settings))}
        if kind == "lines":
            pace = {"speed_mm_s": np.exp(rng.uniform(np.log(0.1), np.log(2.0), n_settings))}
        settings = make_settings(
            iodide_fraction=rng.uniform(0.2, 0.8, n_settings),
            pulse_energy_uJ=rng.uniform(80.0, 300.0, n_settings),
            **pace,
        )
        found = {
            name: np.concatenate(
                [reference_predict(settings, np.zeros((0, 2)), p, grid) for p in parameters[:, np.newaxis]]
            )
            for name, grid in (("fine", finest), ("ours", ours), ("obvious", obvious))
        }
        brightest = found["fine"]["red_intensity"].max()
        lit = (found["fine"]["red_intensity"] > 1e-4 * brightest) & (found["fine"]["size_um"] > 0.0)
        for name, of in READINGS.items():
            exact = of(found["fine"])
            off = {grid: np.abs(of(found[grid]) - exact)[lit] for grid in ("ours", "obvious")}
            off = {grid: values[np.isfinite(values)] for grid, values in off.items()}
            rms = {grid: float(np.sqrt((values**2).mean())) for grid, values in off.items()}
            medians = {grid: float(np.median(values)) for grid, values in off.items()}
            ratios.setdefault(kind, {})[name] = rms["obvious"] / rms["ours"]
            cells = " ".join(f"{f'{rms[grid]:.3f} ({off[grid].max():.2f})':>22}" for grid in off)
            usual = medians["obvious"] / medians["ours"]
            print(f"  {kind:6} {name:22} {cells} {rms['obvious'] / rms['ours']:6.1f} {usual:7.0f}")
    return ratios


def _of_nm(field_name: str) -> object:
    return lambda seen: HC_eV_nm / seen[field_name]


def _logarithm(field_name: str) -> object:
    def of(seen: npt.NDArray[np.void]) -> Array:
        with np.errstate(divide="ignore"):
            return np.asarray(100.0 * np.log(seen[field_name]))

    return of


READINGS = {
    "red peak, nm": _of_nm("red_peak_eV"),
    "red intensity, %": _logarithm("red_intensity"),
    "green intensity, %": _logarithm("green_intensity"),
    "size, um": lambda seen: seen["size_um"],
    "red share": lambda seen: seen["red_share"],
    "green peak, nm": _of_nm("green_peak_eV"),
    "crystals, %": _logarithm("crystal_amount"),
    "dose, %": _logarithm("nucleation_dose"),
    "largest share": lambda seen: seen["peak_share"],
    "red lifetime, ns": lambda seen: seen["red_lifetime_ns"],
    "red width, meV": lambda seen: 1e3 * seen["red_fwhm_eV"],
}


def main() -> None:
    """All checks, one after the other."""
    parser = argparse.ArgumentParser(description="Accuracy of the physics model's numerics.")
    parser.add_argument("--sets", type=int, default=40)
    parser.add_argument("--settings", type=int, default=80)
    arguments = parser.parse_args()
    for check in (dots, lines, pulses, relaxation):
        check()
        print()
    for scale in (1.0, 0.45):
        grids(arguments.sets, arguments.settings, scale)


if __name__ == "__main__":
    main()
