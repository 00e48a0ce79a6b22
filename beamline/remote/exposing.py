"""Makes a plan of ours one that the queue server can show and check: plain types, units and bounds in its parameters.

The server checks what is sent by the plan's signature before it is put into the queue, in a process that has no bench; it knows
numbers, texts and lists. So an experiment becomes the serial of a coupon, a measurement its two numbers, and the bounds and
units of our annotations what the server calls minimum, maximum and description.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from bluesky.utils import MsgGenerator
from pydantic.fields import FieldInfo

from beamline.recipe import Measurement
from plans import Experiment

__all__ = ["exposed"]

COUPON = "serial of a coupon in the rack"


def exposed(
    plan: Callable[..., Any], experiment_on: Callable[[str], Experiment], *, leave_out: Sequence[str] = ()
) -> Any:
    """A plan whose first parameter is a coupon's serial, and whose others are numbers, texts and lists of these.

    Args:
        plan: takes an `Experiment`, annotated parameters, and perhaps a `Measurement`.
        experiment_on: makes the experiment on a coupon; called when the plan begins.
        leave_out: parameters that stay at their defaults.
    """
    hints = get_type_hints(plan, include_extras=True)
    signature = inspect.signature(plan)
    given = [p for name, p in signature.parameters.items() if name != "experiment" and name not in leave_out]
    has_measurement = "measurement" in signature.parameters
    of_measurement = get_type_hints(Measurement, include_extras=True) if has_measurement else {}

    def call(*args: Any, **kwargs: Any) -> MsgGenerator[Any]:
        bound = described.bind(*args, **kwargs)
        values = dict(bound.arguments)
        experiment = experiment_on(values.pop("coupon"))
        measured = {name: values.pop(name) for name in of_measurement if name in values}
        if has_measurement:
            values["measurement"] = Measurement(**measured)
        return (yield from plan(experiment, **values))

    shown: dict[str, Any] = {"coupon": (str, inspect.Parameter.empty, {"description": COUPON})}
    for parameter in given:
        if parameter.name != "measurement":
            hint = hints[parameter.name]
            shown[parameter.name] = (_plain(hint), parameter.default, _words(hint))
    for name, hint in of_measurement.items():
        shown[name] = (_plain(hint), Measurement.model_fields[name].default, _words(hint))
    described = inspect.Signature(
        [
            inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=_listed(default), annotation=kind)
            for name, (kind, default, _) in sorted(
                shown.items(), key=lambda item: item[1][1] is not inspect.Parameter.empty
            )
        ]
    )
    call.__name__ = call.__qualname__ = plan.__name__
    call.__signature__ = described  # type: ignore[attr-defined]  # what `inspect` looks for
    return annotated(
        call, str(inspect.getdoc(plan)).partition("\n\n")[0], {name: words for name, (_, _, words) in shown.items()}
    )


def annotated(plan: Callable[..., Any], description: str, parameters: Mapping[str, Mapping[str, Any]]) -> Any:
    """The plan with what the queue server shows of it."""
    from bluesky_queueserver import parameter_annotation_decorator  # noqa: PLC0415  # of an extra

    shown = {name: dict(words) for name, words in parameters.items()}
    if "__signature__" not in vars(plan):  # the server evaluates what a signature has, and knows no names of ours
        hints = get_type_hints(plan)
        signature = inspect.signature(plan)
        plain = [p.replace(annotation=hints[name]) for name, p in signature.parameters.items()]
        plan.__signature__ = inspect.Signature(plain)  # type: ignore[attr-defined]  # what `inspect` looks for
    return parameter_annotation_decorator({"description": description, "parameters": shown})(plan)


def words_of(hints: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Description with unit, minimum and maximum of annotated parameters."""
    return {name: _words(hint) for name, hint in hints.items() if name != "return"}


def _listed(default: Any) -> Any:
    return list(default) if isinstance(default, tuple) else default


def _plain(hint: Any) -> Any:
    """The type without its bounds, and lists for all that is in a row."""
    if get_origin(hint) is Annotated:
        return _plain(get_args(hint)[0])
    if get_origin(hint) is Literal:
        return str
    if isinstance(origin := get_origin(hint), type) and issubclass(origin, Sequence):
        return list[_plain(get_args(hint)[0])]  # type: ignore[misc]  # a type made of types
    return hint


def _fields(hint: Any) -> Iterator[FieldInfo]:
    if get_origin(hint) is Annotated:
        yield from (extra for extra in get_args(hint)[1:] if isinstance(extra, FieldInfo))
    for part in get_args(hint):
        if get_args(part):
            yield from _fields(part)


def _words(hint: Any) -> dict[str, Any]:
    """What the server shows and checks of a parameter; the bounds of a list are those of its members."""
    shown: dict[str, Any] = {}
    texts: list[str] = []
    for field in _fields(hint):
        extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
        texts += [text for text in (field.description, extra.get("unit")) if isinstance(text, str)]
        if "unit" not in extra:  # the length of a list
            continue
        for bound in field.metadata:
            for ours, theirs in (("ge", "min"), ("gt", "min"), ("le", "max"), ("lt", "max")):
                if hasattr(bound, ours):
                    shown[theirs] = getattr(bound, ours)
                    texts.append(f"{_SIGNS[ours]} {getattr(bound, ours):g}")
    if get_origin(hint) is Literal:
        texts.append("one of " + ", ".join(map(str, get_args(hint))))
    return {"description": ", ".join(dict.fromkeys(texts)) or "-", **shown}


_SIGNS = {"ge": "from", "gt": "above", "le": "to", "lt": "below"}
