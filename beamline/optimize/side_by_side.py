"""Work that does not depend on each other, on two threads: the same numbers as one after the other, in less time.

Most of it is linear algebra and compiled physics, which let go of the interpreter. Two, because that is what a bench's
computer can be counted on to have; each piece draws from its own random numbers, so that nothing depends on who is first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

__all__ = ["both", "each"]

_One = TypeVar("_One")
_Other = TypeVar("_Other")
_Item = TypeVar("_Item")

THREADS = 2


def both(one: Callable[[], _One], other: Callable[[], _Other]) -> tuple[_One, _Other]:
    """What two functions give. The first runs on the caller's thread; what either raises is raised here."""
    with ThreadPoolExecutor(1, thread_name_prefix="side-by-side") as pool:
        later = pool.submit(other)
        return one(), later.result()


def each(function: Callable[[_Item], _One], items: Iterable[_Item]) -> list[_One]:
    """What a function gives for each of some items, in their order."""
    with ThreadPoolExecutor(THREADS, thread_name_prefix="side-by-side") as pool:
        return list(pool.map(function, items))
