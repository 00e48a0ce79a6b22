"""The page of the plans: what each takes, with units and bounds, and how long it is, in the words of its code."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any, get_args, get_origin, get_type_hints

from numpy.typing import ArrayLike
from pydantic.fields import FieldInfo
from tables import first_paragraph, one_line, table

import plans
from beamline.campaign import InstrumentTimes, coupon_phases
from beamline.campaign.check import PHASE_WORDS
from beamline.recipe import Coupon, Glass, HeatTreatment, Line, Measurement, Site

__all__ = ["duration_of", "plan_functions", "plans_page"]

HEAD = """# Plans

Made from the code by `python docs/generate`; a test holds it current. `plans` exports all of them; how they are used: [do an
experiment of the paper](../how-to/do-an-experiment-of-the-paper.md), [work at the
instrument](../how-to/at-the-instrument.md).

A parameter outside its bounds is refused when the plan is called, before anything moves. The bounds here are those of the
plan; the [limits of the bench](signals.md) may be narrower. `experiment`, `bench`, `hand` and `label` say where and for
whom: the devices, the coupon in hand, the campaign that the runs belong to. A `keeper` carries out the policy of a campaign
when a device fails; without one, a fault ends the plan. Durations that a plan was estimated to take stand in the start
documents of its runs, under `experiment.estimated_s`.
"""

COUPON = """## What a coupon takes

`estimate_night` adds up the phases of a coupon. Here {n} lines of {length:g} mm at {speed:g} mm/s, 1.5 mm apart,
{T:g} degC for {hold:g} s with ramps of {ramp:g} degC/min, and spectra of {n_averages} x {integration:g} s, with the times below:

{phases}
The times of an instrument, `[times]` of the instrument file, and their defaults, which are those of the simulated bench:

{times}"""

BOUNDS = {
    "Ge": "from {}",
    "Gt": "above {}",
    "Le": "to {}",
    "Lt": "below {}",
    "MinLen": "{} or more of them",
    "MaxLen": "at most {} of them",
}


def plan_functions() -> dict[str, Callable[..., Any]]:
    """The plans that the project exports, by name, in the order of their rooms."""
    found = {name: getattr(plans, name) for name in plans.__all__ if inspect.isfunction(getattr(plans, name))}
    return dict(sorted(found.items(), key=lambda one: (_module(one[1]), _function(one[1]).__code__.co_firstlineno)))


def duration_of(plan: Callable[..., Any]) -> str:
    """How long a plan takes, from its docstring or else from its module's; empty where neither says it."""
    return _duration(inspect.getdoc(_function(plan))) or _duration(sys.modules[_module(plan)].__doc__)


def plans_page() -> str:
    """The page, as Markdown."""
    parts, module = [HEAD], ""
    for name, plan in plan_functions().items():
        if _module(plan) != module:
            module = _module(plan)
            room = sys.modules[module].__doc__ or ""
            parts.append(f"## {module.removeprefix('plans.').capitalize()}\n\n{first_paragraph(room)}.\n")
            parts += [f"Duration: {duration}.\n"] if (duration := _duration(room)) else []
        parts += _section(name, plan)
    parts.append(_coupon())
    return "\n".join(parts)


def _duration(docstring: str | None) -> str:
    found = re.search(
        r"\bDuration(?: of a site|, preconditions and refusals)?:? (.*?)(?=\n\n|\nPrecondition|\Z)",
        docstring or "",
        re.DOTALL,
    )
    return one_line(found.group(1)).removesuffix(".") if found else ""


def _function(plan: Callable[..., Any]) -> Any:
    return inspect.unwrap(plan)


def _module(plan: Callable[..., Any]) -> str:
    return str(_function(plan).__module__)


def _section(name: str, plan: Callable[..., Any]) -> Iterator[str]:
    function = _function(plan)
    hints = get_type_hints(function, include_extras=True)
    yield f"### {name}\n"
    about = inspect.getdoc(function) or ""
    yield f"{first_paragraph(about)}.\n"
    if duration := _duration(about):
        yield f"Duration: {duration}.\n"
    described = dict(
        re.findall(
            r"^    (\w+): (.*?)(?=\n    \w+: |\n\n|\n\w|\Z)", about.partition("Args:\n")[2], re.MULTILINE | re.DOTALL
        )
    )
    rows = [
        (
            f"`{one.name}`",
            *_parameter(hints.get(one.name), one),
            one_line(described.get(one.name, "")) or _about(hints.get(one.name)),
        )
        for one in inspect.signature(function).parameters.values()
    ]
    yield table(("parameter", "type", "unit", "bounds", "default", ""), rows)


