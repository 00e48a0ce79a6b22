"""What a model's fields say of themselves: unit, bounds, what is wanted, and where in a file they stand.

Bounds are the constraints of the models; units are the `unit` in the metadata of their fields
(`beamline.recipe.quantity`).
"""

from __future__ import annotations

import types
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel
from pydantic.fields import FieldInfo

__all__ = [
    "Place",
    "bounds_text",
    "is_pair",
    "keys_of",
    "models_in",
    "ordinal",
    "places_of_keys",
    "shown",
    "unit_of",
    "unwrapped",
    "wanted_text",
]


def unit_of(field: FieldInfo | None) -> str | None:
    """The unit in a field's metadata (for an interval: that of its ends), None where it has none."""
    if field is None:
        return None
    extra = unwrapped(field).json_schema_extra
    unit = extra.get("unit") if isinstance(extra, dict) else None
    return unit if isinstance(unit, str) and unit != "1" else None


def bounds_text(field: FieldInfo | None) -> str:
    """The bounds of a number with its unit, in words: `200 to 550 degC`, `above 0 and at most 20 degC/min`."""
    field = unwrapped(field) if field is not None else None
    words: dict[str, str] = {}
    for bound in field.metadata if field is not None else ():
        match bound:
            case Ge(ge=number):
                words["low"], words["ge"] = f"at least {shown(number)}", shown(number)
            case Gt(gt=number):
                words["low"] = f"above {shown(number)}"
            case Le(le=number):
                words["high"], words["le"] = f"at most {shown(number)}", shown(number)
            case Lt(lt=number):
                words["high"] = f"below {shown(number)}"
    if "ge" in words and "le" in words:
        text = f"{words['ge']} to {words['le']}"
    else:
        text = " and ".join(words[side] for side in ("low", "high") if side in words)
    unit = unit_of(field)
    if not text:
        return f"any finite number, in {unit}" if unit else "any finite number"
    return f"{text} {unit}" if unit else text


def wanted_text(field: FieldInfo | None, key: str = "") -> str:
    """What is to be given for a field, with bounds and unit where it has them; `key` is where it stands."""
    if field is None:
        return "a value"
    inner = unwrapped(field)
    about = field.description or inner.description
    if inner.annotation in (int, float):
        noun = "a number" if inner.annotation is float else "a whole number"
        text = f"{noun}, {bounds_text(inner)}"
    elif inner.annotation is str:
        text = "a text in quotes"
    elif isinstance(inner.annotation, type) and issubclass(inner.annotation, BaseModel):
        table = f"at least one [[{key}]]" if get_origin(field.annotation) is tuple else f"a table [{key}]"
        text = f"{table} with {keys_of(inner)}"
    else:
        text = "a value"
    return f"{text} ({about})" if about else text


def keys_of(field: FieldInfo | None) -> str:
    """The keys of the table that stands at a field, in one line."""
    annotation = unwrapped(field).annotation if field is not None else None
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return ", ".join(annotation.model_fields)
    return "its keys"


def is_pair(field: FieldInfo | None) -> bool:
    """Whether the field is a tuple of fixed length: in a file, an interval. It may be left out where it is `... | None`."""
    if field is None:
        return False
    asked = [field.annotation]
    if get_origin(field.annotation) in (types.UnionType, Union):
        asked = [a for a in get_args(field.annotation) if a is not type(None)]
    return all(get_origin(a) is tuple and Ellipsis not in get_args(a) for a in asked)


def unwrapped(field: FieldInfo) -> FieldInfo:
    """The field inside `... | None` and inside a tuple, where unit and bounds stand."""
    while True:
        arguments = [a for a in get_args(field.annotation) if a not in (type(None), Ellipsis)]
        origin = get_origin(field.annotation)
        if origin is tuple and arguments:
            field = FieldInfo.from_annotation(arguments[0])
        elif origin in (types.UnionType, Union) and len(arguments) == 1:
            inner = FieldInfo.from_annotation(arguments[0])  # bounds and unit may stand on either side of `| None`
            inner.metadata = inner.metadata or field.metadata
            inner.json_schema_extra = inner.json_schema_extra or field.json_schema_extra
            inner.description = inner.description or field.description
            field = inner
        else:
            return field


