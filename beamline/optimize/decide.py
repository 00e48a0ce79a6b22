"""What people decide about suggestions, as data: approved, edited, rejected, or replaced by points of their own.

A `Decided` holds a suggestion as it was made and what was said to it. It says what is to be done; an optimiser that is told
of it (`Optimizer.decide`) does not suggest again what was rejected. Everything else that people change reaches the
optimiser as it should: through the observations of what was in fact done. So records with the decisions in them lead an
optimiser that is built anew to the same next suggestion.

    decided = Decided(suggestion=suggestion, decision=Edit(by="ada", note="spare the lamp", heat_treatment=cooler))
    decided.done(space)        # the suggestion with the change in it, checked against the space; None where it was rejected
    done_with(decided, coupons, space)     # the same, for the coupons that there are
    optimizer.decide([decided])
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from beamline.optimize.space import SearchSpace
from beamline.recipe import Coupon, Frozen, HeatTreatment, Serial, Site, SiteSuggestion, Suggestion, Writing, as_plain

if TYPE_CHECKING:
    from beamline.optimize.protocol import Optimizer  # which speaks of decisions itself

__all__ = [
    "Approve",
    "Decided",
    "Decision",
    "Edit",
    "OwnPoint",
    "OwnPoints",
    "Reject",
    "SiteWriting",
    "done_with",
    "relived",
    "words_of",
]

_Who = Annotated[str, Field(min_length=1, max_length=100, description="who decided")]


class SiteWriting(Frozen):
    """A writing for one of a suggestion's sites, by name."""

    site: Serial
    writing: Writing


class OwnPoint(Frozen):
    """A writing at a place."""

    site: Site
    writing: Writing


class _Said(Frozen):
    """Who decided, why, and by which interface it came: "web", "command", "shell", "night"; empty where nobody wrote it down."""

    by: _Who
    note: str = ""
    interface: Annotated[str, Field(max_length=40)] = ""


class Approve(_Said):
    """Done as suggested."""

    kind: Literal["approve"] = "approve"


class Edit(_Said):
    """Done with changes."""

    kind: Literal["edit"] = "edit"
    heat_treatment: HeatTreatment | None = None
    writings: tuple[SiteWriting, ...] = ()
    leave_out: tuple[Serial, ...] = ()

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        names = [one.site for one in self.writings]
        if self.heat_treatment is None and not names and not self.leave_out:
            raise ValueError("an edit that changes nothing: give heat_treatment, writings or leave_out, or approve")
        if twice := {name for name in (*names, *self.leave_out) if (*names, *self.leave_out).count(name) > 1}:
            raise ValueError(f"sites {', '.join(sorted(twice))} are named more than once in one edit")
        return self


class Reject(_Said):
    """Not done; the optimiser is asked again and keeps away from it.

    With `sites`, it is their writings that are not wanted, on any coupon; without, the coupon's heat treatment on this glass.
    """

    kind: Literal["reject"] = "reject"
    note: str = Field(min_length=1, description="why")
    sites: tuple[Serial, ...] = ()


