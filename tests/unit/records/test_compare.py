"""What means the same, and what does not: values and descriptors of the log against those of the catalog."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beamline.records.compare import descriptor_differences, value_differences

SCALARS = st.none() | st.booleans() | st.integers(-(2**53), 2**53 - 1) | st.floats(allow_nan=True) | st.text(max_size=8)
DOCUMENTS = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(min_size=1, max_size=4), inner, max_size=4),
    max_leaves=12,
)


def as_catalog(value: Any) -> Any:
    """What comes back from JSON as the catalog keeps it."""
    if isinstance(value, dict):
        return {key: as_catalog(part) for key, part in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [as_catalog(part) for part in value]
    if isinstance(value, float):
        if math.isnan(value):
            return None
        return max(-1.7976e308, min(1.7976e308, value))
    return value


@given(doc=st.dictionaries(st.text(min_size=1, max_size=4), DOCUMENTS, max_size=4))
def test_what_went_through_json_means_the_same(doc: dict[str, Any]) -> None:
    assert list(value_differences(doc, json.loads(json.dumps(as_catalog(doc))))) == []


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(value, dict):
        return [place for key, part in value.items() for place in places(part, (*path, key))]
    if isinstance(value, list):
        return [place for index, part in enumerate(value) for place in places(part, (*path, index))]
    return [path]


@given(doc=st.dictionaries(st.text("ab", min_size=1, max_size=2), DOCUMENTS, min_size=1, max_size=4), data=st.data())
def test_one_changed_value_is_one_difference_at_its_place(doc: dict[str, Any], data: st.DataObject) -> None:
    found = places(doc)
    if not found:
        return
    path = data.draw(st.sampled_from(found))
    other = json.loads(json.dumps(as_catalog(doc)))
    inside = other
    for step in path[:-1]:
        inside = inside[step]
    inside[path[-1]] = "something else than any text that is drawn"
    (unequal,) = value_differences(doc, other)
    assert unequal.key.startswith(str(path[0]))
    assert "something else" in unequal.detail or "elements" in unequal.detail


@pytest.mark.parametrize(
    ("in_log", "in_catalog"),
    [
        (np.arange(4.0), np.array([0.0, 1.0, 2.0, np.nextafter(3.0, 4.0)])),
        (np.arange(4.0), np.arange(5.0)),
        (np.arange(4.0), np.append(np.arange(3.0), np.nan)),
        (1, True),
        (0.1, np.nextafter(0.1, 1.0)),
        (None, 0.0),
        ("", None),
        ({"a": 1}, {}),
        ({}, {"a": None}),
        ([1, 2], [1, 3]),
    ],
)
def test_what_is_not_the_same_is_seen(in_log: Any, in_catalog: Any) -> None:
    assert len(list(value_differences(in_log, in_catalog))) == 1


def test_arrays_with_nan_and_of_other_types_are_the_same() -> None:
    assert list(value_differences(np.array([1.0, np.nan]), np.array([1.0, np.nan], dtype="<f4"))) == []
    assert list(value_differences((1, 2), [1, 2])) == []
    assert list(value_differences(np.float32(0.5), 0.5)) == []
    assert list(value_differences(2**60, 2**53 - 1)) == []


def test_a_descriptor_may_gain_what_the_writer_adds_and_nothing_else() -> None:
    key = {"source": "s", "dtype": "number", "shape": [], "units": "mm"}
    in_log = {"uid": "d", "run_start": "r", "name": "primary", "object_keys": {}, "data_keys": {"x": key}}
    kept = {"uid": "d", "data_keys": {"x": {**key, "dtype_numpy": "<f8", "object_name": "stage"}}}
    assert list(descriptor_differences(in_log, kept)) == []
    declared = {**in_log, "data_keys": {"x": {**key, "dtype_numpy": "<f4"}}}
    assert [unequal.key for unequal in descriptor_differences(declared, kept)] == ["data_keys.x.dtype_numpy"]
    other_unit = {"uid": "d", "data_keys": {"x": {**key, "units": "um"}}}
    assert [unequal.key for unequal in descriptor_differences(in_log, other_unit)] == ["data_keys.x.units"]
    assert [unequal.key for unequal in descriptor_differences(in_log, {"uid": "d", "data_keys": {}})] == ["data_keys.x"]
