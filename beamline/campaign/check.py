"""What a campaign would do, how long it takes and when it ends: the words of `vitrail campaign check`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from beamline.campaign.estimate import NightCase, NightEstimate
from beamline.campaign.file import Campaign
from beamline.recipe import Glass, as_plain

__all__ = ["describe", "describe_json", "duration_text"]

PHASE_WORDS = {
    "decide": "deciding",
    "load": "loading",
    "write": "writing",
    "carry": "carrying",
    "ramp_up": "ramp up",
    "hold": "hold",
    "cool": "cooling",
    "measure": "measuring",
    "unload": "unloading",
}

OPTIMIZER_WORDS = {
    "physics": "suggested by surrogates with the physics model as their prior",
    "skopt": "suggested by surrogates without physics",
    "random": "drawn at random, for comparison",
}


def describe(campaign: Campaign, estimate: NightEstimate) -> str:
    """Plain text of some ten lines, at most 120 characters wide where serial numbers are short."""
    kind = campaign.optimizer.kind
    rows = [("campaign", f"{campaign.name}, seed {campaign.seed}; recipes {OPTIMIZER_WORDS[kind]}")]
    rows += _labelled("wanted", _objective(campaign))
    rows += _labelled("varied", _factors(campaign))
    rows += _labelled("coupons", _coupons(campaign))
    rows += [("sites", _sites(campaign))]
    rows += [("measured", _measurement(campaign))]
    rows += _labelled("ends", _stop_rules(campaign))
    rows += _labelled("asks", _review(campaign))
    rows += _labelled("takes", _times(estimate))
    rows += _labelled("faults", map(str, campaign.fault))
    rows += _labelled("note", _notes(campaign, estimate))
    return "\n".join(f"{label:<10}{text}" for label, text in rows)


def describe_json(campaign: Campaign, estimate: NightEstimate) -> dict[str, Any]:
    """The same for machines: plain JSON types, with every default filled in."""
    return {
        "campaign": as_plain(campaign),
        "layouts": {c.serial: [as_plain(site) for site in campaign.layout(c)] for c in campaign.coupons},
        "n_coupons_max": campaign.n_coupons_max,
        "estimate": as_plain(estimate),
        "notes": list(_notes(campaign, estimate)),
    }


def duration_text(seconds: float) -> str:
    """A duration as one reads it: `40 s`, `12 min`, `2 h 05 min`."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60:02d} min"


def _labelled(label: str, lines: Iterator[str]) -> list[tuple[str, str]]:
    return [(label if i == 0 else "", line) for i, line in enumerate(lines)]


def _objective(campaign: Campaign) -> Iterator[str]:
    yield from campaign.objective.words()


def _factors(campaign: Campaign) -> Iterator[str]:
    space = campaign.space
    glasses = list(dict.fromkeys(coupon.glass for coupon in campaign.coupon))
    yield (
        f"per coupon: glass ({', '.join(glasses)}), {_interval('temperature', space.temperature_C, 'degC')}, "
        f"hold {_durations(space.hold_s)}, ramps of {space.ramp_C_min:g} degC/min"
    )
    if space.mode == "line":
        what, pace = f"lines of {space.line_length_mm:g} mm", _interval("speed", space.speed_mm_s, "mm/s")
    else:
        what, pace = "dots", _interval("exposure", space.exposure_s, "s")
    energy, passes = _interval("pulse energy", space.pulse_energy_uJ, "uJ"), _interval("passes", space.n_passes, "")
    yield f"per site: {what}, {energy}, {pace}, {passes}"
    if space.dose is not None:
        yield f"only with a {_interval('dose', space.dose, 'J/mm' if space.mode == 'line' else 'J')} before the optics"


def _interval(name: str, ends: tuple[float, float], unit: str) -> str:
    low, high = ends
    text = f"{low:g}" if low == high else f"{low:g} to {high:g}"
    return f"{name} {text} {unit}".rstrip()


def _durations(ends: tuple[float, float]) -> str:
    low, high = (duration_text(end) for end in ends)
    return low if low == high else f"{low} to {high}"


def _coupons(campaign: Campaign) -> Iterator[str]:
    yield f"{len(campaign.coupon)} at hand, {campaign.n_coupons_max} at most are used"
    for glass in campaign.glass:
        serials = [coupon.serial for coupon in campaign.coupon if coupon.glass == glass.name]
        if serials:
            names = ", ".join(serials) if len(serials) <= 8 else f"{', '.join(serials[:7])}, ... {serials[-1]}"
            yield f"{len(serials)} of {glass.name} (Br:I {glass.bromide:g}:{glass.iodide:g}): {names}"


