"""Coupons and their sites for the page: where they lie, how far they are, what was done to them and what they showed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from beamline.campaign.observations import dark_for
from beamline.optimize import Objective
from beamline.recipe import HeatTreatment, Line, Observation, Suggestion
from beamline.records import CouponRecord, Run, SiteRecord, corrected_axis
from beamline.report.measured import Measured, measured
from beamline.report.words import heat_words, plus_minus, recipe_words
from beamline.web.plain import NAMES, finite, numbers_plain, objective_plain, rounded, thinned

__all__ = ["coupon_plain", "furnace_plain", "latest_spectrum", "site_plain"]

SHOWN_nm: Final = (450.0, 780.0)
"""Of a spectrum: where the bands of the two phases can lie."""
_DID: Final = {
    "decision": "suggested",
    "writing": "written",
    "heat_treatment": "heat-treated",
    "measurement": "measured",
    "mark": "marked",
    "import": "imported",
}


def coupon_plain(record: CouponRecord, runs: Sequence[Run], numbers: Mapping[str, Measured]) -> dict[str, Any]:
    """A coupon with its sites; `numbers` are those of the sites that the optimiser has learnt from."""
    treatment = _treatment(runs)
    suggested = next((run.start["suggestion"] for run in runs if run.start.get("suggestion")), None)
    return {
        "serial": record.serial,
        "glass": record.glass.name if record.glass else "",
        "n_coupon": record.n_coupon,
        "width_mm": record.width_mm,
        "height_mm": record.height_mm,
        "damage": record.damage,
        "treatment": heat_words([treatment]) if treatment else "",
        "is_heated": bool(record.heat_treatments),
        "why": str(suggested["reason"]) if suggested else "",
        # What is learnt from its sites stands in the decision about the next coupon; both terms only grow.
        "revision": sum(run.path.stat().st_size for run in runs) + len(numbers),
        "sites": [_site(site, numbers.get(site.name)) for site in record.sites.values() if site.site is not None],
    }


def _site(record: SiteRecord, seen: Measured | None) -> dict[str, Any]:
    assert record.site is not None  # chosen so above
    writing = record.recipe.writing if record.recipe else None
    return {
        "name": record.name,
        "x_mm": record.site.x_mm,
        "y_mm": record.site.y_mm,
        "length_mm": writing.length_mm if isinstance(writing, Line) else 0.0,
        "state": record.state.value,
        "outcome": seen.kind if seen else None,
        "is_inside": bool(seen and seen.is_inside),
        "red_peak_nm": seen.red_peak_nm if seen else None,
    }


def _treatment(runs: Sequence[Run]) -> HeatTreatment | None:
    """The one that was set; of a coupon that was not heated yet, the one that is suggested."""
    for run in reversed(runs):
        if run.start.get("heat_treatment"):
            return HeatTreatment.model_validate(run.start["heat_treatment"])
    for run in runs:
        if run.start.get("suggestion"):
            return HeatTreatment.model_validate(run.start["suggestion"]["heat_treatment"])
    return None


# ------------------------------------------------------------------------------------------------------------- a furnace
def furnace_plain(runs: Sequence[Run], begin_s: float) -> dict[str, Any] | None:
    """Setpoint and readback of the coupon's heat treatments, thinned; None where it was not heated."""
    tables = [(run, run.table("furnace")) for run in runs if "furnace" in run.streams]
    if not tables:
        return None
    hours = (np.concatenate([table["clock_s"] for _, table in tables]) - begin_s) / 3600.0
    read_C = np.concatenate([table["furnace_temperature_C"] for _, table in tables])
    set_C = np.concatenate([table["furnace_setpoint_C"] for _, table in tables])
    kept = thinned(len(hours))
    plain = tables[-1][0].start.get("heat_treatment")
    treatment = HeatTreatment.model_validate(plain) if plain else None
    return {
        "runs": [run.uid[:8] for run, _ in tables],
        "hours": rounded(hours[kept], 7),
        "temperature_C": rounded(read_C[kept]),
        "setpoint_C": rounded(set_C[kept]),
        "treatment": heat_words([treatment]) if treatment else "",
        "hold_C": treatment.temperature_C if treatment else None,
        "n": len(hours),
    }


# ------------------------------------------------------------------------------------------------------------ a spectrum
def latest_spectrum(runs: Sequence[Run], objective: Objective | None, begin_s: float) -> dict[str, Any] | None:
    """The last spectrum that was taken on a coupon; None where there is none."""
    for run in reversed(runs):
        if run.start["purpose"] in ("measurement", "import") and (events := run.events("spectra")):
            return _spectrum(run, str(events[-1]["data"]["site_name"]), runs, objective, begin_s)
    return None


