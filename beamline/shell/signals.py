"""What a signal is, in words: its unit and what it may be set to. Reads nothing of any instrument."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from devices import Bench

__all__ = ["bounds_words", "choices_of", "movables", "parts", "signal_words"]


def parts(device: Any) -> Iterator[tuple[str, Any]]:
    """The signals of a device by their attribute; the device itself first, as "", where it can be moved."""
    if hasattr(device, "limits") and hasattr(device, "set"):
        yield "", device
    for name in device.component_names:
        yield name, getattr(device, name)


def choices_of(signal: Any) -> tuple[str, ...]:
    """The states that a signal may be put into; none for a number, or for what is read only."""
    describe = getattr(signal, "describe", None)
    if describe is None or hasattr(signal, "component_names"):
        return ()
    return tuple(describe().get(signal.name, {}).get("choices", ()))


def bounds_words(signal: Any) -> str:
    """`1 to 400`, `closed | open`, or "" for what cannot be set."""
    if choices := choices_of(signal):
        return " | ".join(choices)
    limits = getattr(signal, "limits", None)
    if limits is None or tuple(limits) == (0, 0):  # ophyd's word for "none"
        return ""
    return f"{limits[0]:.10g} to {limits[1]:.10g}"


def signal_words(signal: Any) -> str:
    """`uJ, 1 to 400`; `nm, read only`; `closed | open`."""
    unit, bounds = getattr(signal, "egu", ""), bounds_words(signal)
    return ", ".join(word for word in (unit, bounds or "read only") if word)


def movables(bench: Bench) -> dict[str, Any]:
    """All that `%mov` takes, by the name that it is typed as: `laser.pulse_energy_uJ`, `furnace`, ..."""
    return {
        f"{role}.{name}" if name else role: signal
        for role, device in bench.roles.items()
        for name, signal in parts(device)
        if bounds_words(signal)
    }
