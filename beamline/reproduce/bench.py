"""The experiments, on a session whose rack holds the coupons that they need; every number comes from its records."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any, Final, Literal

import numpy as np

from beamline.analysis import DecayFit, find_threshold, trend
from beamline.campaign.observations import outcomes_of
from beamline.experiments import decays_of, map_of
from beamline.physics.paper import FACTS
from beamline.recipe import Luminescence, Measurement, Outcome
from beamline.records import Run
from beamline.reproduce.desk import HEATED, Desk
from beamline.reproduce.pictures import code, letter
from beamline.reproduce.rows import Reproduced, Verdict, of_number, of_statement
from beamline.session import Session
from plans import (
    anneal_series,
    dot_matrix,
    line_series,
    measure_coupon,
    pl_decay,
    pl_map,
    rewrite,
)

__all__ = ["reproduce_on"]

_MEASUREMENT: Final = Measurement(integration_s=0.5, n_averages=10)
_PLACE: Final = (10.0, 10.0)
_EXPOSURES_S: Final = (0.5, 0.7, 0.8, 0.9, 1.0, 1.1, 1.3, 1.7, 2.5, 4.0)
_SCATTER: Final = 0.15
"""Between two sites of one recipe: the laser's energy is good to 2.5 %, and light goes with a high power of it."""


def reproduce_on(session: Session, uid: str, facts: set[str], progress: Callable[[str], None]) -> list[Reproduced]:
    """Run what the facts need.

    Args:
        session: with `COUPONS` in its rack.
        uid: of this reproduction, in the records.
        facts: ids that are asked for.
        progress: told what is done now.
    """
    bench = Desk(session, uid)
    parts: tuple[tuple[set[str], str, Callable[[Desk], list[Reproduced]]], ...] = (
        ({"P10"}, "unwritten glass at 500 degC", _bare),
        ({"P11", "P12"}, "dots over energy and exposure", _dots),
        ({"P13", "P14", "P16", "P32"}, "lines over energy and speed, decays, rewriting", _lines),
        ({"P23"}, "pure Br in the furnace", _bromide),
        ({"P24", "P25"}, "Br&I in the furnace", _mixed),
        ({"P26", "P27", "P28"}, "pure I in the furnace", _iodide),
        ({"P33"}, "a QR code in two colours", code),
        ({"P34"}, "the letter E", letter),
    )
    rows: list[Reproduced] = []
    for covers, what, part in parts:
        if covers & facts:
            progress(what)
            rows += [row for row in part(bench) if row.fact in facts]
    return rows


def _measured(runs: Sequence[Run]) -> list[Run]:
    return [run for run in runs if run.start["purpose"] == "measurement"]


def _light(outcome: Outcome) -> tuple[float, float]:
    """Light of all bands and one sigma, counts/s; 0 with the limit's sigma where there is none."""
    if isinstance(outcome, Luminescence):
        sd = math.hypot(*(band.rate_sd_counts_s for band in outcome.bands))
        return sum(band.rate_counts_s for band in outcome.bands), sd
    limit = getattr(outcome, "rate_limit_counts_s", math.nan)
    return 0.0, max(limit / 1.645, 1.0)