@dataclass(frozen=True)
class Place:
    """Where in a file an error is: its key, the field that stands there, and the fields beside it."""

    key: str
    name: str
    entry: str
    field: FieldInfo | None
    siblings: dict[str, FieldInfo]
    is_element: bool

    @classmethod
    def find(cls, model: type[BaseModel], loc: Iterable[int | str]) -> Place:
        """Follow pydantic's location through the models."""
        field: FieldInfo | None = FieldInfo.from_annotation(model)
        names: list[str] = []
        entries: list[str] = []
        siblings: dict[str, FieldInfo] = {}
        is_element = False
        for part in loc:
            if isinstance(part, int):
                is_element = True
                arguments = get_args(field.annotation) if field is not None else ()
                if is_pair(field):
                    entries.append(f"{'upper' if part else 'lower'} end")
                    field = FieldInfo.from_annotation(arguments[min(part, len(arguments) - 1)])
                else:
                    entries.append(f"{ordinal(part + 1)} [[{'.'.join(names)}]]")
                    field = FieldInfo.from_annotation(arguments[0]) if arguments else None
                continue
            models = list(models_in(field))
            if len(models) > 1 and any(part in _tags(m) for m in models):  # pydantic names the kind; the file does not
                field = FieldInfo.from_annotation(next(m for m in models if part in _tags(m)))
                continue
            siblings = dict(models[0].model_fields) if models else {}
            field = siblings.get(part)
            names.append(part)
            is_element = False
        key = ".".join(name if name.replace("_", "a").replace("-", "a").isalnum() else shown(name) for name in names)
        return cls(key, names[-1] if names else "", ", ".join(entries), field, siblings, is_element)


def models_in(field: FieldInfo | None) -> Iterator[type[BaseModel]]:
    """The models that may stand at a field: one, or the kinds of a union."""
    if field is None:
        return
    annotation = field.annotation
    members = get_args(annotation) if get_origin(annotation) in (types.UnionType, Union) else (annotation,)
    for member in members:
        inner = FieldInfo.from_annotation(member).annotation if member is not None else None
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield inner


def _tags(model: type[BaseModel]) -> set[str]:
    """Values of the literal fields by which a kind of a union is told."""
    return {a for info in model.model_fields.values() for a in get_args(info.annotation) if isinstance(a, str)}


def places_of_keys(model: type[BaseModel], table: str = "") -> dict[str, str]:
    """Table of every key below `model` that is not at its top: `per_coupon` -> `[sites]`."""
    places: dict[str, str] = {}
    for name, info in model.model_fields.items():
        inner = unwrapped(info)
        path = f"{table}.{name}" if table else name
        for child in models_in(inner):
            is_many = get_origin(info.annotation) is tuple
            for key in child.model_fields:
                places.setdefault(key, f"[[{path}]]" if is_many else f"[{path}]")
            places = places_of_keys(child, path) | places
    return places


def shown(value: Any, limit: int = 60) -> str:
    """A value as one would write it in TOML, on one line, safe for a terminal and cut to `limit` characters."""
    match value:
        case bool():
            text = "true" if value else "false"
        case int():
            text = (
                str(value)
                if abs(value) < 10**18
                else f"{'-' if value < 0 else ''}a number of {value.bit_length()} bits"
            )
        case float():
            text = f"{value:.7g}"
        case str():
            text = f'"{value[: limit + 1]}"'
        case list() | tuple():
            text = f"[{', '.join(shown(v, limit) for v in value[:8])}{', ...' if len(value) > 8 else ''}]"
        case dict():
            text = "a table" if value else "an empty table"
        case _:
            text = str(value)
    text = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text[: limit + 2])
    return text if len(text) <= limit else f"{text[: limit - 3]}..."


def ordinal(n: int) -> str:
    """1st, 2nd, 3rd, 4th, ..., 11th."""
    ending = "th" if n % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")
    return f"{n}{ending}"
