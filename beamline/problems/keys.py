"""What a writer of a configuration file may have meant by a key that is not known: another spelling, unit or table."""

from __future__ import annotations

import difflib
import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pint

__all__ = ["meant_key"]


def meant_key(key: str, value: Any, known: Mapping[str, str | None], elsewhere: Mapping[str, str] | None = None) -> str:
    """Half a sentence on what to write in place of an unknown key.

    Args:
        key: the key as written.
        value: what was written after it; a number or a list of numbers is converted when only the unit differs.
        known: the keys that are allowed at this place, each with its unit (None for none).
        elsewhere: keys that are allowed at another place of the same file, each with the name of that place.
    """
    for name, unit in known.items():
        if unit is not None and (advice := _other_unit(key, value, name, unit)):
            return advice
    if elsewhere and key in elsewhere:
        return f"it belongs into {elsewhere[key]}"
    if close := difflib.get_close_matches(key, known, n=1, cutoff=0.7):
        return f"did you mean {close[0]}?"
    if parts := [name for name in known if len(key) > 3 and (key in name or name in key)]:
        return f"did you mean {' or '.join(parts)}?"
    return f"known here: {', '.join(known)}" if known else "nothing may stand here"


def _other_unit(key: str, value: Any, name: str, unit: str) -> str | None:
    """Advice when `key` is `name` with another unit at its end, or with none."""
    stem = next((stem for stem, suffix in _splits(name) if _same_kind(suffix, unit)), None)
    if stem is None:
        return None
    if key == stem:
        return f"write the unit too: {name} (in {unit})"
    for written_stem, suffix in _splits(key):
        if written_stem == stem and _same_kind(suffix, unit):
            return f"this is given in {unit}: write {name}{_converted(value, suffix, unit)}"
    return None


def _splits(key: str) -> list[tuple[str, str]]:
    """Every way to take a unit off the end of a key, the longest unit first: `a_mm_s` -> (a, mm_s), (a_mm, s)."""
    words = key.split("_")
    return [("_".join(words[:i]), "_".join(words[i:])) for i in range(1, len(words))]


def _converted(value: Any, suffix: str, unit: str) -> str:
    """` = value` in `unit`, or nothing where the value is not made of numbers."""
    values = value if isinstance(value, list) else [value]
    if not values or any(isinstance(v, bool) or not isinstance(v, int | float) for v in values):
        return ""
    registry = _registry()
    try:
        new = [registry.Quantity(float(v), _parsed(suffix)).to(_parsed(unit)).magnitude for v in values]
    except OverflowError:
        return ""
    numbers = [f"{v:.7g}" for v in new]
    return f" = [{', '.join(numbers)}]" if isinstance(value, list) else f" = {numbers[0]}"


def _same_kind(suffix: str, unit: str) -> bool:
    a, b = _parsed(suffix), _parsed(unit)
    return a is not None and b is not None and a.dimensionality == b.dimensionality


@functools.cache
def _registry() -> pint.UnitRegistry[Any]:
    import pint  # noqa: PLC0415  # a quarter of a second that only a bad file costs

    return pint.UnitRegistry()


@functools.cache
def _parsed(text: str) -> pint.Unit | None:
    """The unit that a key's end (`mm_s`, `C_min`) or a field's metadata (`mm/s`, `degC/min`) names, None for none."""
    import pint  # noqa: PLC0415  # as above

    temperatures = {"C": "degC", "F": "degF", "K": "kelvin"}
    words = [temperatures.get(word, word) for word in text.replace("/", "_").split("_")]
    if len(words) > 1:
        words = [f"delta_{word}" if word in ("degC", "degF") else word for word in words]
    if not all(word.isalpha() or word.startswith("delta_") for word in words):
        return None
    try:
        return _registry().parse_units("/".join(words))
    except (pint.UndefinedUnitError, pint.DefinitionSyntaxError, ValueError, TypeError, AttributeError):
        return None
