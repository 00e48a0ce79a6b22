"""What an interrupted night has left to do: the coupon in hand, site by site, and its heat treatment. From documents alone."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from beamline.campaign.policy import HalfHeated
from beamline.recipe import HeatTreatment, Suggestion
from beamline.records import Ledger, Run, SiteState

__all__ = ["GIVEN_UP", "CouponLeft", "NightLeft", "coupon_left", "held_s", "night_left"]

GIVEN_UP = "given up: "
"""How the reason of a run begins that the fault policy has ended; the night went on."""
IN_BAND_C = 3.0
"""A temperature this near to that of the programme counts as held; the furnace's own band is 2 degC, its noise some 0.2."""


@dataclass(frozen=True)
class CouponLeft:
    """What is left to do for a coupon.

    Attributes:
        to_write: sites at which nobody has been about to fire.
        heat: "whole"; "rest": up again, hold for what is missing, and down; "cool": down only; "none".
        hold_left_s: of "rest".
        to_measure: sites that have seen light, or may have, and of which there is no spectrum; None: all that were fired at.
        darks_s: integration times of spectra whose dark was not taken.
        to_count: sites of which there is a spectrum, and not every decay that was to be counted.
        is_left_out: the policy leaves the coupon as it is.
    """

    to_write: tuple[str, ...]
    heat: Literal["whole", "rest", "cool", "none"] = "whole"
    hold_left_s: float = 0.0
    to_measure: tuple[str, ...] | None = None
    darks_s: tuple[float, ...] = ()
    to_count: tuple[str, ...] = ()
    is_left_out: bool = False

    @classmethod
    def whole(cls, suggestion: Suggestion) -> CouponLeft:
        """Of a coupon that nobody has touched."""
        return cls(to_write=tuple(site.site.name for site in suggestion.sites))


@dataclass(frozen=True)
class NightLeft:
    """Where a night was interrupted.

    Attributes:
        n_done: coupons that were begun, the one in hand not counted.
        begun: serials of the coupons that were suggested.
        suggestion: of the coupon in hand; None between two coupons.
        coupon: what is left for it.
        n_faults: that the devices had so far.
        interrupted: purpose of the run in which it was interrupted, or "" for between two.
        is_over: the night has come to its end by itself.
    """

    n_done: int
    begun: frozenset[str]
    suggestion: Suggestion | None = None
    coupon: CouponLeft | None = None
    n_faults: int = 0
    interrupted: str = ""
    is_over: bool = False


def night_left(runs: Sequence[Run], half_heated: HalfHeated) -> NightLeft:
    """What is left of a night.

    Args:
        runs: of the campaign, in their order; those of dead processes have been closed.
        half_heated: what is to become of a coupon whose heat treatment was interrupted.
    """
    decisions = [run for run in runs if run.start["purpose"] == "decision"]
    begun = frozenset(
        str(run.start["suggestion"]["coupon"]["serial"]) for run in decisions if run.start.get("suggestion")
    )
    last = decisions[-1] if decisions else None
    n_faults = sum(run.start["purpose"] == "fault" for run in runs) + sum(len(run.events("faults")) for run in runs)
    broken = runs[-1] if runs[-1].start["purpose"] != "end" else (runs[-2] if len(runs) > 1 else runs[-1])
    interrupted = "" if (broken.stop or {}).get("exit_status") == "success" else str(broken.start["purpose"])
    if last is None:
        return NightLeft(0, begun, n_faults=n_faults, interrupted=interrupted)
    if last.start["verdict"] == "stop":
        return NightLeft(int(last.start["n_coupon"]), begun, n_faults=n_faults, is_over=True)
    suggestion = Suggestion.model_validate_json(json.dumps(last.start["suggestion"]))
    own = [run for run in runs if run.start.get("coupon", {}).get("serial") == suggestion.coupon.serial]
    left = coupon_left(own, suggestion, half_heated)
    return NightLeft(int(last.start["n_coupon"]) - 1, begun, suggestion, left, n_faults, interrupted)