def _parameter(hint: Any, parameter: inspect.Parameter) -> tuple[str, ...]:
    infos = list(_infos(hint))
    units = [one.json_schema_extra["unit"] for one in infos if isinstance(one.json_schema_extra, dict)]
    bounds = ", ".join(_bound(extra) for one in infos for extra in one.metadata if type(extra).__name__ in BOUNDS)
    default = "" if parameter.default is inspect.Parameter.empty else f"`{_short(parameter.default)}`"
    return f"`{_type(hint)}`", ", ".join(map(str, units)), bounds.replace(", to", " to"), default


def _bound(extra: Any) -> str:
    value = next(
        getattr(extra, name) for name in ("ge", "gt", "le", "lt", "min_length", "max_length") if hasattr(extra, name)
    )
    return BOUNDS[type(extra).__name__].format(f"{value:g}")


def _infos(hint: Any) -> Iterator[FieldInfo]:
    """Metadata of a type and, before it, of what it holds: the unit of a list of energies is that of its energies."""
    for part in get_args(hint):
        if isinstance(part, FieldInfo):
            yield part
        elif get_args(part):
            yield from _infos(part)


def _about(hint: Any) -> str:
    return "; ".join(one.description for one in _infos(hint) if one.description)


def _type(hint: Any) -> str:
    if hint in (None, type(None), ArrayLike):
        return "ArrayLike" if hint == ArrayLike else "None"
    arguments = get_args(hint)
    if hasattr(hint, "__metadata__"):
        return _type(arguments[0])
    origin = get_origin(hint)
    name = getattr(origin or hint, "__name__", str(hint))
    if name == "Literal":
        return " or ".join(repr(one) for one in arguments)
    if name in {"UnionType", "Union"}:
        return " or ".join(_type(one) for one in arguments)
    if name in {"Callable", "Generator"} or not arguments:
        return str(name)
    return f"{name}[{', '.join('...' if one is ... else _type(one) for one in arguments)}]"


def _short(default: Any) -> str:
    if isinstance(default, (tuple, list)):
        return f"({', '.join(_short(one) for one in default)})"
    return (
        repr(default)
        if isinstance(default, (str, bool, type(None)))
        else f"{default:g}"
        if isinstance(default, (int, float))
        else str(default)
    )


def _coupon() -> str:
    n = 12
    writing = Line(pulse_energy_uJ=150.0, speed_mm_s=0.6)
    treatment, measurement, times = HeatTreatment(temperature_C=450.0, hold_s=3600.0), Measurement(), InstrumentTimes()
    coupon = Coupon(serial="C01", glass=Glass(name="BrI", bromide=1.5, iodide=1.5))
    sites = [Site(coupon=coupon.serial, name=f"S{i}", x_mm=2.0 + 1.5 * i, y_mm=2.0) for i in range(n)]
    phases = coupon_phases(sites, [writing] * n, treatment, measurement, times)
    total_s = sum(phase.duration_s for phase in phases)
    rows = [(PHASE_WORDS[phase.name], f"{phase.duration_s:.0f}") for phase in phases]
    fields = [
        (
            f"`{name}`",
            str(getattr(times, name)),
            info.json_schema_extra["unit"] if isinstance(info.json_schema_extra, dict) else "",
            info.description or "",
        )
        for name, info in InstrumentTimes.model_fields.items()
    ]
    return COUPON.format(
        n=n,
        length=writing.length_mm,
        speed=writing.speed_mm_s,
        T=treatment.temperature_C,
        hold=treatment.hold_s,
        ramp=treatment.ramp_C_min,
        n_averages=measurement.n_averages,
        integration=measurement.integration_s,
        phases=table(("phase", "s"), [*rows, ("together", f"{total_s:.0f}")]),
        times=table(("key", "default", "unit", ""), fields),
    )
