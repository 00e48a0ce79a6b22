"""Changes of a suggestion as people write them, `temperature_C=520 A1.pulse_energy_uJ=130 A2=out`, to the `Edit` that they mean.

What may be changed is what the campaign varies; whether the values lie within its space is for `Decided.done` to say.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError

from beamline.optimize.decide import Edit, SiteWriting
from beamline.recipe import Frozen, HeatTreatment, Suggestion, Writing

__all__ = ["EditError", "changes_of", "edit_of"]

HEAT = ("temperature_C", "hold_s")
WRITING = {"line": ("pulse_energy_uJ", "speed_mm_s", "n_passes"), "dot": ("pulse_energy_uJ", "exposure_s", "n_passes")}
OUT = "out"
_WRITING: TypeAdapter[Writing] = TypeAdapter(Writing)


class EditError(ValueError):
    """A change that cannot be made; the message says what can.

    To do: give a value within the bounds that it names, or a setting that the suggestion has.
    """


def changes_of(words: Iterable[str]) -> dict[str, str]:
    """`KEY=VALUE` words as pairs.

    Raises:
        EditError: a word is none, a key comes twice, or there are none.
    """
    changes: dict[str, str] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not key or not equals or not value:
            raise EditError(f"{word!r}: KEY=VALUE is wanted, as in temperature_C=520, A1.pulse_energy_uJ=130, A2=out")
        if key in changes:
            raise EditError(f"{key} is given twice: {changes[key]} and {value}")
        changes[key] = value
    if not changes:
        raise EditError("nothing is changed: KEY=VALUE, as in temperature_C=520, A1.pulse_energy_uJ=130, A2=out")
    return changes


def edit_of(suggestion: Suggestion, changes: Mapping[str, str], *, by: str, note: str = "") -> Edit:
    """The edit that changes mean.

    Args:
        suggestion: to be changed; it stays as it is.
        changes: `temperature_C`, `hold_s` of the coupon; `A1.pulse_energy_uJ` and others of a site's writing,
            `*.pulse_energy_uJ` of all sites; `A1` with the value `out` leaves the site out.
        by: who decides.
        note: in their words.

    Raises:
        EditError: no such setting or site, a value that none can be, or nothing that is changed.
    """
    heat = suggestion.heat_treatment.model_dump()
    sites = {site.site.name: site.writing.model_dump() for site in suggestion.sites}
    out = tuple(key for key, value in changes.items() if key in sites and value == OUT)
    left = [name for name in sites if name not in out]
    # What is said of all sites first, so that what is said of one of them counts.
    for key, text in sorted(changes.items(), key=lambda change: not change[0].startswith("*.")):
        name, _, setting = key.rpartition(".")
        if key in out:
            continue
        if key in HEAT:
            heat[key] = _number(key, text)
        elif name == "*" or name in sites:
            if name in out:
                raise EditError(f"{key}={text}: the site is left out")
            for chosen in left if name == "*" else (name,):
                _change(sites[chosen], key, setting, text)
        else:
            first = next(iter(sites))
            raise EditError(
                f"{key}={text}: no such setting; there are {', '.join(HEAT)}; {first}.pulse_energy_uJ, ...; "
                f"*.pulse_energy_uJ, ... of all sites; {first}=out; sites: {', '.join(sites)}"
            )
    treatment = _made(HeatTreatment, heat)
    made = {name: _made(_WRITING, sites[name], name) for name in left}
    was = {site.site.name: site.writing for site in suggestion.sites}
    try:
        return Edit(
            by=by,
            note=note,
            heat_treatment=None if treatment == suggestion.heat_treatment else treatment,
            writings=tuple(SiteWriting(site=n, writing=w) for n, w in made.items() if w != was[n]),
            leave_out=out,
        )
    except ValidationError as error:
        raise EditError(error.errors()[0]["msg"].removeprefix("Value error, ")) from None


def _change(writing: dict[str, Any], key: str, setting: str, text: str) -> None:
    known = WRITING[writing["mode"]]
    if setting not in known:
        raise EditError(f"{key}={text}: no such setting of a {writing['mode']}; there are {', '.join(known)}")
    value = _number(key, text)
    writing[setting] = int(value) if setting == "n_passes" and value.is_integer() else value


def _number(key: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise EditError(f"{key}={text}: a number is wanted") from None


def _made(word: type[Frozen] | TypeAdapter[Any], plain: dict[str, Any], site: str = "") -> Any:
    try:
        return word.validate_python(plain) if isinstance(word, TypeAdapter) else word.model_validate(plain)
    except ValidationError as error:
        first = error.errors()[0]
        where = f"{site}." if site else ""
        raise EditError(
            f"{where}{first['loc'][-1]}={first['input']}: {first['msg'][:1].lower()}{first['msg'][1:]}"
        ) from None
