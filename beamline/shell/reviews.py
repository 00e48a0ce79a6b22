"""What a person decided about the optimiser's suggestion: taken, taken with changes, refused; kept for the next run.

The seam between a face and whoever carries a decision out: a face calls `ReviewBook.keep`, a night asks `ReviewBook.newest`
and decides itself whether that still fits what is in the rack.
"""

from __future__ import annotations

import getpass
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from beamline.optimize import SearchSpace
from beamline.recipe import Frozen, Line, Serial, SiteSuggestion, Suggestion

__all__ = ["EditError", "Review", "ReviewBook", "edited"]


NOT_EXPECTED: dict[str, Any] = {"predictions": (), "p_in_specification": None, "acquisition": 0.0}


class Review(Frozen):
    """A decision about one suggestion.

    Attributes:
        campaign: its name.
        campaign_uid: in whose records the suggestion has its reasons; None for a campaign that has not begun.
        verdict: what was decided.
        suggested: what the optimiser had said.
        instead: what is to be done; absent where nothing is.
        reason: of the person; a rejection has one.
        by: who.
        at: when, wall time with its zone.
    """

    campaign: Serial
    campaign_uid: str | None = None
    verdict: Literal["accepted", "edited", "rejected"]
    suggested: Suggestion
    instead: Suggestion | None = None
    reason: Annotated[str, Field(max_length=1000)] = ""
    by: str
    at: str

    @property
    def to_do(self) -> Suggestion | None:
        """The suggestion as the person wants it, or None where it was rejected."""
        return {"accepted": self.suggested, "edited": self.instead, "rejected": None}[self.verdict]


class ReviewBook:
    """The decisions of a records folder, a line of JSON each, in one file for each campaign; readable by its owner only.

    Args:
        data: the records folder.
    """

    def __init__(self, data: Path) -> None:
        self._folder = data / "reviews"

    def path(self, campaign: str) -> Path:
        """The file of a campaign."""
        return self._folder / f"{campaign}.jsonl"

    def keep(
        self,
        verdict: Literal["accepted", "edited", "rejected"],
        suggested: Suggestion,
        *,
        campaign: str,
        campaign_uid: str | None = None,
        instead: Suggestion | None = None,
        reason: str = "",
    ) -> Review:
        """Append a decision; it is on the disk when this returns.

        Raises:
            OSError: it cannot be written.
        """
        review = Review(
            campaign=campaign,
            campaign_uid=campaign_uid,
            verdict=verdict,
            suggested=suggested,
            instead=instead,
            reason=reason,
            by=getpass.getuser(),
            at=datetime.now(UTC).astimezone().isoformat(timespec="seconds"),
        )
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(self.path(campaign), os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, (review.to_json() + "\n").encode())  # one call: lines of two processes do not mix
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        return review

    def of(self, campaign: str) -> tuple[Review, ...]:
        """The decisions about a campaign, oldest first; a line that was cut off by a crash is left out."""
        try:
            lines = self.path(campaign).read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return ()
        found = []
        for line in lines:
            try:
                found.append(Review.from_json(line))
            except ValidationError:
                continue
        return tuple(found)

    def newest(self, campaign: str, suggestion_id: str) -> Review | None:
        """The last decision about a suggestion, or None where nobody has decided."""
        return next((r for r in reversed(self.of(campaign)) if r.suggested.suggestion_id == suggestion_id), None)


class EditError(ValueError):
    """A change of a suggestion that cannot be made; the message says what can."""