def _sites(campaign: Campaign) -> str:
    sites = campaign.layout(campaign.coupons[0])
    n = f"{len(sites)} on each coupon, {sites[0].name} to {sites[-1].name}" if len(sites) > 1 else "1 on each coupon"
    return f"{n}, {campaign.sites.spacing_mm:g} mm between them, {campaign.sites.margin_mm:g} mm or more from the edges"


def _measurement(campaign: Campaign) -> str:
    m = campaign.measuring
    said = f"one spectrum at each site, {m.n_averages} x {m.integration_s:g} s; one dark spectrum for each coupon"
    if m.decay is None:
        return said
    phases = " and ".join(m.decay.phases or ())
    return f"{said}; the decay of the {phases} light at each site, up to {m.decay.duration_s:g} s each"


def _stop_rules(campaign: Campaign) -> Iterator[str]:
    stop = campaign.stop
    yield f"after {_n(campaign.n_coupons_max)}"
    if stop.target_reached_confidence is not None:
        yield f"or when a site meets the specification with {100 * stop.target_reached_confidence:g} % confidence"
    if stop.least_gain_per_hour is not None:
        yield f"or when the next coupon is expected to raise the score by less than {stop.least_gain_per_hour:g} per hour"
    if stop.at is not None:
        yield f"or at {stop.at.isoformat('minutes')}: no new coupon from then on"
    if stop.max_hours is not None:
        yield f"or {stop.max_hours:g} h after the start: no new coupon from then on"


def _review(campaign: Campaign) -> Iterator[str]:
    review = campaign.review
    if review.ask:
        then = {"approve": "is made as suggested", "stop": "is not made: the night ends, and can be resumed"}
        wait = duration_text(review.wait_s)
        yield f"somebody about each coupon, and waits for {wait} at most; what nobody decides about {then[review.otherwise]}"


def _times(estimate: NightEstimate) -> Iterator[str]:
    shortest, expected, longest = estimate.shortest, estimate.expected, estimate.longest
    # A stop rule can make the night of slow coupons the shorter one: order them by their end.
    low, high = sorted((shortest, longest), key=lambda case: case.duration_s)
    yield (
        f"about {expected.duration_s / 3600:.1f} h for {_n(expected.n_coupons)} "
        f"({low.duration_s / 3600:.1f} h to {high.duration_s / 3600:.1f} h, as the optimiser chooses)"
    )
    start = estimate.start
    end = _clock(expected.end, start)
    yield f"from {start:%a %H:%M} to about {end} ({_clock(low.end, start)} to {_clock(high.end, start)})"
    yield f"per coupon {_coupon(expected)}"


def _coupon(case: NightCase) -> str:
    total_s = sum(phase.duration_s for phase in case.phases)
    parts = (f"{PHASE_WORDS[p.name]} {duration_text(p.duration_s)}" for p in case.phases if p.duration_s >= 0.5)
    return f"{duration_text(total_s)}: {', '.join(parts)}"


def _n(n_coupons: int) -> str:
    return "1 coupon" if n_coupons == 1 else f"{n_coupons} coupons"


def _clock(moment: datetime, start: datetime) -> str:
    """Clock time, with the date where the weekday would be ambiguous."""
    return f"{moment:%a %H:%M}" if (moment - start).days < 6 else f"{moment:%Y-%m-%d %H:%M}"


def _notes(campaign: Campaign, estimate: NightEstimate) -> Iterator[str]:
    stop, n = campaign.stop, len(campaign.coupon)
    if stop.max_coupons is not None and stop.max_coupons > n:
        yield f"stop.max_coupons = {stop.max_coupons}, but only {n} are at hand"
    used = {coupon.glass for coupon in campaign.coupon}
    if unused := [glass.name for glass in campaign.glass if glass.name not in used]:
        yield f"no coupon is of glass {', '.join(unused)}"
    for glass in campaign.glass:
        if glass.name in used and (phase := _missing_phase(campaign, glass)):
            yield f"glass {glass.name} has no {phase} phase: no site on it can meet the specification"
    if campaign.review.ask:
        yield "the time for decisions comes on top: it is not in the estimate"
    if estimate.expected.n_coupons < campaign.n_coupons_max:
        yield f"the time allows about {estimate.expected.n_coupons} of {campaign.n_coupons_max} coupons"


def _missing_phase(campaign: Campaign, glass: Glass) -> str:
    """The phase that the specification speaks of and a glass of one halide cannot have; empty where there is none."""
    speaks_of = {of for _, of in campaign.objective.targets().values()}
    if glass.iodide == 0 and speaks_of & {"red", "both"}:
        return "red"
    return "green" if glass.bromide == 0 and speaks_of & {"green", "both"} else ""
