"""The page of the signals: every one of a bench that has all roles, as it describes itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ophyd import Kind
from tables import table

from beamline.recipe import Coupon, Glass
from devices import Bench, DiscreteEventClock, Geometry, make_bench
from devices.furnace import Furnace
from devices.role import Role
from devices.signals import Described
from devices.twin import build_twin

__all__ = ["signals_page"]

HEAD = """# Signals

Made from the code by `python docs/generate`; a test holds it current. What the roles do with them: [devices](devices.md).

The names are those of the data keys in documents; in a session `laser_pulse_energy_uJ` is `laser.pulse_energy_uJ`. Limits
are those of the defaults (`[geometry.limits]` of the instrument file may narrow them), both ends allowed; what lies outside
is refused before anything moves. Numbers are float64; choices are those of the simulated instrument. *In* says where a
signal stands: in every `event` of its role, in the `configuration` of a stream, or nowhere unless a plan reads it.

"""

KINDS = {Kind.hinted: "event", Kind.normal: "event", Kind.config: "configuration", Kind.omitted: ""}


def signals_page() -> str:
    """The page, as Markdown."""
    bench = _bench()
    heads = ("key", "unit", "limits or choices", "in", "")
    parts = [f"## {name.capitalize()}\n\n{table(heads, _rows(role))}" for name, role in bench.roles.items()]
    own = [("`clock_s`", "s", "", "event", "what the bench's clock says")]
    own.append(("`site_name`", "", "at most 32 characters", "event", "set before something is done to a site"))
    return "\n".join([HEAD, *parts, f"## Of the bench\n\n{table(heads, own)}"])


def _bench() -> Bench:
    coupons = [Coupon(serial="A", glass=Glass(name="BrI", bromide=1.5, iodide=1.5))]
    clock, geometry = DiscreteEventClock(), Geometry()
    return make_bench(build_twin(1, coupons, clock, geometry), clock, geometry)


def _rows(role: Role) -> Iterator[tuple[str, ...]]:
    if isinstance(role, Furnace):  # is set itself: what is moved is the ramp, and what is read the temperature
        low, high = role.limits
        yield (
            f"`{role.name}`",
            role.egu,
            f"{low:g} to {high:g}",
            "",
            "set to a temperature; done when it has settled there",
        )
    for attribute in role.component_names:
        signal = getattr(role, attribute)
        key = signal.describe()[signal.name]
        shape = f"; shape {key['shape']}" if key["shape"] else ""
        doc = f"{getattr(type(role), attribute).doc}{shape}"
        yield f"`{signal.name}`", key.get("units") or "", _allowed(signal, key), KINDS[signal.kind], doc


def _allowed(signal: Described, key: dict[str, Any]) -> str:
    if "choices" in key:
        return ", ".join(f"`{one}`" for one in key["choices"])
    if signal.name == "stage_line":  # is set to a place and a speed
        low, high = signal.parent.bounds.line_speed_mm_s
        return f"{low:g} to {high:g}"
    if "limits" in key:
        return f"{key['limits']['control']['low']:g} to {key['limits']['control']['high']:g}"
    return ""
