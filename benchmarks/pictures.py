"""Pictures written on the simulated bench with energies that make up for their neighbours, and without.

`python benchmarks/pictures.py [SEEDS]`

The bench is as the model has it, with its noise, and with (1) or without (0) the heat that a writing leaves to the next: the
twin has that heat from the middle of each earlier line, the compensation from all along it, so neither knows the other's.
Cells of four colours by chance, 12 x 12 of them; what was meant is the red share of a line that stands alone.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from beamline.engine import SessionEngine
from beamline.experiments import ReadBack, candidates, palette, read_back
from beamline.patterns import Pattern
from beamline.recipe import Coupon, Glass
from beamline.records import LogWriter, Records
from devices import DiscreteEventClock, Geometry, make_bench
from devices.twin import Effects, build_twin
from plans import Experiment, NightLabel, write_picture

COUPON = Coupon(serial="P", glass=Glass(name="BrI", bromide=1.5, iodide=1.5))
COLOURS = dict(enumerate(palette(candidates(COUPON.glass, pulse_energies_uJ=(160.0, 200.0)), 4), start=1))
N_SIDE = 12


def written(seed: int, cell_mm: float, *, heating: float, is_compensated: bool) -> ReadBack:
    """One picture, written and read."""
    cells = np.random.default_rng(seed).integers(1, len(COLOURS) + 1, (N_SIDE, N_SIDE))
    clock, geometry = DiscreteEventClock(), Geometry()
    effects = replace(Effects.noise_only(), neighbour_heating=heating)
    bench = make_bench(build_twin(seed, [COUPON], clock, geometry, effects), clock, geometry)
    engine = SessionEngine({})
    clock.install(engine)
    with tempfile.TemporaryDirectory() as folder:
        log = LogWriter(Path(folder))
        engine.subscribe(log)
        try:
            on = Experiment(bench, Records(Path(folder)), NightLabel("pictures", "p", {"vitrail": "0"}), COUPON)
            engine(write_picture(on, Pattern.of(cells, cell_mm), COLOURS, is_compensated=is_compensated))
        finally:
            log.close()
            engine.end()
        runs = {run.start["purpose"]: run for run in Records(Path(folder)).runs()}
        return read_back(runs["writing"], runs["map"])


def main() -> None:
    """A row for each size of cell, with and without heat, with and without compensation."""
    n_seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    for number, one in COLOURS.items():
        print(
            f"colour {number}: {one.line.pulse_energy_uJ:g} uJ, {one.line.speed_mm_s:.2f} mm/s, "
            f"red share {one.red_share:.3f} +- {one.red_share_sd:.3f}"
        )
    print(f"{n_seeds} seeds; red share without the light of neighbours less meant: mean, its sigma, root mean square")
    print(
        f"{'cell':>6} {'heat':>5} {'compensated':>12} {'mean':>8} {'+-':>7} {'rms':>7} {'wrong cells':>12} {'in 2 sigma':>11}"
    )
    for cell_mm in (0.5, 0.2):
        for heating in (1.0, 0.0):
            for is_compensated in (False, True):
                seen = [
                    written(seed, cell_mm, heating=heating, is_compensated=is_compensated) for seed in range(n_seeds)
                ]
                away = [one.own_share - one.forecast.meant for one in seen]
                means = [float(np.nanmean(one)) for one in away]
                print(
                    f"{cell_mm:6g} {heating:5g} {'yes' if is_compensated else 'no':>12} {np.mean(means):8.4f} "
                    f"{np.std(means) / np.sqrt(n_seeds):7.4f} {np.sqrt(np.nanmean(np.square(away))):7.4f} "
                    f"{np.mean([one.site_error(own_thresholds=False) for one in seen]):12.4f} "
                    f"{np.mean([one.agreeing for one in seen]):11.3f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
