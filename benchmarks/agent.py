"""How many coupons the optimisers need on synthetic truths: the physics with other parameters and effects it does not know.

    python benchmarks/agent.py [--seeds 20] [--coupons 6] [--sites 12] [--arms physics random] [--json FILE]

A truth is made of: parameters drawn at 0.45 of their spreads; glass composition +-0.02 and brightness +-8 % from coupon to
coupon; pulse energy 3 % rms from site to site; a furnace that is off by 7 degC rms and does not know it; a spectrometer of
unknown efficiency; a misfit that is a sum of waves in energy, speed, temperature and time (not the agent's kernel); noise
of the analysis. It shares the model's form, so the counts are optimistic; the simulated bench of `vitrail campaign` has
structure of its own. Reached: the true outcome of a measured site meets the specification. Sure: the optimiser gives its
best site p >= 0.9. False: it does, and the site does not meet it.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from beamline import physics
from beamline.optimize import Objective, SearchSpace, make_optimizer
from beamline.recipe import (
    Band,
    Coupon,
    Dot,
    Glass,
    HeatStep,
    Luminescence,
    NoLuminescence,
    Observation,
    Site,
    Suggestion,
)

Floats = npt.NDArray[np.float64]
GLASS = Glass(name="BrI", bromide=1.5, iodide=1.5)
LIMIT_COUNTS_S = 60.0


@dataclass
class Truth:
    """One hidden bench; `make` draws it from a seed."""

    rng: np.random.Generator
    parameters: npt.NDArray[np.void]
    ln_collection: float
    tilt: float
    furnace_offset_C: float
    waves: Floats  # (n_waves, 5 + 1) directions and phase
    sizes: Floats  # (n_waves, 4)

    @classmethod
    def make(cls, seed: int, spread: float = 0.45, misfit: float = 1.0) -> Truth:
        """Draws a truth."""
        rng = np.random.default_rng([97, seed])
        parameters = physics.draw(rng, 1, spread)
        n_waves = 6
        sizes = rng.standard_normal((n_waves, 4)) * np.array([0.005, 0.002, 0.2, 0.2]) * misfit * np.sqrt(2 / n_waves)
        waves = np.column_stack([rng.standard_normal((n_waves, 4)), rng.uniform(0, 2 * np.pi, n_waves)])
        return cls(rng, parameters, 9.0 + rng.normal(0, 1.2), rng.normal(0, 0.1), rng.normal(0, 7.0), waves, sizes)

    def run(self, suggestion: Suggestion) -> tuple[list[Observation], Floats]:
        """Makes and measures a coupon: what is reported, and the true observables (n, 4)."""
        rng = self.rng
        writings = [
            site.writing.model_copy(
                update={"pulse_energy_uJ": site.writing.pulse_energy_uJ * float(np.exp(rng.normal(0, 0.03)))}
            )
            for site in suggestion.sites
        ]
        settings = physics.settings(writings, suggestion.coupon.glass.iodide_fraction)
        settings["iodide_fraction"] = np.clip(settings["iodide_fraction"] + rng.normal(0, 0.02), 0, 1)
        history = suggestion.heat_treatment.steps()
        steps = physics.steps_array(history) + np.array([self.furnace_offset_C, 0.0])
        seen = physics.predict(settings, steps, self.parameters)[0]
        heat = suggestion.heat_treatment
        where = np.array(
            [
                (
                    np.log2(w.pulse_energy_uJ / 150),
                    np.log(w.exposure_s if isinstance(w, Dot) else w.speed_mm_s),
                    (heat.temperature_C - 400) / 150,
                    np.log(max(heat.hold_s, 60.0) / 3600),
                )
                for w in writings
            ]
        )
        misfit = np.cos(where @ self.waves[:, :4].T * 1.2 + self.waves[:, 4]) @ self.sizes
        coupon = rng.normal(0, 0.08)
        true = np.empty((len(writings), 4))
        true[:, 0], true[:, 1] = seen["red_peak_eV"], seen["green_peak_eV"]
        true[:, 2] = np.log(seen["red_intensity"] + 1e-12) + self.ln_collection - self.tilt / 2 + coupon
        true[:, 3] = np.log(seen["green_intensity"] + 1e-12) + self.ln_collection + self.tilt / 2 + coupon
        true += misfit
        found = [
            Observation(
                site=site.site,
                glass=suggestion.coupon.glass,
                writing=site.writing,
                heat_history=tuple(HeatStep(temperature_C=s.temperature_C, duration_s=s.duration_s) for s in history),
                outcome=self._outcome(row),
            )
            for site, row in zip(suggestion.sites, true, strict=True)
        ]
        return found, true

    def _outcome(self, row: Floats) -> Luminescence | NoLuminescence:
        bands = []
        for phase, peak, rate in (("red", row[0], row[2]), ("green", row[1], row[3])):
            if rate < np.log(LIMIT_COUNTS_S):
                continue
            relative = float(np.hypot(0.015, 3 * LIMIT_COUNTS_S / 10 / np.exp(rate)))
            sd = 0.001 * (1 + 10 * relative)
            bands.append(
                Band(
                    phase=phase,
                    peak_eV=float(peak + sd * self.rng.standard_normal()),
                    peak_sd_eV=sd,
                    fwhm_eV=0.09,
                    fwhm_sd_eV=0.002,
                    rate_counts_s=float(np.exp(rate + relative * self.rng.standard_normal())),
                    rate_sd_counts_s=float(relative * np.exp(rate)),
                )
            )
        if not bands:
            return NoLuminescence(rate_limit_counts_s=LIMIT_COUNTS_S)
        return Luminescence(bands=tuple(bands), rate_limit_counts_s=LIMIT_COUNTS_S, reduced_chi2=1.0)


def night(
    arm: str, seed: int, *, n_coupons: int, n_sites: int, objective: Objective, hardness: tuple[float, float]
) -> dict[str, Any]:
    """One campaign: when the specification was truly reached, when the optimiser was sure, and how long it thought."""
    truth = Truth.make(seed, *hardness)
    space = SearchSpace()

    def layout(coupon: Coupon) -> tuple[Site, ...]:
        return tuple(
            Site(coupon=coupon.serial, name=f"S{i + 1:02d}", x_mm=2.0 + 4 * (i % 4), y_mm=2.0 + 4 * (i // 4))
            for i in range(n_sites)
        )

    optimizer = make_optimizer(arm, space=space, objective=objective, layout=layout, seed=seed)
    rack = [Coupon(serial=f"C{i + 1:02d}", glass=GLASS) for i in range(n_coupons)]
    told: dict[tuple[str, str], bool] = {}
    reached = sure = None
    false = False
    suggest_s, status_s, closest, utilities, z2 = [], [], [], [], []
    for n in range(n_coupons):
        begin = time.perf_counter()
        suggestion = optimizer.suggest(rack)
        suggest_s.append(time.perf_counter() - begin)
        found, true = truth.run(suggestion)
        met = objective.is_met(true, np.log(LIMIT_COUNTS_S))
        for seen, good in zip(found, met, strict=True):
            told[seen.site.coupon, seen.site.name] = bool(good)
        closest.append(float(np.abs(objective.deviations(true)).max(0).min()))
        utilities.append(float(objective.utility(true, truth.ln_collection).max()))
        if met.any() and reached is None:
            reached = n + 1
        optimizer.ingest(found)
        begin = time.perf_counter()
        status = optimizer.status()
        status_s.append(time.perf_counter() - begin)
        z2 += [
            {o.observable: (o.n, o.z_rms, o.share_within_1_sd, o.share_within_2_sd) for o in check.observables}
            for check in status.checks[-1:]
        ]
        if status.p_reached >= 0.9 and status.best is not None:
            site = status.best.observation.site
            false = false or not told[site.coupon, site.name]
            if sure is None:
                sure = n + 1
    return {
        "seed": seed, "reached": reached, "sure": sure, "false": false, "closest": closest,
        "utility": list(np.maximum.accumulate(utilities)), "checks": z2,
        "suggest_s": max(suggest_s), "status_s": max(status_s),
    }  # fmt: skip


def summary(arm: str, nights: list[dict[str, Any]], n_coupons: int) -> str:
    """One line on the nights of an arm."""
    never = n_coupons + 1
    reached = np.array([n["reached"] or never for n in nights])
    sure = np.array([n["sure"] or never for n in nights])
    by_coupon = " ".join(f"{(reached <= k).mean():.0%}" for k in range(1, never))
    false = np.mean([n["false"] for n in nights])
    suggest_s = [n["suggest_s"] for n in nights]
    return (
        f"{arm:8s} reached by coupon 1..{n_coupons}: {by_coupon}; median {np.median(reached):g}; "
        f"sure: median {np.median(sure):g}, {np.mean(sure < never):.0%} of nights, false {false:.0%}; "
        f"longest suggest of a night {np.median(suggest_s):.2f} s, status {np.median([n['status_s'] for n in nights]):.2f} s; "
        f"final utility {np.mean([n['utility'][-1] for n in nights]):.3f}"
    )


def coverage(nights: list[dict[str, Any]], n_coupons: int) -> list[str]:
    """How each coupon came out against what was predicted before it was seen, over all nights: nominal 1, 68 %, 95 %."""
    lines = []
    for n in range(n_coupons):
        texts = []
        for observable in ("red_peak_eV", "green_peak_eV", "ln_red_rate", "ln_green_rate"):
            checks = [night["checks"][n] for night in nights if n < len(night["checks"])]
            rows = np.array([check[observable] for check in checks if observable in check])
            if len(rows):
                rms = np.sqrt(np.average(rows[:, 1] ** 2, weights=rows[:, 0]))
                one, two = np.average(rows[:, 2:], axis=0, weights=rows[:, 0])
                texts.append(f"{observable} {rms:.2f} {one:.0%} {two:.0%}")
        lines.append(f"    coupon {n + 1}, rms z and shares within 1 and 2 sd: {'; '.join(texts)}")
    return lines


def main() -> None:
    """Runs the arms and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--coupons", type=int, default=6)
    parser.add_argument("--sites", type=int, default=12)
    parser.add_argument("--spread", type=float, default=0.45, help="of the hidden parameters, in spreads of the table")
    parser.add_argument("--misfit", type=float, default=1.0, help="factor on the waves that the model does not know")
    parser.add_argument("--arms", nargs="+", default=["physics", "random"])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    everything = {}
    for arm in options.arms:
        nights: list[dict[str, Any]] = []
        for seed in range(options.first, options.first + options.seeds):
            last = night(
                arm,
                seed,
                n_coupons=options.coupons,
                n_sites=options.sites,
                objective=Objective(),
                hardness=(options.spread, options.misfit),
            )
            nights.append(last)
            if options.verbose:
                closest = [round(c, 2) for c in last["closest"]]
                print(f"{arm} {seed}: reached {last['reached']} sure {last['sure']} closest {closest}", flush=True)
        everything[arm] = nights
        print(summary(arm, nights, options.coupons), flush=True)
        if any(night["checks"] for night in nights):
            print("\n".join(coverage(nights, options.coupons)), flush=True)
    if options.json:
        options.json.write_text(json.dumps(everything, indent=1))


if __name__ == "__main__":
    main()
