"""From a pydantic error to sentences.

Bounds and units come from the fields of the model, so that any model made of the project's words is explained:
campaign files, instrument files, documents.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from beamline.problems.fields import Place, bounds_text, is_pair, keys_of, places_of_keys, shown, unit_of, wanted_text
from beamline.problems.keys import meant_key
from beamline.recipe import Serial

__all__ = ["InconsistentError", "Problem", "explain"]


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: the key in TOML notation (empty for the whole file), and what is to be said about it.

    `entry` says which of several: `3rd [[coupon]]`, `upper end`.
    """

    key: str
    text: str
    entry: str = ""

    def __str__(self) -> str:
        where = f"{self.key} ({self.entry})" if self.entry else self.key
        return f"{where}: {self.text}" if where else self.text


class InconsistentError(ValueError):
    """Values that are each allowed but do not go together; raised by a model's validator, with all that it found.

    To do: change one of the values that it names.
    """

    def __init__(self, problems: Sequence[Problem]) -> None:
        """Args: problems: at least one."""
        super().__init__("; ".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


def explain(error: ValidationError, model: type[BaseModel]) -> list[Problem]:
    """One problem per mistake, in the order in which pydantic met them.

    Args:
        error: what `model.model_validate(...)` raised.
        model: the model that was asked for; its fields are where bounds and units are looked up.
    """
    details = error.errors(include_url=False)
    problems: list[Problem] = []
    for detail in details:
        n = len(detail["loc"])
        if detail["type"] == "too_short" and any(d["loc"][:n] == detail["loc"] and len(d["loc"]) > n for d in details):
            continue  # pydantic does not count the entries that are wrong themselves
        problems += _explain_one(detail, model)
    return list(dict.fromkeys(problems))


def _explain_one(detail: ErrorDetails, model: type[BaseModel]) -> list[Problem]:
    raised = detail.get("ctx", {}).get("error")
    if isinstance(raised, InconsistentError):
        return list(raised.problems)
    place = Place.find(model, detail["loc"])
    return [Problem(place.key, _text(detail, place, model), place.entry)]


def _text(  # noqa: C901, PLR0911, PLR0912  # a table in the form of a match: one entry for each kind of mistake
    detail: ErrorDetails, place: Place, root: type[BaseModel]
) -> str:
    kind, value, ctx = detail["type"], detail["input"], detail.get("ctx", {})
    unit = unit_of(place.field)
    in_unit = f" in {unit}" if unit else ""
    match kind:
        case "extra_forbidden":
            known = {name: unit_of(info) for name, info in place.siblings.items()}
            meant = meant_key(place.name, value, known, places_of_keys(root))
            return f"unknown {'table' if isinstance(value, dict) else f'key (value {shown(value)})'}; {meant}"
        case "missing" if place.is_element:
            return f"a value is missing in {shown(value)}; write [low, high]{in_unit}"
        case "missing":
            return f"is missing; give {wanted_text(place.field, place.key)}"
        case "greater_than_equal" | "greater_than" | "less_than_equal" | "less_than":
            side = "too low" if kind.startswith("greater") else "too high"
            return f"{shown(value)}{f' {unit}' if unit else ''} is {side}; allowed: {bounds_text(place.field)}"
        case "finite_number":
            return f"{shown(value)} is not a finite number; give {wanted_text(place.field)}"
        case "float_type" | "float_parsing" | "int_type" | "int_parsing" | "int_from_float" | "int_parsing_size":
            noun = "number" if kind.startswith("float") else "whole number"
            return f"{shown(value)} is not a {noun}; give {wanted_text(place.field)}"
        case "too_long" | "too_short" | "tuple_type" if is_pair(place.field):
            return f"{shown(value)} is not an interval; write [low, high]{in_unit}, each {bounds_text(place.field)}"
        case "too_short":
            return f"at least {ctx['min_length']} needed, {ctx['actual_length']} given; write it under [[{place.key}]]"
        case "model_type" | "model_attributes_type":
            return f"{shown(value)} is not a table; write {place.key} as a table of its own with {keys_of(place.field)}"
        case "tuple_type" | "list_type":
            return f"{shown(value)} is not a list; write each entry under its own [[{place.key}]]"
        case "literal_error" | "union_tag_invalid":
            allowed = ctx.get("expected", ctx.get("expected_tags"))
            return f"{shown(ctx.get('tag', value))} is not known here; allowed: {allowed}"
        case "string_pattern_mismatch":
            return f"{shown(value)} is not of the form that is wanted: {_form(ctx['pattern'])}"
        case "bool_type":
            return f"{shown(value)} is not a switch; write true or false, without quotes"
        case "string_type":
            return f"{shown(value)} is not a text; put it in quotes"
        case "value_error":
            return str(ctx["error"]) + (f", in {unit}" if unit else "")
        case _:
            return f"{shown(value)}: {detail['msg'][0].lower()}{detail['msg'][1:]}"


def _form(pattern: str) -> str:
    """A regular expression in words, where it is the one of `beamline.recipe.Serial`."""
    if pattern == get_args(Serial)[1].metadata[0].pattern:
        return "a name of letters, digits and _ . - (at most 32, beginning with a letter or digit)"
    return pattern
