"""Documents of the log against what the catalog gives back: equal in meaning, value by value.

`BY_NATURE` is the one list of what the catalog does not keep, or keeps in another form. Whatever else differs is a
difference.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

import numpy as np

__all__ = ["BY_NATURE", "Unequal", "descriptor_differences", "value_differences"]

BY_NATURE: Final = {
    "event uid": "the catalog stores none; `documents()` makes new ones",
    "event filled": "dropped: nothing in these records lies in outside files",
    "event descriptor": "of several descriptors of one stream, the catalog does not say which one an event belongs to",
    "order between streams": "each stream is a table of its own; the order within a stream is compared",
    "descriptor name, run_start, object_keys": "they are the place of the stream in the catalog; made anew on reading",
    "descriptor configuration data_keys of later descriptors": "kept once, with the first descriptor of a stream",
    "data_keys object_name, dtype_numpy": "filled in by the writer where a device left them out",
    "metadata notes": "remarks of the catalog's writer beside start and stop",
    "arrays and tuples in metadata": "lists",
    "NaN in metadata": "null",
    "integers beyond 53 bits, infinities in metadata": "cut to the largest number that JSON holds",
    "dtype of numbers": "that of the declared column; their values are compared exactly",
}
"""What differs by nature, and how; left out of the comparison by name."""

_ADDED_TO_DATA_KEYS: Final = frozenset({"object_name", "dtype_numpy"})
_RENAMED_IN_DATA_KEYS: Final = frozenset({"dtype_str", "dtype_descr"})
_PLACE_OF_DESCRIPTOR: Final = frozenset({"name", "object_keys", "run_start"})
_JSON_INTEGER_MAX: Final = 2**53 - 1
_JSON_FLOAT_MAX: Final = 1.7976e308


class Unequal(NamedTuple):
    """Where two values differ, and how."""

    key: str
    detail: str


def descriptor_differences(in_log: Mapping[str, Any], in_catalog: Mapping[str, Any]) -> Iterator[Unequal]:
    """How the first descriptor of a stream differs from the metadata of the stream in the catalog."""
    kept = {key: value for key, value in in_log.items() if key not in _PLACE_OF_DESCRIPTOR}
    found = {key: value for key, value in in_catalog.items() if key != "_config_updates"}
    for part in ("data_keys", "configuration"):
        if part in kept and part in found:
            kept[part], found[part] = _only_declared(kept[part], found[part])
    yield from value_differences(kept, found)


def _only_declared(in_log: Any, in_catalog: Any) -> tuple[Any, Any]:
    """Both without what the writer adds to the description of a data key, wherever these stand."""
    if not (isinstance(in_log, Mapping) and isinstance(in_catalog, Mapping)):
        return in_log, in_catalog
    if "dtype" in in_log and "source" in in_log:
        added = _ADDED_TO_DATA_KEYS - set(in_log)
        return (
            {key: value for key, value in in_log.items() if key not in _RENAMED_IN_DATA_KEYS},
            {key: value for key, value in in_catalog.items() if key not in added},
        )
    pairs = {key: _only_declared(in_log[key], in_catalog[key]) for key in in_log if key in in_catalog}
    return (
        {**in_log, **{key: pair[0] for key, pair in pairs.items()}},
        {**in_catalog, **{key: pair[1] for key, pair in pairs.items()}},
    )


def value_differences(in_log: Any, in_catalog: Any, key: str = "") -> Iterator[Unequal]:
    """The innermost places at which two values differ; none where they mean the same."""
    if isinstance(in_log, Mapping) and isinstance(in_catalog, Mapping):
        yield from _mapping_differences(in_log, in_catalog, key)
    elif _is_sequence(in_log) and _is_sequence(in_catalog):
        yield from _sequence_differences(in_log, in_catalog, key)
    elif not _is_same(in_log, in_catalog):
        yield Unequal(key, f"{_short(in_log)} in the log, {_short(in_catalog)} in the catalog")


def _mapping_differences(in_log: Mapping[str, Any], in_catalog: Mapping[str, Any], key: str) -> Iterator[Unequal]:
    for name in [*in_log, *(name for name in in_catalog if name not in in_log)]:
        place = f"{key}.{name}" if key else str(name)
        if name not in in_catalog:
            yield Unequal(place, f"{_short(in_log[name])} in the log, nothing in the catalog")
        elif name not in in_log:
            yield Unequal(place, f"nothing in the log, {_short(in_catalog[name])} in the catalog")
        else:
            yield from value_differences(in_log[name], in_catalog[name], place)


def _sequence_differences(in_log: Any, in_catalog: Any, key: str) -> Iterator[Unequal]:
    first, second = _as_array(in_log), _as_array(in_catalog)
    if first is not None and second is not None:
        yield from _array_differences(first, second, key)
    elif len(in_log) != len(in_catalog):
        yield Unequal(key, f"{len(in_log)} elements in the log, {len(in_catalog)} in the catalog")
    else:
        for index, (one, other) in enumerate(zip(in_log, in_catalog, strict=True)):
            yield from value_differences(one, other, f"{key}[{index}]")


def _array_differences(first: np.ndarray[Any, Any], second: np.ndarray[Any, Any], key: str) -> Iterator[Unequal]:
    if first.shape != second.shape:
        yield Unequal(key, f"shape {first.shape} in the log, {second.shape} in the catalog")
        return
    unequal = ~((first == second) | (_is_nan(first) & _is_nan(second)))
    if np.any(unequal):
        place = tuple(int(i) for i in np.argwhere(unequal)[0])
        where = "".join(f"[{i}]" for i in place)
        one, other = _short(first[place].item()), _short(second[place].item())
        yield Unequal(
            key, f"{int(np.sum(unequal))} of {first.size} elements; first at {where}: {one} in the log, {other} there"
        )


def _as_array(value: Any) -> np.ndarray[Any, Any] | None:
    """An array of numbers or strings, or None where the elements are of several kinds."""
    if isinstance(value, np.ndarray):
        return value if value.dtype.kind in "biufcUS" else None
    kinds = {type(element) for element in value}
    return np.asarray(value) if len(kinds) == 1 and kinds <= {float, str, bool} else None


def _is_nan(array: np.ndarray[Any, Any]) -> Any:
    return np.isnan(array) if array.dtype.kind in "fc" else np.zeros(array.shape, dtype=bool)


def _is_sequence(value: Any) -> bool:
    return isinstance(value, list | tuple) or (isinstance(value, np.ndarray) and value.ndim > 0)


def _is_same(in_log: Any, in_catalog: Any) -> bool:
    one, other = _plain(in_log), _plain(in_catalog)
    if isinstance(one, bool) != isinstance(other, bool):
        return False
    if isinstance(one, float) and math.isnan(one):
        return other is None or (isinstance(other, float) and math.isnan(other))
    if isinstance(one, int | float) and isinstance(other, int | float):
        return one == other or _cut(one) == other
    return bool(one == other)


def _cut(number: Any) -> Any:
    """As the catalog's writer cuts what JSON does not hold."""
    if isinstance(number, float) and abs(number) > _JSON_FLOAT_MAX:
        return math.copysign(_JSON_FLOAT_MAX, number)
    if abs(number) > _JSON_INTEGER_MAX and number == int(number):
        return _JSON_INTEGER_MAX if number > 0 else -_JSON_INTEGER_MAX
    return number


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic | np.ndarray) else value


def _short(value: Any, n_max: int = 60) -> str:
    text = repr(value)
    return text if len(text) <= n_max else f"{text[: n_max - 3]}..."