def edited(suggestion: Suggestion, changes: Mapping[str, str], space: SearchSpace) -> Suggestion:
    """A suggestion with changes.

    Args:
        suggestion: to be changed; it stays as it is.
        changes: `temperature_C`, `hold_s`, `ramp_C_min` of the coupon; `A1.pulse_energy_uJ` and others of a site's writing,
            `*.pulse_energy_uJ` of all sites; `A1` with the value `out` leaves the site out.
        space: of the campaign, within which a change must stay.

    Raises:
        EditError: no such key or site, a value that is none or outside; nothing is changed.
    """
    heat = suggestion.heat_treatment.model_dump()
    sites: dict[str, dict[str, Any] | None] = {s.site.name: s.writing.model_dump() for s in suggestion.sites}
    for key, text in changes.items():
        name, _, field = key.rpartition(".")
        if not name and field in heat:
            heat[field] = _number(key, text)
        elif not name and field in sites and text == "out":
            sites[field] = None
        elif name == "*" or name in sites:
            for chosen in sites if name == "*" else (name,):
                _change(sites[chosen], key, field, text)
        else:
            keys = ", ".join(heat)
            raise EditError(
                f"{key}={text}: no such setting; there are {keys}; SITE.pulse_energy_uJ, ...; SITE=out; sites: {', '.join(sites)}"
            )
    return _rebuilt(suggestion, heat, sites, changes, space)


def _change(writing: dict[str, Any] | None, key: str, field: str, text: str) -> None:
    if writing is None:
        raise EditError(f"{key}={text}: the site is left out")
    if field not in writing or field == "mode":
        raise EditError(
            f"{key}={text}: no such setting of a writing; there are {', '.join(f for f in writing if f != 'mode')}"
        )
    value = _number(key, text)
    writing[field] = int(value) if field == "n_passes" and value == int(value) else value


def _number(key: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise EditError(f"{key}={text}: a number is wanted") from None


def _rebuilt(
    suggestion: Suggestion,
    heat: dict[str, Any],
    sites: dict[str, dict[str, Any] | None],
    changes: Mapping[str, str],
    space: SearchSpace,
) -> Suggestion:
    chosen: list[SiteSuggestion] = []
    for site in suggestion.sites:
        writing = sites[site.site.name]
        if writing is None:
            continue
        is_same = writing == site.writing.model_dump()
        # What was expected of another recipe says nothing about this one.
        expected = {} if is_same else {**NOT_EXPECTED, "reason": f"by hand; before: {site.reason}"}
        chosen.append(site.model_copy(update={"writing": _validated(site.writing, writing), **expected}))
    if not chosen:
        raise EditError("no site is left; %reject says that the coupon is not to be made")
    treatment = _validated(suggestion.heat_treatment, heat)
    if treatment != suggestion.heat_treatment:
        chosen = [one.model_copy(update=NOT_EXPECTED) for one in chosen]
    new = suggestion.model_copy(
        update={
            "heat_treatment": treatment,
            "sites": tuple(chosen),
            "reason": f"edited by hand ({', '.join(f'{k}={v}' for k, v in changes.items())}); before: {suggestion.reason}",
        }
    )
    _stay_within(new, space)
    return new


def _validated(word: Any, plain: dict[str, Any]) -> Any:
    try:
        return type(word).model_validate(plain)
    except ValidationError as error:
        first = error.errors()[0]
        raise EditError(f"{'.'.join(map(str, first['loc']))}={first['input']}: {first['msg'].lower()}") from None


def _stay_within(suggestion: Suggestion, space: SearchSpace) -> None:
    """Within the campaign's space: what a night checks before it writes must not come to light at night."""
    treatment = suggestion.heat_treatment
    asked = [
        ("temperature_C", treatment.temperature_C, space.temperature_C, "degC"),
        ("hold_s", treatment.hold_s, space.hold_s, "s"),
        ("ramp_C_min", treatment.ramp_C_min, (space.ramp_C_min, space.ramp_C_min), "degC/min"),
    ]
    for site in suggestion.sites:
        writing, name = site.writing, site.site.name
        asked.append((f"{name}.pulse_energy_uJ", writing.pulse_energy_uJ, space.pulse_energy_uJ, "uJ"))
        asked.append((f"{name}.n_passes", float(writing.n_passes), space.n_passes, "passes"))
        if isinstance(writing, Line):
            asked.append((f"{name}.speed_mm_s", writing.speed_mm_s, space.speed_mm_s, "mm/s"))
        else:
            asked.append((f"{name}.exposure_s", writing.exposure_s, space.exposure_s, "s"))
    for key, value, (low, high), unit in asked:
        if not low <= value <= high:
            raise EditError(
                f"{key}={value:g}: {unit} outside of the campaign's space, {low:g} to {high:g} {unit}; change the campaign file"
            )
