"""A night in hindsight: outcomes by the present analysis beside the old ones, decisions beside those made again."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, get_args

from beamline.cli.options import refuse

if TYPE_CHECKING:
    from beamline.recipe import Outcome, Suggestion
    from beamline.records import Records

__all__ = ["outcome_words", "show_decisions", "show_reanalysis"]

Say = Callable[[str], object]
"""Takes a line for the terminal."""


def outcome_words(outcome: Outcome) -> str:
    """An outcome on a line: red peak (nm) with one sigma, green : red, detected light (counts/s); or what else it was."""
    from beamline.recipe import Failed, Luminescence, NoLuminescence

    match outcome:
        case Luminescence():
            red, green = outcome.band("red"), outcome.band("green")
            peak = f"red {red.peak_nm:.2f} ± {red.peak_sd_nm:.2f} nm" if red else "no red"
            ratio = (
                f"green:red {green.rate_counts_s / red.rate_counts_s:.3f}"
                if red and green and red.rate_counts_s > 0
                else f"green {green.peak_nm:.2f} nm"
                if green
                else "no green"
            )
            return f"{peak}, {ratio}, {sum(band.rate_counts_s for band in outcome.bands):.4g} counts/s"
        case NoLuminescence():
            return f"no luminescence, below {outcome.rate_limit_counts_s:.3g} counts/s"
        case Failed():
            return f"failed: {outcome.reason}"
    return f"saturated, above {outcome.rate_floor_counts_s:.3g} counts/s"


def show_reanalysis(records: Records, campaign_uid: str, say: Say) -> dict[str, Any]:
    """Say every outcome that a night learned from, then and now; those that differ are marked `*`.

    Returns:
        The same, as plain JSON types.
    """
    from beamline.decisions import campaign_of, reanalyse
    from beamline.recipe import as_plain
    from beamline.versions import versions

    then = campaign_of(records, campaign_uid)[1].start.get("versions", {})
    now = versions()
    changed = [f"{name} {then[name]} -> {now[name]}" for name in then if name in now and then[name] != now[name]]
    say(f"campaign {campaign_uid[:8]}, code: {', '.join(changed) or 'the same versions as in the night'}")
    sites = []
    for one in reanalyse(records, campaign_uid):
        sites.append(
            {
                "coupon": one.coupon,
                "site": one.site,
                "is_same": one.is_same,
                "then": as_plain(one.then.outcome),
                "now": as_plain(one.now.outcome),
            }
        )
        mark = " " if one.is_same else "*"
        say(f"{mark} {one.coupon:<8} {one.site:<5} then {outcome_words(one.then.outcome)}")
        say(f"{'':<17}now  {outcome_words(one.now.outcome)}")
    n_changed = sum(not one["is_same"] for one in sites)
    say(f"{len(sites)} outcomes, {n_changed} of them changed")
    return {"versions_changed": changed, "n_changed": n_changed, "sites": sites}


def show_decisions(records: Records, campaign_uid: str, kind: str | None, say: Say) -> dict[str, Any]:
    """Say each decision beside the same one made again.

    Args:
        records: of the night.
        campaign_uid: of the night.
        kind: of another optimiser; None for the night's own.
        say: takes a line.

    Returns:
        The same, as plain JSON types; `is_good`: whether all that must be equal is.
    """
    from beamline.decisions import campaign_of, redecide
    from beamline.optimize import OptimizerKind
    from beamline.recipe import as_plain

    kinds = get_args(OptimizerKind)
    if kind is not None and kind not in kinds:
        refuse(f"--optimizer {kind}: no such optimiser; there are {', '.join(kinds)}")
    own = campaign_of(records, campaign_uid)[0].optimizer.kind
    is_what_if = kind is not None and kind != own
    decisions: list[dict[str, Any]] = []
    for one in redecide(records, campaign_uid, kind):  # type: ignore[arg-type]  # looked up in the kinds above
        is_same = one.is_same_suggestion and one.is_same_state is not False
        decisions.append(
            {
                "run": one.run_uid,
                "n_coupon": one.n_coupon,
                "is_same_suggestion": one.is_same_suggestion,
                "is_same_state": one.is_same_state,
                "p_reached": list(one.p_reached),
                "recorded": as_plain(one.recorded) if one.recorded else None,
                "again": as_plain(one.again) if one.again else None,
            }
        )
        what = f"decision {len(decisions)} (run {one.run_uid[:8]}, coupon {one.n_coupon})"
        if is_what_if:
            say(what)
            say(f"  done:       {_suggestion_words(one.recorded)}; P reached {one.p_reached[0]:.3f}")
            say(f"  {f'{kind}:':<11} {_suggestion_words(one.again)}; P reached {one.p_reached[1]:.3f}")
            continue
        verdict = "the same, byte for byte"
        if not one.is_same_suggestion:
            verdict = "ANOTHER suggestion"
        elif not is_same:
            verdict = "the same suggestion from ANOTHER belief"
        say(f"{what}: {verdict}")
        if not is_same:
            say(f"  then: {_suggestion_words(one.recorded)}; P reached {one.p_reached[0]:.6f}")
            say(f"  now:  {_suggestion_words(one.again)}; P reached {one.p_reached[1]:.6f}")
    n, n_same = (
        len(decisions),
        sum(one["is_same_suggestion"] and one["is_same_state"] is not False for one in decisions),
    )
    if is_what_if:
        say(f"{n} decisions by {own}, and what {kind} would have suggested, told the same outcomes")
    else:
        say(f"{n_same} of {n} decisions are the same")
    is_good = is_what_if or n_same == n
    return {"optimizer": kind or own, "done_by": own, "n_same": n_same, "is_good": is_good, "decisions": decisions}


def _suggestion_words(suggestion: Suggestion | None) -> str:
    from beamline.recipe import Line

    if suggestion is None:
        return "nothing"
    treatment, writings = suggestion.heat_treatment, [site.writing for site in suggestion.sites]
    energies = [writing.pulse_energy_uJ for writing in writings]
    paces = [w.speed_mm_s if isinstance(w, Line) else w.exposure_s for w in writings]
    unit = "mm/s" if isinstance(writings[0], Line) else "s"
    return (
        f"{suggestion.coupon.serial} ({suggestion.coupon.glass.name}), {treatment.temperature_C:.1f} degC for "
        f"{treatment.hold_s / 60:.0f} min, {min(energies):.0f} to {max(energies):.0f} uJ, "
        f"{min(paces):.3g} to {max(paces):.3g} {unit}"
    )