class OwnPoints(_Said):
    """Something else is done instead, on a coupon of one's choice."""

    kind: Literal["own"] = "own"
    coupon: Coupon
    heat_treatment: HeatTreatment
    points: Annotated[tuple[OwnPoint, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _lie_on_the_coupon(self) -> Self:
        names = [point.site.name for point in self.points]
        if len(set(names)) < len(names):
            raise ValueError(f"each point needs a site of its own; got {', '.join(names)}")
        for point in self.points:
            site, coupon = point.site, self.coupon
            if site.coupon != coupon.serial or site.x_mm > coupon.width_mm or site.y_mm > coupon.height_mm:
                raise ValueError(
                    f"site {site.name} of coupon {site.coupon} at ({site.x_mm:g}, {site.y_mm:g}) mm is not on "
                    f"{coupon.serial} ({coupon.width_mm:g} x {coupon.height_mm:g} mm)"
                )
        return self


Decision = Annotated[Approve | Edit | Reject | OwnPoints, Field(discriminator="kind")]


class Decided(Frozen):
    """A suggestion as it was made, and what was decided about it."""

    suggestion: Suggestion
    decision: Decision

    @model_validator(mode="after")
    def _names_its_sites(self) -> Self:
        known = {one.site.name for one in self.suggestion.sites}
        named: tuple[str, ...] = ()
        if isinstance(self.decision, Edit):
            named = (*(one.site for one in self.decision.writings), *self.decision.leave_out)
            if set(self.decision.leave_out) == known:
                raise ValueError("the edit leaves out every site; reject the suggestion instead")
        elif isinstance(self.decision, Reject):
            named = self.decision.sites
        if unknown := sorted(set(named) - known):
            raise ValueError(f"no site {', '.join(unknown)} in this suggestion; it has {', '.join(sorted(known))}")
        return self

    def done(self, space: SearchSpace | None = None) -> Suggestion | None:
        """What is to be done; None where it was rejected.

        Predictions stay only with sites whose recipe is as suggested: of another nobody has foreseen anything.

        Args:
            space: of the campaign, outside of which nothing is done; None where people may do anything that words allow.

        Raises:
            ValueError: an edit or a point of one's own lies outside the space; the message says in what.
        """
        suggestion, decision = self.suggestion, self.decision
        if isinstance(decision, Reject):
            return None
        if isinstance(decision, Approve):
            return suggestion
        if isinstance(decision, OwnPoints):
            made = tuple(
                SiteSuggestion(
                    suggestion_id=f"{suggestion.suggestion_id}.{point.site.name}",
                    site=point.site,
                    writing=point.writing,
                    reason=_why(decision),
                )
                for point in decision.points
            )
            coupon, heat_treatment = decision.coupon, decision.heat_treatment
        else:
            coupon, heat_treatment = suggestion.coupon, decision.heat_treatment or suggestion.heat_treatment
            given = {one.site: one.writing for one in decision.writings}
            is_hot = heat_treatment != suggestion.heat_treatment
            made = tuple(
                _edited(one, given.get(one.site.name, one.writing), decision, is_other_heat=is_hot)
                for one in suggestion.sites
                if one.site.name not in decision.leave_out
            )
        if space is not None and (faults := _outside(space, heat_treatment, made)):
            raise ValueError(f"outside the campaign's space: {'; '.join(faults)}; change it, or the space")
        return Suggestion(
            suggestion_id=suggestion.suggestion_id,
            coupon=coupon,
            heat_treatment=heat_treatment,
            sites=made,
            reason=_why(decision),
        )


def _why(decision: Edit | OwnPoints) -> str:
    what = "edited" if isinstance(decision, Edit) else "own points"
    return f"{what} by {decision.by}" + (f": {decision.note}" if decision.note else "")


def _edited(one: SiteSuggestion, writing: Writing, decision: Edit, *, is_other_heat: bool) -> SiteSuggestion:
    if writing == one.writing and not is_other_heat:
        return one
    return SiteSuggestion(suggestion_id=one.suggestion_id, site=one.site, writing=writing, reason=_why(decision))


def _outside(space: SearchSpace, heat: HeatTreatment, sites: Sequence[SiteSuggestion]) -> list[str]:
    found = []

    def check(what: str, value: float, ends: tuple[float, float], unit: str) -> None:
        low, high = ends
        if not low - 1e-9 <= value <= high + 1e-9:
            found.append(f"{what} {value:g} is not within {low:g} to {high:g} {unit}".rstrip())

    check("temperature_C", heat.temperature_C, space.temperature_C, "degC")
    check("hold_s", heat.hold_s, space.hold_s, "s")
    check("ramp_C_min", heat.ramp_C_min, (space.ramp_C_min, space.ramp_C_min), "degC/min")
    for one in sites:
        name, writing = one.site.name, one.writing
        if writing.mode != space.mode:
            found.append(f"{name} is a {writing.mode}, and the campaign writes {space.mode}s")
            continue
        time = writing.speed_mm_s if writing.mode == "line" else writing.exposure_s
        ends, unit = (space.speed_mm_s, "mm/s") if writing.mode == "line" else (space.exposure_s, "s")
        check(f"{name} pulse_energy_uJ", writing.pulse_energy_uJ, space.pulse_energy_uJ, "uJ")
        check(f"{name} {'speed_mm_s' if unit == 'mm/s' else 'exposure_s'}", time, ends, unit)
        check(f"{name} n_passes", writing.n_passes, space.n_passes, "")
        if space.dose is not None:
            dose = space.dose_of(writing.pulse_energy_uJ, time, writing.n_passes)
            check(f"{name} dose", dose, space.dose, "J/mm" if space.mode == "line" else "J")
        found += _unusual(space, name, writing)
    return found


def _unusual(space: SearchSpace, name: str, writing: Writing) -> list[str]:
    """What a space does not vary is as it is: the check before the night has tried nothing else against the instrument."""
    time = writing.speed_mm_s if writing.mode == "line" else writing.exposure_s
    usual = space.writing(writing.pulse_energy_uJ, time, writing.n_passes)
    return [
        f"{name} {key} {getattr(writing, key):g} is not {getattr(usual, key):g}, which the campaign does not vary"
        for key in type(writing).model_fields
        if key != "mode" and getattr(writing, key) != getattr(usual, key)
    ]


def done_with(decided: Decided, coupons: Sequence[Coupon], space: SearchSpace | None = None) -> Suggestion | None:
    """What is to be done with the coupons that there are; None where it was rejected.

    Args:
        decided: a suggestion, and what was said to it.
        coupons: at hand.
        space: see `Decided.done`.

    Raises:
        ValueError: it lies outside the space, or is for a coupon that is not at hand; the message says what may be.
    """
    done = decided.done(space)
    if done is not None and done.coupon not in coupons:
        at_hand = ", ".join(coupon.serial for coupon in coupons)
        raise ValueError(f"coupon {done.coupon.serial} is not at hand, or was used; there are {at_hand}")
    return done


def words_of(told: Sequence[Decided]) -> list[dict[str, Any]]:
    """Decisions as they stand in the decision document, under the key `human`."""
    return [as_plain(decided) for decided in told]


def relived(optimizer: Optimizer, coupons: Sequence[Coupon], told: Sequence[Decided]) -> tuple[Suggestion, ...]:
    """What an optimiser suggests now at each decision about one coupon, told of each in turn; the night once more."""
    again = []
    for decided in told:
        again.append(optimizer.suggest(coupons))
        optimizer.decide([decided])
    return tuple(again)
