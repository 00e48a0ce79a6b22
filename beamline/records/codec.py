"""Documents as bytes and back: msgpack, with numpy arrays as dtype, shape and raw bytes, and never pickle.

What comes back equals what went in, NaN and infinities included, with these exceptions: a tuple becomes a list, a
mapping becomes a dict, and an array is read-only (it looks into the bytes that were read; copy it to change it).
Objects, sets, dates and whatever else JSON-like documents do not hold are refused, with their place in the document.

The extension types belong to the file format (docs/reference/records.md): never change one, add another.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping
from typing import Any, Final

import msgpack
import numpy as np
from numpy.lib.format import descr_to_dtype, dtype_to_descr

from beamline.records.errors import CodecError

__all__ = ["decode", "encode"]

ARRAY: Final = 1
"""[dtype, shape, bytes in C order] of a numpy array."""
SCALAR: Final = 2
"""[dtype, bytes] of a numpy scalar that is not a Python float, str or bytes already."""
COMPLEX: Final = 3
"""[real, imaginary] of a Python complex number."""
BIG_INTEGER: Final = 4
"""Decimal digits of an integer that needs more than 64 bits."""

MAX_SEARCH_DEPTH: Final = 20
"""How deep the place of a culprit is looked for; documents of sane authors are not deeper."""


def encode(value: Any) -> bytes:
    """Bytes of a document or of any part of one.

    Raises:
        CodecError: the value holds something that a document must not hold; the message says what and where.
    """
    try:
        return _pack(value)
    except (TypeError, ValueError, RecursionError, OverflowError) as error:
        raise CodecError(_complaint(value, error)) from error


def decode(data: bytes) -> Any:
    """Inverse of `encode`.

    Raises:
        CodecError: the bytes are not such a value, whatever the reason.
    """
    try:
        return msgpack.unpackb(data, ext_hook=_restore, raw=False, strict_map_key=False, unicode_errors="surrogatepass")
    except Exception as error:  # whatever foreign bytes may provoke in msgpack or numpy is one thing to the reader
        raise CodecError(f"{len(data)} bytes are not a document: {type(error).__name__}: {error}") from error


class _Packers(threading.local):
    """Kept, one pair per thread: each new one costs the page faults of a fresh buffer, more than packing a spectrum."""

    def __init__(self) -> None:
        self.outer = msgpack.Packer(default=_reduce, use_bin_type=True, unicode_errors="surrogatepass")
        self.inner = msgpack.Packer(use_bin_type=True)  # of what `_reduce` makes while the outer one is at work


def _pack(value: Any) -> bytes:
    packed: bytes = _packers.outer.pack(value)
    return packed


def _reduce(value: Any) -> Any:
    """What msgpack cannot pack by itself."""
    match value:
        case np.ma.MaskedArray():
            raise TypeError("a masked array would lose its mask; record the data and the mask as two arrays")
        case np.ndarray():
            return msgpack.ExtType(
                ARRAY, _packers.inner.pack([_descr(value.dtype), list(value.shape), value.tobytes()])
            )
        case np.generic():
            return msgpack.ExtType(SCALAR, _packers.inner.pack([_descr(value.dtype), value.tobytes()]))
        case complex():
            return msgpack.ExtType(COMPLEX, _packers.inner.pack([value.real, value.imag]))
        case int():  # msgpack asks only for those beyond 64 bits
            return msgpack.ExtType(BIG_INTEGER, str(value).encode("ascii"))
        case Mapping():
            return dict(value)
    raise TypeError(f"{type(value).__module__}.{type(value).__qualname__} is not a type for documents")


_packers = _Packers()


def _restore(code: int, data: bytes) -> Any:
    match code:
        case 1:  # the constants above; a match needs the literals
            descr, shape, raw = msgpack.unpackb(data)
            return _array(raw, _dtype(descr), tuple(shape))
        case 2:
            descr, raw = msgpack.unpackb(data)
            return _array(raw, _dtype(descr), ())[()]
        case 3:
            real, imaginary = msgpack.unpackb(data)
            return complex(real, imaginary)
        case 4:
            return int(data.decode("ascii"))
    raise ValueError(f"extension type {code} is not known to this reader")


def _array(raw: bytes, dtype: np.dtype[Any], shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    n_bytes = dtype.itemsize * math.prod(shape)
    if len(raw) != n_bytes:
        raise ValueError(f"an array of dtype {dtype} and shape {shape} has {n_bytes} bytes, not {len(raw)}")
    return np.ndarray(shape, dtype, buffer=raw)


def _descr(dtype: np.dtype[Any]) -> Any:
    if dtype.hasobject:
        raise TypeError(f"a numpy array of Python objects (dtype {dtype}) is not a type for documents")
    return dtype_to_descr(dtype)


def _dtype(descr: Any) -> np.dtype[Any]:
    dtype = descr_to_dtype(_tupled(descr))
    if dtype.hasobject:
        raise ValueError(f"dtype {dtype} holds Python objects")
    return dtype


def _tupled(descr: Any) -> Any:
    """Fields and shapes are tuples in a dtype's description; msgpack gives lists."""
    if isinstance(descr, list):
        if descr and all(isinstance(field, list) and len(field) in (2, 3) for field in descr):
            return [(_field_name(field[0]), _tupled(field[1]), *map(_tupled, field[2:])) for field in descr]
        return tuple(_tupled(part) for part in descr)
    return descr


def _field_name(name: Any) -> Any:
    return tuple(name) if isinstance(name, list) else name


def _complaint(value: Any, error: Exception) -> str:
    place = _find(value, "")
    where = f" at {place}" if place else ""
    return (
        f"the document cannot be recorded{where}: {error}; allowed are numbers, strings, bytes, booleans, None, "
        "numpy arrays, and lists and dicts of these, nested less than 500 deep"
    )


def _find(value: Any, place: str, depth: int = 0) -> str | None:
    """Place of the innermost part that cannot be packed, as `doc['a'][3]`, or None."""
    if depth > MAX_SEARCH_DEPTH or _packs(value):
        return None
    parts: list[tuple[str, Any]] = []
    if isinstance(value, Mapping):
        parts = [(f"{place}[{key!r}]", part) for key, part in value.items()]
    elif isinstance(value, list | tuple):
        parts = [(f"{place}[{index}]", part) for index, part in enumerate(value)]
    for where, part in parts:
        found = _find(part, where, depth + 1)
        if found is not None:
            return found
    return place or None


def _packs(value: Any) -> bool:
    try:
        _pack(value)
    except (TypeError, ValueError, RecursionError, OverflowError):
        return False
    return True
