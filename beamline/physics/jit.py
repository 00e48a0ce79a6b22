"""How the kernels are compiled: lazily at their first call, and cached on disk where they are entered from Python."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Final, TypeVar

import numba
from numba.core import entrypoints

__all__ = ["compiled", "entry", "no_extensions", "one_thread_entry", "source_digest"]

_Function = TypeVar("_Function", bound=Callable[..., object])

_FAST_MATH: Final = {"reassoc", "contract", "arcp", "nsz", "afn"}
"""Rounding may differ from the written order; NaN and infinity keep their meaning, so that checks of them work."""


def compiled(function: _Function) -> _Function:
    """A building block: compiled into whatever calls it, never cached by itself."""
    block: _Function = numba.njit(fastmath=_FAST_MATH, error_model="numpy")(function)
    return block


def entry(function: _Function) -> _Function:
    """An entry from Python: parallel, releases the interpreter lock, cached on disk.

    The on-disk cache looks at the file of the function alone. So an entry must close over `source_digest()`, which the
    cache does take into its key: then a change in any building block compiles anew.
    """
    kernel: _Function = numba.njit(fastmath=_FAST_MATH, error_model="numpy", parallel=True, nogil=True, cache=True)(
        function
    )
    return kernel


def one_thread_entry(function: _Function) -> _Function:
    """An entry for a handful of sites: its `prange` is a `range`, for waking the other threads takes longer than the work.

    As `entry` otherwise. What it closes over must differ from what the parallel entry of the same source closes over: the
    cache would take one for the other.
    """
    kernel: _Function = numba.njit(fastmath=_FAST_MATH, error_model="numpy", nogil=True, cache=True)(function)
    return kernel


@contextmanager
def no_extensions() -> Iterator[None]:
    """Within this, numba does not ask the installed packages whether they extend it.

    It would import those that do before it loads anything, compiled or not: awkward, which comes with Tiled, is a third of the
    first call's time. Our kernels need none. Afterwards numba asks as ever.
    """
    asked = getattr(entrypoints, "_already_initialized", True)  # a numba without that word asks, and takes its time
    if asked:
        yield
        return
    entrypoints._already_initialized = True  # noqa: SLF001  # numba has no public word for it
    try:
        yield
    finally:
        entrypoints._already_initialized = False  # noqa: SLF001


@cache
def source_digest() -> str:
    """Digest of the sources of this package."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()
