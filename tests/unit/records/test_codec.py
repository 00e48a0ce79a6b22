from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import hypothesis.extra.numpy as hnp
import msgpack
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beamline.records import CodecError
from beamline.records.codec import decode, encode

dtypes = (
    hnp.boolean_dtypes()
    | hnp.integer_dtypes(endianness="?")
    | hnp.floating_dtypes(endianness="?")
    | hnp.complex_number_dtypes(endianness="?")
    | hnp.unicode_string_dtypes(endianness="?", min_len=1, max_len=5)
    | hnp.byte_string_dtypes(endianness="?", min_len=1, max_len=5)
    | hnp.datetime64_dtypes(endianness="?")
)
arrays = hnp.arrays(dtypes, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))
scalars = (
    st.none()
    | st.booleans()
    | st.integers(min_value=-(2**100), max_value=2**100)
    | st.floats()
    | st.complex_numbers()
    | st.text()
    | st.binary(max_size=40)
)
values = st.recursive(
    scalars | arrays,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4) | st.tuples(inner, inner)
    ),
    max_leaves=12,
)


@given(doc=st.dictionaries(st.text(max_size=8), values, max_size=5))
def test_any_document_comes_back(doc: dict[str, Any], is_same: Any) -> None:
    assert is_same(doc, decode(encode(doc)))


@given(data=st.binary(max_size=200))
def test_any_bytes_are_a_value_or_a_codec_error(data: bytes) -> None:
    with contextlib.suppress(CodecError):
        decode(data)


@given(code=st.integers(0, 127), data=st.binary(max_size=60))
def test_any_extension_is_a_value_or_a_codec_error(code: int, data: bytes) -> None:
    with contextlib.suppress(CodecError):
        decode(msgpack.packb(msgpack.ExtType(code, data)))


@given(
    descr=st.recursive(st.text("<>|=biufcSUVOmM0123456789[ns]", max_size=6), st.lists), shape=st.lists(st.integers())
)
def test_any_array_description_is_an_array_or_a_codec_error(descr: Any, shape: list[int]) -> None:
    packed = msgpack.packb([descr, [min(max(side, -(2**40)), 2**40) for side in shape], b"12345678"])
    try:
        array = decode(msgpack.packb(msgpack.ExtType(1, packed)))
    except CodecError:
        return
    assert array.nbytes == 8
    assert not array.dtype.hasobject


@pytest.mark.parametrize(
    ("descr", "shape"),
    [("|u1", [7]), ("|u1", [9]), ("<f8", []), ("|O", [1]), ("<f8", [-1]), ("<f8", 2), ("no dtype", [1]), (None, [1])],
)
def test_an_array_that_does_not_fit_its_description_is_refused(descr: Any, shape: Any) -> None:
    packed = msgpack.packb([descr, shape, b"123456789" if descr == "<f8" else b"12345678"])
    with pytest.raises(CodecError):
        decode(msgpack.packb(msgpack.ExtType(1, packed)))


@pytest.mark.parametrize(
    "array",
    [
        np.array([(1, 2.5, "ab")], dtype=[("a", "<i2"), ("b", ">f8"), ("c", "<U4")]),
        np.zeros(2, dtype=[("m", "<f4", (2, 3)), ("n", [("x", "i1"), ("y", "u8")])]),
        np.zeros(2, dtype=np.dtype({"names": ["a", "b"], "formats": ["i1", "<f8"], "offsets": [0, 8], "itemsize": 24})),
        np.asfortranarray(np.arange(12.0).reshape(3, 4)),
        np.arange(20)[::3],
        np.empty((0, 2048)),
    ],
    ids=["structured", "nested", "padded", "fortran", "strided", "empty"],
)
def test_unusual_arrays_come_back(array: Any) -> None:
    back = decode(encode(array))
    assert back.dtype == array.dtype
    np.testing.assert_array_equal(back, array)


def test_special_floats_are_kept_to_the_bit() -> None:
    array = np.array([np.nan, -np.nan, np.inf, -np.inf, -0.0, 5e-324])
    array.view(np.uint64)[0] = 0x7FF8_0000_DEAD_BEEF
    assert decode(encode(array)).tobytes() == array.tobytes()


def test_an_array_costs_hardly_more_than_its_bytes() -> None:
    assert len(encode(np.zeros(2048))) < 2048 * 8 + 40


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ({"a": {"b": [1, object()]}}, "['a']['b'][1]"),
        ({"when": datetime(2026, 1, 5, tzinfo=UTC)}, "['when']"),
        ({"a": {1, 2}}, "['a']"),
        ({"path": Path("x")}, "['path']"),
        ({"a": np.array([None, 1])}, "['a']"),
        ({"a": np.ma.masked_array([1, 2], [True, False])}, "['a']"),
        ({"big": 2**70, "bad": print}, "['bad']"),
    ],
)
def test_what_is_no_document_is_refused_with_its_place(value: Any, place: str) -> None:
    with pytest.raises(CodecError) as caught:
        encode(value)
    assert place in str(caught.value)
    assert decode(encode({"next": np.arange(3)}))["next"].tolist() == [0, 1, 2]  # nothing is left of the refused one


def test_endless_nesting_is_refused() -> None:
    value: dict[str, Any] = {}
    value["self"] = value
    with pytest.raises(CodecError):
        encode(value)