def _peak(outcomes: dict[str, Outcome], phase: Literal["green", "red"]) -> tuple[float, float] | None:
    """Mean peak of a phase over sites, nm, and one sigma: of the mean, and of what is common to all, the band's shape."""
    bands = [b for o in outcomes.values() if isinstance(o, Luminescence) and (b := o.band(phase)) is not None]
    if not bands:
        return None
    values = np.array([band.peak_nm for band in bands])
    spread = float(values.std(ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else 0.0
    return float(values.mean()), math.hypot(spread, float(np.mean([band.peak_sd_nm for band in bands])))


def _rate(outcomes: dict[str, Outcome], phase: Literal["green", "red"]) -> float:
    bands = [o.band(phase) for o in outcomes.values() if isinstance(o, Luminescence)]
    return float(np.mean([band.rate_counts_s if band else 0.0 for band in bands])) if bands else 0.0


def _mean_light(outcomes: dict[str, Outcome]) -> tuple[float, float]:
    lights = [_light(outcome) for outcome in outcomes.values()]
    mean = float(np.mean([value for value, _ in lights]))
    scatter = _SCATTER * mean / math.sqrt(len(lights))
    return mean, math.hypot(scatter, float(np.mean([sd for _, sd in lights])) / math.sqrt(len(lights)))


# --------------------------------------------------------------------------------------------------------------- writing
def _bare(bench: Desk) -> list[Reproduced]:
    from beamline.recipe import HeatTreatment, Site  # noqa: PLC0415
    from plans import CouponInHand, heat_treat_coupon, load_on_stage  # noqa: PLC0415

    coupon = bench.coupons["BrI-bare"]
    sites = {f"S{i}": Site(coupon=coupon.serial, name=f"S{i}", x_mm=5.0 * i + 5.0, y_mm=10.0) for i in range(3)}
    hand = CouponInHand(bench.label, coupon, 1, "unwritten", sites, {})

    def plan() -> Any:
        yield from heat_treat_coupon(bench.session.bench, hand, HeatTreatment(temperature_C=500.0, hold_s=7200.0))
        yield from load_on_stage(bench.session.bench, coupon.serial)
        yield from measure_coupon(bench.session.bench, hand, _MEASUREMENT)

    (run,) = _measured(bench.run(plan()))
    outcomes = outcomes_of(run)
    lit = sum(isinstance(outcome, Luminescence) for outcome in outcomes.values())
    verdict: Verdict = "agrees" if lit == 0 else "contradicts"
    note = "no luminescence, so no crystals that luminesce; the paper's statement is of XRD"
    return [
        of_statement(
            "P10",
            "unwritten glass after 500 degC: places with luminescence",
            "of 3",
            (float(lit),),
            None,
            verdict,
            note=note,
            runs=[run.uid],
        )
    ]


def _dots(bench: Desk) -> list[Reproduced]:
    energies = (100.0, 150.0, 200.0)
    plan = dot_matrix(bench.on("BrI-dots"), energies, _EXPOSURES_S, pitch_mm=1.5, measurement=_MEASUREMENT)
    (run,) = _measured(bench.run(plan))
    outcomes = outcomes_of(run)
    light = {(i, j): _light(outcomes[f"E{i}t{j}"]) for i, j in itertools.product(range(3), range(len(_EXPOSURES_S)))}
    at_200 = [light[2, j] for j in range(len(_EXPOSURES_S))]
    found = find_threshold(_EXPOSURES_S, [v for v, _ in at_200], [s for _, s in at_200], scatter=_SCATTER)
    rows = []
    if found is not None:
        sd = (found.high - found.low) / 3.92
        percent = [100.0 * light / at_200[-1][0] for light, _ in at_200]
        at_1_s = percent[_EXPOSURES_S.index(1.0)]
        note = (
            f"95 %: {found.low:.3g} to {found.high:.3g} s; a dot of {_EXPOSURES_S[0]:g} s has {percent[0]:.2g} % and one of 1 s "
            f"{at_1_s:.2g} % of the light of one of {_EXPOSURES_S[-1]:g} s: both hold only if no luminescence means less than "
            f"{at_1_s:.2g} % of the brightest, in an image; the spectrometer counts for 5 s and sees far less"
        )
        rows.append(
            of_number(
                "P11",
                "dots of 200 uJ: exposure at which light begins",
                "s",
                (found.dose, sd),
                1.0,
                0.05,
                note=note,
                runs=[run.uid],
            )
        )
    for name, x, series in (
        ("exposure at 200 uJ", _EXPOSURES_S, at_200),
        ("pulse energy at 4 s", energies, [light[i, len(_EXPOSURES_S) - 1] for i in range(3)]),
    ):
        slope = trend(x, [v for v, _ in series], [s for _, s in series], scatter=_SCATTER)
        note = "slope d ln PL / d ln x; sizes are not measured by this bench"
        rows.append(
            of_statement(
                "P12",
                f"dots: PL over {name}",
                "1",
                (slope.slope,),
                (slope.slope_sd,),
                slope.verdict("rises"),
                note=note,
                runs=[run.uid],
            )
        )
    return rows


def _lines(bench: Desk) -> list[Reproduced]:
    on = bench.on("BrI-lines")
    energies, speeds = (100.0, 150.0, 200.0), (0.4, 0.6, 0.8, 1.2, 1.6)
    (run,) = _measured(bench.run(line_series(on, energies, speeds, pitch_mm=1.0, measurement=_MEASUREMENT)))
    outcomes = outcomes_of(run)
    rows = []
    for name, x, series, expected in (
        ("speed at 200 uJ", speeds, [_light(outcomes[f"E2v{j}"]) for j in range(5)], "falls"),
        ("pulse energy at 0.4 mm/s", energies, [_light(outcomes[f"E{i}v0"]) for i in range(3)], "rises"),
    ):
        slope = trend(x, [v for v, _ in series], [s for _, s in series], scatter=_SCATTER)
        verdict = slope.verdict("falls" if expected == "falls" else "rises")
        note = "slope d ln PL / d ln x; widths are not measured by this bench"
        rows.append(
            of_statement(
                "P13",
                f"lines: PL over {name}",
                "1",
                (slope.slope,),
                (slope.slope_sd,),
                verdict,
                note=note,
                runs=[run.uid],
            )
        )
    best = {"E2v0": outcomes["E2v0"]}
    for phase, nm, ns in (("green", 514.0, 28.89), ("red", 613.0, 35.97)):
        of_phase: Literal["green", "red"] = "green" if phase == "green" else "red"
        rows.append(
            of_number("P14", f"Br&I as written: {phase} peak", "nm", _peak(best, of_phase), nm, 0.5, runs=[run.uid])
        )
        (decay,) = bench.run(
            pl_decay(
                on,
                {"E2v0": (2.5 + 2 * 2.0, 2.0)},
                filters=(phase,),
                bin_width_ns=1.024,
                excitation_rate_kHz=200.0,
                duration_s=1200.0,
                stop_counts=60000.0,
            )
        )
        fit = decays_of(decay)["E2v0", phase]
        found = _lifetime(fit)
        note = "intensity average of as many exponentials as the data ask for; the paper does not say which average"
        rows.append(
            of_number("P16", f"Br&I as written: {phase} lifetime", "ns", found, ns, 0.5, note=note, runs=[decay.uid])
        )
    bench.run(rewrite(on, ["E2v0"]))
    (again,) = bench.run(pl_map(on, (6.3, 2.0), n_x=3, n_y=1, measurement=_MEASUREMENT))
    red = map_of(again).seen.phases["red"]
    if np.isfinite(red.peak_nm).any():
        peak = float(np.nanmean(red.peak_nm)), float(np.nanmean(red.peak_sd_nm))
        rows.append(of_number("P32", "Br&I rewritten: red peak", "nm", peak, 655.0, 0.5, runs=[again.uid]))
        gain = float(np.nanmean(red.rate_counts_s)) / max(_rate(best, "red"), 1e-9)
        sd = _SCATTER * gain
        stronger: Verdict = (
            "agrees" if gain > 1.0 + 2.0 * sd else "cannot say" if gain > 1.0 - 2.0 * sd else "contradicts"
        )
        rows.append(
            of_statement(
                "P32", "Br&I rewritten: red over as written", "1", (gain,), (sd,), stronger, runs=[run.uid, again.uid]
            )
        )
    return rows


def _lifetime(fit: DecayFit | Exception) -> tuple[float, float] | None:
    """Intensity average and half its 68 % interval, ns: a tail that is hidden by dark counts is not in it."""
    if not isinstance(fit, DecayFit):
        return None
    low, high = fit.average_interval_ns("intensity")
    half = 0.5 * (high - low)
    return fit.average_ns("intensity"), half if math.isfinite(half) else fit.average_sd_ns("intensity")


# -------------------------------------------------------------------------------------------------------------- furnace
def _anneal(bench: Desk, glass: str) -> dict[int, tuple[dict[str, Outcome], dict[str, Outcome], list[str]]]:
    """By temperature: outcomes as written and annealed, and the uids."""
    found = {}
    for T in HEATED[glass]:
        before, after = _measured(
            bench.run(anneal_series([bench.on(f"{glass}-{T}")], [float(T)], measurement=_MEASUREMENT))
        )
        found[T] = outcomes_of(before), outcomes_of(after), [before.uid, after.uid]
    return found


def _bromide(bench: Desk) -> list[Reproduced]:
    found = _anneal(bench, "Br")
    uids = [uid for *_, some in found.values() for uid in some]
    gains, sds = [], []
    for before, after, _ in found.values():
        was, now = _mean_light(before), _mean_light(after)
        gains.append(now[0] / was[0])
        sds.append(gains[-1] * math.hypot(was[1] / was[0], now[1] / max(now[0], 1e-9)))
    slope = trend(list(found), gains, sds, scatter=0.02)
    low, high = _peak(found[200][1], "green"), _peak(found[550][1], "green")
    shift = None
    if low and high:  # the uncertainty of the shape is common to both
        shift = high[0] - low[0], 0.3
    return [
        of_statement(
            "P23",
            "pure Br: PL over as written, 200 to 550 degC",
            "1",
            tuple(gains),
            tuple(sds),
            slope.verdict("rises"),
            runs=uids,
        ),
        of_number("P23", "pure Br: red-shift from 200 to 550 degC", "nm", shift, 2.0, 0.5, runs=uids),
    ]


def _mixed(bench: Desk) -> list[Reproduced]:
    found = _anneal(bench, "BrI")
    uids = [uid for *_, some in found.values() for uid in some]
    rows = [
        of_number("P24", f"Br&I after {T} degC: red peak", "nm", _peak(found[T][1], "red"), nm, 0.5, runs=found[T][2])
        for T, nm in ((200, 613.0), (550, 647.0))
    ]
    ratios = [_rate(found[T][1], "red") / max(_rate(found[T][1], "green"), 1e-9) for T in (200, 550)]
    sds = tuple(0.1 * ratio for ratio in ratios)
    is_sure = abs(ratios[0] - 1.0) > 2 * sds[0] and abs(ratios[1] - ratios[0]) > 2 * math.hypot(*sds)
    holds = ratios[0] < 1.0 and ratios[1] > ratios[0]
    verdict: Verdict = "cannot say" if not is_sure else "agrees" if holds else "contradicts"
    rows.append(
        of_statement("P25", "Br&I after 200 and 550 degC: red over green", "1", tuple(ratios), sds, verdict, runs=uids)
    )
    return rows


def _iodide(bench: Desk) -> list[Reproduced]:
    settings = {
        "bin_width_ns": 4.096,
        "excitation_rate_kHz": 50.0,
        "excitation_percent": 100.0,
        "duration_s": 3600.0,
        "stop_counts": 60000.0,
    }
    on = bench.on("I-lines")
    bench.run(line_series(on, [200.0], [0.4], x_mm=9.5, y_mm=10.0, measurement=_MEASUREMENT))
    rows = []
    (run,) = bench.run(pl_decay(on, {"site": _PLACE}, filters=("all",), **settings))
    found = _anneal(bench, "I")
    lifetimes = {"as written": (_lifetime(decays_of(run)["site", "all"]), run.uid)}
    for T in HEATED["I"]:
        (one,) = bench.run(pl_decay(bench.on(f"I-{T}"), {"site": _PLACE}, filters=("all",), **settings))
        lifetimes[f"after {T} degC"] = _lifetime(decays_of(one)["site", "all"]), one.uid
    for state, ns, paper_sd in (
        ("as written", 120.0, 3.0),
        ("after 200 degC", 2000.0, 150.0),
        ("after 450 degC", 2000.0, 150.0),
        ("after 550 degC", 153.0, 3.0),
    ):
        value, uid = lifetimes[state]
        note = "intensity average of as many exponentials, up to three, as the data ask for"
        rows.append(of_number("P26", f"pure I {state}: lifetime", "ns", value, ns, paper_sd, note=note, runs=[uid]))
    for T in HEATED["I"]:
        before, after, uids = found[T]
        was, now = _mean_light(before), _mean_light(after)
        gain = now[0] / was[0]
        sd = math.hypot(gain * was[1] / was[0], now[1] / was[0])
        name = f"pure I after {T} degC: PL over as written"
        if T == 550:
            rows.append(of_number("P28", name, "1", (gain, sd), FACTS["P28"].values["gain"], 0.3, runs=uids))
        else:
            rows.append(
                of_statement(
                    "P27", name, "1", (gain,), (sd,), "agrees" if gain + 2 * sd < 0.5 else "contradicts", runs=uids
                )
            )
    return rows