def _spectrum(
    run: Run, name: str, runs: Sequence[Run], objective: Objective | None, begin_s: float
) -> dict[str, Any] | None:
    table, config = run.table("spectra"), run.config("spectra")
    places = np.flatnonzero(table["site_name"] == name)
    if not len(places):
        return None
    place = int(places[-1])
    try:
        axis_nm = corrected_axis(run.start, config["spectrometer_wavelength_nm"])
        counts = np.asarray(table["spectrometer_counts"][place], dtype=float)
        integration_s = float(table["spectrometer_integration_s"][place])
    except KeyError:
        return None
    if axis_nm.shape != counts.shape:
        return None
    darks = (one.table("dark") for one in runs if "dark" in one.streams)
    dark = next((found for table in darks if (found := dark_for(integration_s, table)) is not None), None)
    if dark is None:
        values, quantity, unit = counts, "raw counts, dark not taken yet", "counts"
    else:
        values, quantity, unit = (
            (counts - dark) / integration_s / np.gradient(axis_nm),
            "photoluminescence",
            "counts/s/nm",
        )
    nm, shown = _binned(axis_nm, values)
    return {
        "site": name,
        "run": run.uid[:8],
        "wavelength_nm": rounded(nm, 6),
        "values": rounded(shown),
        "quantity": quantity,
        "unit": unit,
        "integration_s": integration_s,
        "n_averages": int(table["spectrometer_n_averages"][place]),
        "hours": (float(table["clock_s"][place]) - begin_s) / 3600.0 if "clock_s" in table else None,
        "objective": objective_plain(objective),
    }


def _binned(axis_nm: np.ndarray, values: np.ndarray, width: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Means of neighbouring pixels within the shown range: the detector's resolution is wider than two of them."""
    within = (axis_nm >= SHOWN_nm[0]) & (axis_nm <= SHOWN_nm[1])
    nm, shown = axis_nm[within], values[within]
    while len(nm) > 1000:
        even = len(nm) // width * width
        nm, shown = (one[:even].reshape(-1, width).mean(axis=1) for one in (nm, shown))
    return nm, shown


# ---------------------------------------------------------------------------------------------------------------- a site
def site_plain(
    coupon: CouponRecord,
    name: str,
    runs: Sequence[Run],
    *,
    observation: Observation | None,
    suggestions: Sequence[Suggestion],
    objective: Objective | None,
    begin_s: float,
) -> dict[str, Any]:
    """Recipe, outcome, expectation, spectrum and history of a site."""
    record = coupon.sites[name]
    power_W = observation.power_at_sample_W if observation else None
    recipe = (
        recipe_words(coupon.glass, record.recipe.writing, record.recipe.heat_treatment, power_W)
        if record.recipe and coupon.glass
        else []
    )
    expected = next(
        (s for one in suggestions for s in one.sites if one.coupon.serial == coupon.serial and s.site.name == name),
        None,
    )
    spectrum = None
    for run in reversed(runs):
        if "spectra" in run.streams and (spectrum := _spectrum(run, name, runs, objective, begin_s)) is not None:
            break
    outcome = observation.outcome if observation else None
    touched = _touched(record, runs, name)
    plain: dict[str, Any] = finite(
        {
            "coupon": coupon.serial,
            "name": name,
            "state": record.state.value,
            "reason": record.reason or getattr(outcome, "reason", ""),
            "x_mm": record.site.x_mm if record.site else None,
            "y_mm": record.site.y_mm if record.site else None,
            "recipe": recipe,
            "measured": numbers_plain(measured(observation, objective)) if observation and objective else None,
            "expected": [
                [NAMES[p.observable], plus_minus(p.mean, p.sd), "" if p.unit == "1" else p.unit]
                for p in (expected.predictions if expected else ())
                if p.observable in NAMES
            ],
            "p_in_specification": expected.p_in_specification if expected else None,
            "why": expected.reason if expected else "",
            "spectrum": spectrum,
            "history": [_happened(run, name, begin_s) for run in runs if run.uid in touched],
        }
    )
    return plain


def _touched(record: SiteRecord, runs: Sequence[Run], name: str) -> frozenset[str]:
    """Runs that touched a site: those that the ledger has, and the decision that suggested it."""
    suggested = {
        run.uid
        for run in runs
        if run.start.get("suggestion") and any(s["site"]["name"] == name for s in run.start["suggestion"]["sites"])
    }
    return frozenset(record.runs) | suggested


def _happened(run: Run, name: str, begin_s: float) -> dict[str, Any]:
    start, purpose = run.start, str(run.start["purpose"])
    clock_s = float(start.get("clock_s", begin_s))
    told = ""
    if purpose in ("writing", "measurement"):
        stream = "exposures" if purpose == "writing" else "spectra"
        events = [event for event in run.events(stream) if event["data"].get("site_name") == name]
        clock_s = float(events[-1]["data"].get("clock_s", clock_s)) if events else clock_s
        what = "exposure" if purpose == "writing" else "spectrum"
        plural = {"exposure": "exposures", "spectrum": "spectra"}[what]
        told = f"{len(events)} {what if len(events) == 1 else plural}"
    elif purpose == "heat_treatment" and start.get("heat_treatment"):
        told = heat_words([HeatTreatment.model_validate(start["heat_treatment"])])
    elif purpose == "mark":
        told = f"{start.get('condition', '')}: {start.get('reason', '')}"
    status = (run.stop or {}).get("exit_status")
    return {
        "hours": (clock_s - begin_s) / 3600.0,
        "did": _DID.get(purpose, purpose),
        "told": told,
        "run": run.uid[:8],
        "ended": "goes on" if status is None else "" if status == "success" else str(status),
    }
