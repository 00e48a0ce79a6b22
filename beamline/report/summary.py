"""The night in numbers and sentences: what the first page of the report and its JSON say."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any, Literal

from beamline.optimize import BestSite, Objective, OptimizerStatus
from beamline.recipe import Failed, Suggestion, as_plain
from beamline.report.calibration import Calibration, calibration_of
from beamline.report.data import CouponNight, Decision, Held, NightData, Said
from beamline.report.failures import Failure, failures_of, how_ended
from beamline.report.figures.best import recipe_lines
from beamline.report.figures.parity import compared
from beamline.report.measured import measured
from beamline.report.missed import what_misses
from beamline.report.words import plus_minus, probability

__all__ = ["CouponLine", "Quantity", "Summary", "summary_of", "target_text"]

REACHED = 0.95
"""Probability from which the target counts as reached, unless the campaign file asks for another."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number with its one-sigma uncertainty; `text` is how it is shown."""

    name: str
    value: float
    sd: float
    unit: str
    text: str


@dataclass(frozen=True, slots=True)
class CouponLine:
    """One coupon in a line."""

    n_coupon: int
    serial: str
    glass: str
    temperature_C: float | None
    hold_min: float | None
    hours: float
    n_sites: int
    n_within: int
    outcomes: dict[str, int]
    reason: str


@dataclass(frozen=True, slots=True)
class Summary:
    """All that the first page says; `as_json` is the content of report.json."""

    name: str
    uid: str
    start_time: str
    instrument: str
    kind: str
    optimizer: str
    seed: int
    code_version: str
    versions: dict[str, str]
    target: str
    verdict: Literal["reached", "probably reached", "not reached", "undecided"]
    verdict_text: str
    p_reached: float | None
    p_fresh_coupon: float | None
    ended: str
    hours: float
    expected_hours: float | None
    n_coupons: int
    n_coupons_at_hand: int
    n_sites: int
    n_within: int
    n_runs: int
    outcomes: dict[str, int]
    states: dict[str, int]
    best_site: str | None
    best_recipe: tuple[tuple[str, str], ...]
    best_measured: tuple[Quantity, ...]
    best_expected_again: tuple[Quantity, ...]
    best_plain: dict[str, Any] | None
    coupons: tuple[CouponLine, ...]
    failures: tuple[Failure, ...]
    held: tuple[Held, ...]
    said: tuple[Said, ...]
    calibration: tuple[Calibration, ...]
    next_steps: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """As plain JSON types; what is not a number becomes null."""
        plain: dict[str, Any] = _plain(asdict(self))
        return plain


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, float):
        return float(f"{value:.9g}") if math.isfinite(value) else None
    return value


def summary_of(night: NightData) -> Summary:
    """The summary of a night.

    Args:
        night: what happened.
    """
    status, objective = night.status, night.campaign.objective
    numbers = [measured(o, objective) for _, _, o in night.observed]
    best = status.best if status else None
    number = measured(best.observation, objective) if best else None
    verdict, verdict_text = _verdict(night)
    return Summary(
        name=night.name,
        uid=night.uid,
        start_time=night.start_time,
        instrument=night.instrument.get("name", ""),
        kind=night.instrument.get("kind", ""),
        optimizer=night.campaign.optimizer.kind,
        seed=night.seed,
        code_version=night.code_version,
        versions=night.versions,
        target=target_text(objective),
        verdict=verdict,
        verdict_text=verdict_text,
        p_reached=status.p_reached if status else None,
        p_fresh_coupon=status.p_fresh_coupon if status else None,
        ended=how_ended(night),
        hours=night.duration_s / 3600,
        expected_hours=night.expected_s / 3600 if night.expected_s else None,
        n_coupons=len(night.coupons),
        n_coupons_at_hand=len(night.campaign.coupons),
        n_sites=len(numbers),
        n_within=sum(m.is_inside for m in numbers),
        n_runs=len(night.runs),
        outcomes=dict(Counter(m.kind for m in numbers)),
        states={s.value: n for s, n in Counter(s.state for c in night.coupons for s in c.sites).items()},
        best_site=f"{best.observation.site.name} on {best.observation.site.coupon}" if best else None,
        best_recipe=tuple(recipe_lines(best, night)) if best else (),
        best_measured=()
        if number is None
        else tuple(
            q
            for q in (
                _quantity("red peak", number.red_peak_nm, number.red_peak_sd_nm, "nm"),
                _quantity("green peak", number.green_peak_nm, number.green_peak_sd_nm, "nm"),
                _quantity("green : red", number.green_red_ratio, number.ratio_sd, ""),
                _quantity("red light", number.red_rate_counts_s, number.red_rate_sd_counts_s, "counts/s"),
                _quantity("green light", number.green_rate_counts_s, number.green_rate_sd_counts_s, "counts/s"),
                *(_quantity(name, value, sd, "ns") for name, value, sd in number.lifetime_rows),
            )
            if math.isfinite(q.value)
        ),
        best_expected_again=tuple(
            _quantity(
                {**_AGAIN, **_lifetimes_wished(objective)}[p.observable], p.mean, p.sd, "" if p.unit == "1" else p.unit
            )
            for p in (status.fresh_coupon if status else ())
            if p.observable in _AGAIN or p.observable in _lifetimes_wished(objective)
        ),
        best_plain=as_plain(best) if best else None,
        coupons=tuple(_coupon_line(c, objective) for c in night.coupons),
        failures=failures_of(night),
        held=night.held,
        said=tuple(one for decision in night.decisions for one in decision.said),
        calibration=calibration_of(compared(night)),
        next_steps=_next_steps(night, verdict),
    )


