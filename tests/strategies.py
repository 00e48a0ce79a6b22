"""Hypothesis strategies for the project's words: any frozen model, drawn from its own fields and bounds."""

import datetime as dt
import functools
import types
from typing import Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from beamline.faults import CALLS, FaultEntry, FaultKind
from beamline.recipe import Serial

SERIAL_PATTERN = get_args(Serial)[1].metadata[0].pattern


def words(model: type[BaseModel], **given: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Instances of a model; draws that its own validators refuse are drawn again.

    A default stands in now and then, so that leaving a key out is covered too; `given` replaces a field's strategy.
    """

    made = st.fixed_dictionaries(_fields(model) | given).map(lambda values: _made(model, values))
    return made.filter(lambda word: word is not None)


@functools.cache
def _fields(model: type[BaseModel]) -> dict[str, st.SearchStrategy[Any]]:
    def strategy(field: FieldInfo) -> st.SearchStrategy[Any]:
        drawn = _field(field)
        return drawn if field.is_required() else st.one_of(st.just(field.default), drawn)

    return {name: strategy(field) for name, field in model.model_fields.items()}


def _made(model: type[BaseModel], values: dict[str, Any]) -> BaseModel | None:
    try:
        return model(**values)
    except ValidationError as error:
        if all(detail["type"] == "value_error" for detail in error.errors()):
            return None
        raise


def _field(field: FieldInfo) -> st.SearchStrategy[Any]:  # noqa: PLR0911  # one return for each kind of field
    annotation, bounds = field.annotation, field.metadata
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (types.UnionType, Union):
        return st.one_of([_field(_inherit(FieldInfo.from_annotation(argument), field)) for argument in arguments])
    if annotation is type(None) or annotation is None:
        return st.none()
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin is tuple and Ellipsis in arguments:
        low, high = _of(bounds, MinLen, "min_length"), _of(bounds, MaxLen, "max_length")
        element = _field(FieldInfo.from_annotation(arguments[0]))
        return st.lists(element, min_size=low or 0, max_size=min(high or 3, 3)).map(tuple)
    if origin is tuple:
        ends = st.tuples(*(_field(FieldInfo.from_annotation(argument)) for argument in arguments))
        return ends.map(sorted).map(tuple)  # an interval
    if annotation is FaultEntry:
        return faults()
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return words(annotation)
    return _scalar(annotation, bounds)


@st.composite
def faults(draw: st.DrawFn) -> FaultEntry:
    """Entries of a fault schedule; few drawn field by field would go together."""
    role = draw(st.sampled_from(sorted(CALLS)))
    entry = {
        "role": role,
        "kind": draw(st.sampled_from(get_args(FaultKind))),
        "duration_s": draw(st.floats(0.1, 1e5)),
        "command": draw(st.sampled_from(["", *CALLS[role]])),
    }
    at_s, chance = st.floats(0.0, 1e5), st.floats(0.0, 1.0, exclude_min=True)
    when = {"at_s": draw(at_s)} if draw(st.booleans()) else {"probability": draw(chance), "at_most": 2}
    return FaultEntry.model_validate(entry | when)


def _scalar(annotation: Any, bounds: list[Any]) -> st.SearchStrategy[Any]:
    ge, gt, le, lt = _of(bounds, Ge, "ge"), _of(bounds, Gt, "gt"), _of(bounds, Le, "le"), _of(bounds, Lt, "lt")
    if annotation is float:
        return st.floats(
            min_value=ge if ge is not None else gt,
            max_value=le if le is not None else lt,
            exclude_min=gt is not None,
            exclude_max=lt is not None,
            allow_nan=False,
            allow_infinity=False,
        )
    if annotation is bool:
        return st.booleans()
    if annotation is int:
        return st.integers(min_value=ge, max_value=le)
    if annotation is str:
        patterns = [p for bound in bounds if (p := getattr(bound, "pattern", None))]
        if patterns:
            assert patterns == [SERIAL_PATTERN], patterns
            return st.from_regex(SERIAL_PATTERN.replace("$", r"\Z"), fullmatch=True)
        return st.text(min_size=_of(bounds, MinLen, "min_length") or 0, max_size=20)
    if annotation is dt.time:
        return st.times().map(lambda t: t.replace(microsecond=0))
    raise NotImplementedError(annotation)


def _inherit(inner: FieldInfo, outer: FieldInfo) -> FieldInfo:
    inner.metadata = inner.metadata or outer.metadata
    return inner


def _of(bounds: list[Any], kind: type, attribute: str) -> Any:
    return next((getattr(bound, attribute) for bound in bounds if isinstance(bound, kind)), None)