def coupon_left(runs: Sequence[Run], suggestion: Suggestion, half_heated: HalfHeated) -> CouponLeft:
    """What is left for a coupon.

    Once it has been in the furnace nothing more is written: what is written then has another history than the model is
    told.

    Args:
        runs: of the coupon in this campaign, in their order.
        suggestion: that it was to follow.
        half_heated: what is to become of it if its heat treatment was interrupted.
    """
    serial = suggestion.coupon.serial
    ledger = Ledger.of(runs)
    names = [site.site.name for site in suggestion.sites]
    heats = [run for run in runs if run.start["purpose"] == "heat_treatment"]
    fired = _named(runs, "intents") | _named(runs, "exposures")
    seen = {(name, s) for run in runs for name, s in _spectra(run)}
    darks = {s for run in runs for s in _integrations(run, "dark")}
    unseen = tuple(name for name in names if name not in {name for name, _ in seen})
    to_write: tuple[str, ...] = ()
    if not heats:
        states = {name: ledger.site(serial, name).state for name in names}
        blank = (SiteState.BLANK, SiteState.INTENDED)
        is_whole = any(r.start["purpose"] == "measurement" for r in runs)
        to_write = () if is_whole else tuple(n for n in names if n not in fired and states[n] in blank)
    to_measure = tuple(name for name in unseen if name in fired or name in to_write)
    missing = tuple(sorted({s for _, s in seen if not any(math.isclose(s, d, rel_tol=1e-6) for d in darks)}))
    heat, hold_left_s = _heat_left(heats, suggestion.heat_treatment, half_heated)
    is_left_out = heat in ("rest", "cool") and half_heated == "skip_coupon"
    to_count = _to_count(runs, tuple(name for name in names if name not in unseen))
    return CouponLeft(to_write, heat, hold_left_s, to_measure, missing, to_count, is_left_out)


def _to_count(runs: Sequence[Run], seen: Sequence[str]) -> tuple[str, ...]:
    """Of sites with a spectrum those that lack a decay which their measurement was to count."""
    measured = [run for run in runs if run.start["purpose"] == "measurement"]
    wanted = {phase for run in measured for phase in run.start["measurement"].get("decay", {}).get("phases", ())}
    counted = {
        (str(event["data"]["site_name"]), str(event["data"]["lifetime_filter"]))
        for run in measured
        for event in run.events("decays")
    }
    return tuple(name for name in seen if any((name, phase) not in counted for phase in wanted))


def _heat_left(
    heats: Sequence[Run], treatment: HeatTreatment, half_heated: HalfHeated
) -> tuple[Literal["whole", "rest", "cool", "none"], float]:
    if not heats:
        return "whole", 0.0
    # One that the policy ended on account of a fault has its end in the plan's own words, and was let cool.
    if any((run.stop or {}).get("exit_status") == "success" for run in heats) or _was_given_up(heats[-1]):
        return "none", 0.0
    left_s = treatment.hold_s - sum(held_s(run) for run in heats)
    if half_heated != "rest":
        return "cool", 0.0
    return ("rest", left_s) if left_s > 1.0 else ("cool", 0.0)


def _was_given_up(run: Run) -> bool:
    return str((run.stop or {}).get("reason", "")).startswith(GIVEN_UP)


def held_s(run: Run) -> float:
    """For how long a heat-treatment run has held the temperature of its programme, s: between samples that are both there."""
    if "furnace" not in run.streams:
        return 0.0
    furnace = run.table("furnace")
    treatment = HeatTreatment.model_validate(run.start["heat_treatment"])
    setpoint_C = float(run.start.get("setpoint_C", treatment.temperature_C))  # with the furnace's offset taken off
    is_there = np.abs(furnace["furnace_temperature_C"] - setpoint_C) <= IN_BAND_C
    both = is_there[1:] & is_there[:-1]
    return float(np.sum(np.diff(furnace["clock_s"])[both]))


def _named(runs: Sequence[Run], stream: str) -> set[str]:
    return {str(event["data"]["site_name"]) for run in runs for event in run.events(stream)}


def _spectra(run: Run) -> list[tuple[str, float]]:
    return [
        (str(event["data"]["site_name"]), float(event["data"]["spectrometer_integration_s"]))
        for event in run.events("spectra")
    ]


def _integrations(run: Run, stream: str) -> set[float]:
    data: list[dict[str, Any]] = [event["data"] for event in run.events(stream)]
    return {float(one["spectrometer_integration_s"]) for one in data}