_AGAIN = {"red_peak_nm": "red peak", "green_red_ratio": "green : red", "red_rate_counts_s": "red light"}


def _lifetimes_wished(objective: Objective) -> dict[str, str]:
    return {f"{phase}_lifetime_ns": f"{phase} lifetime" for phase in objective.lifetime_phases()}


def _quantity(name: str, value: float, sd: float, unit: str) -> Quantity:
    return Quantity(name, value, sd, unit, plus_minus(value, sd, unit))


def target_text(objective: Objective) -> str:
    """The objective in words."""
    parts = []
    if objective.red_peak_nm:
        parts.append(f"red peak {objective.red_peak_nm.target:g} ± {objective.red_peak_nm.tolerance:g} nm")
    if objective.green_red_ratio:
        ratio = objective.green_red_ratio
        parts.append(f"green : red {ratio.target / ratio.factor:.3g} to {ratio.target * ratio.factor:.3g}")
    said = dict(zip(objective.wishes(), objective.words(), strict=False))
    parts += [text for key, text in said.items() if key not in {"red_peak_nm", "green_red_ratio"}]
    return ", ".join(parts)


def _verdict(night: NightData) -> tuple[Literal["reached", "probably reached", "not reached", "undecided"], str]:
    status = night.status
    if all(isinstance(o.outcome, Failed) for _, _, o in night.observed):
        return "undecided", "Nothing was learnt: no site gave an outcome."
    if status is None or status.n_observations == 0:
        return "undecided", "The optimiser has taken nothing in."
    return ("not reached", "No site luminesced.") if status.best is None else _verdict_on(night, status, status.best)


def _verdict_on(
    night: NightData, status: OptimizerStatus, best: BestSite
) -> tuple[Literal["reached", "probably reached", "not reached", "undecided"], str]:
    site = best.observation.site
    if not night.campaign.objective.targets():
        return (
            "undecided",
            f"There is no target to reach, only more light: {site.name} on {site.coupon} is the best site.",
        )
    asked = night.campaign.stop.target_reached_confidence or REACHED
    sure = f"{site.name} on {site.coupon} meets the specification with {probability(status.p_reached)}"
    if status.p_fresh_coupon is not None:
        sure += f"; the same recipe on a fresh coupon with {probability(status.p_fresh_coupon)}"
    if status.p_reached >= asked:
        return "reached", f"{sure}."
    if status.p_reached >= 0.5:
        return "probably reached", f"{sure}; {asked:g} was asked for."
    return "not reached", f"The best site, {sure}."


def _coupon_line(coupon: CouponNight, objective: Objective) -> CouponLine:
    numbers = [measured(o, objective) for o in coupon.observations]
    heat = coupon.furnace.treatment if coupon.furnace else None
    return CouponLine(
        n_coupon=coupon.n_coupon,
        serial=coupon.coupon.serial,
        glass=coupon.coupon.glass.name,
        temperature_C=heat.temperature_C if heat else None,
        hold_min=heat.hold_s / 60 if heat else None,
        hours=(max(p.end_s for p in coupon.phases) - min(p.begin_s for p in coupon.phases)) / 3600
        if coupon.phases
        else 0.0,
        n_sites=len(coupon.sites),
        n_within=sum(m.is_inside for m in numbers),
        outcomes=dict(Counter(m.kind for m in numbers)),
        reason=coupon.suggestion.reason if coupon.suggestion else "",
    )


def _next_steps(night: NightData, verdict: str) -> tuple[str, ...]:
    """What would be done next, and why; sentences."""
    steps = []
    last: Decision | None = night.decisions[-1] if night.decisions else None
    if last is not None and last.next_suggestion is not None:
        steps.append(f"The optimiser's next coupon: {_in_words(last.next_suggestion)}")
    elif last is not None and last.verdict == "continue" and last.suggestion is not None:
        steps.append(f"Decided, and not carried through to a decision: {_in_words(last.suggestion)}")
    status = night.status
    if verdict in {"reached", "probably reached"} and status is not None and status.p_fresh_coupon is not None:
        steps.append(
            "Write the best recipe on a fresh coupon: a site within the specification tells of that site, a second coupon of the "
            f"recipe. The model expects {probability(status.p_fresh_coupon)} there."
        )
    if verdict == "not reached" and status is not None and status.best is not None:
        steps.append(what_misses(night))
    used = {c.coupon.serial for c in night.coupons}
    left = Counter(c.glass.name for c in night.campaign.coupons if c.serial not in used)
    if left:
        steps.append("Coupons left: " + ", ".join(f"{n} of {glass}" for glass, n in sorted(left.items())) + ".")
    return tuple(steps)


def _in_words(suggestion: Suggestion) -> str:
    heat, n = suggestion.heat_treatment, len(suggestion.sites)
    return (
        f"{suggestion.coupon.serial} ({suggestion.coupon.glass.name}) with {n} site{'s' if n > 1 else ''}, "
        f"{heat.temperature_C:.0f} °C for {heat.hold_s / 60:.0f} min. Why: {suggestion.reason}."
    )
